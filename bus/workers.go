package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// workersBucket holds a key for each hub that lives.
const workersBucket = "terroir_workers"

// WorkerTTL is how long the bucket keeps the key of a hub that says nothing.
const WorkerTTL = 10 * time.Second

// makeWorkers makes the bucket. It lies in memory: what it says is true for seconds only.
func (b *Bus) makeWorkers(ctx context.Context, replicas int) (jetstream.KeyValue, error) {
	return b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: workersBucket, TTL: WorkerTTL, Storage: jetstream.MemoryStorage, Replicas: replicas,
	})
}

// Present says that the worker lives; it is to be said again and again. A bus that was started anew since Setup has no bucket, and
// gets it again: else hubs would never hear again that one of them ended.
func (b *Bus) Present(ctx context.Context, worker string) error {
	kv, err := b.js.KeyValue(ctx, workersBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		var replicas int
		if replicas, err = b.replicas(ctx, 1); err == nil {
			kv, err = b.makeWorkers(ctx, replicas)
		}
	}
	if err == nil {
		_, err = kv.PutString(ctx, worker, "")
	}
	if err != nil {
		return unreachable(b, "cannot register as a worker", err)
	}
	return nil
}

// Leave says that the worker ends.
func (b *Bus) Leave(ctx context.Context, worker string) error {
	kv, err := b.js.KeyValue(ctx, workersBucket)
	if err == nil {
		err = kv.Delete(ctx, worker)
	}
	if err != nil {
		return unreachable(b, "cannot leave the workers", err)
	}
	return nil
}

// Worker is what is heard of a hub: that it lives, or that it left. The empty name says that those who are known at the
// beginning have all been told.
type Worker struct {
	Name string
	Left bool
}

// WatchWorkers calls f with what is heard of every worker until ctx ends.
func (b *Bus) WatchWorkers(ctx context.Context, f func(Worker)) error {
	kv, err := b.js.KeyValue(ctx, workersBucket)
	if err != nil {
		return unreachable(b, "cannot watch the workers", err)
	}
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return unreachable(b, "cannot watch the workers", err)
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.Updates():
			if !ok {
				return unreachable(b, "cannot watch the workers", errors.New("the watch ended"))
			}
			if e == nil {
				f(Worker{})
				continue
			}
			f(Worker{Name: e.Key(), Left: e.Operation() != jetstream.KeyValuePut})
		}
	}
}
