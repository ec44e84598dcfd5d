package bus

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"terroir"
)

// Setup makes the stream and the buckets where they do not exist, and brings those of an older version up to date. The hub
// calls it before it consumes; replicas is 1 for a single server. A stream that has more replicas keeps them: a hub with
// another configuration must not take them away.
func (b *Bus) Setup(ctx context.Context, replicas int) error {
	replicas, err := b.replicas(ctx, replicas)
	if err == nil {
		_, err = b.js.CreateOrUpdateStream(ctx, Bounded(jetstream.StreamConfig{
			Name: streamName, Subjects: []string{subjectPrefix + "*"}, Storage: jetstream.FileStorage, Replicas: replicas,
			Retention: jetstream.LimitsPolicy, Duplicates: 10 * time.Minute, AllowDirect: true, SubjectTransform: parting(),
		}))
	}
	if err == nil {
		_, err = b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: marksBucket, Storage: jetstream.FileStorage, Replicas: replicas})
	}
	if err == nil {
		_, err = b.makeWorkers(ctx, replicas)
	}
	if err != nil {
		return unreachable(b, "cannot set up the stream", err)
	}
	return b.SetupConfigurations(ctx, replicas)
}

// replicas is how many copies there are to be: what is asked for, or what there is, if that is more.
func (b *Bus) replicas(ctx context.Context, asked int) (int, error) {
	s, err := b.js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return asked, nil
	}
	if err != nil {
		return 0, err
	}
	return max(asked, s.CachedInfo().Config.Replicas), nil
}

const (
	// setupPause is the time between two attempts. An attempt may take setupTry at first, and then twice as long each time
	// up to setupTryMax: a cluster without a leader does not answer at all, a slow one answers late.
	setupPause  = 500 * time.Millisecond
	setupTry    = time.Second
	setupTryMax = 8 * time.Second
)

// SetupWithin is Setup for a bus that may still be starting, or choosing its leaders: it is tried until it works, at most
// for as long as within. That it waits is said once.
//
// It yields the last EUNREACHABLE error when the time is over, and the error of ctx when that ends before.
func (b *Bus) SetupWithin(ctx context.Context, within time.Duration, replicas int) error {
	deadline := time.Now().Add(within)
	said := false
	for longest := setupTry; ; longest = min(2*longest, setupTryMax) {
		try, cancel := context.WithTimeout(ctx, longest)
		err := b.Setup(try, replicas)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().Add(setupPause).After(deadline) {
			return waited(err, within)
		}
		if !said {
			slog.Warn("bus: not ready; waiting for it", "at most", within, "error", err)
			said = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(setupPause):
		}
	}
}

// waited adds to the error how long it was waited for.
func waited(err error, within time.Duration) error {
	var e *terroir.Error
	if !errors.As(err, &e) {
		return err
	}
	w := *e
	w.Message += ", though it was tried for " + within.String()
	w.Hint = "is the bus running, with JetStream, and has it as many servers as bus.replicas says?"
	return &w
}
