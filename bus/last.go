package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// lastRequest is the subject of the request for the last value of a key in a bucket (NATS ADR-31, direct get).
func lastRequest(bucket, key string) string {
	return "$JS.API.DIRECT.GET.KV_" + bucket + "." + valueSubject(bucket, key)
}

// valueSubject is where the values of a key are published.
func valueSubject(bucket, key string) string { return "$KV." + bucket + "." + key }

// askEvery is how often the last value is asked for, in case one was missed.
const askEvery = 10 * time.Second

// watchLast calls f with the key's value as it is and then with every new one, until ctx ends or f returns an error. It
// needs no right but to the key's two subjects.
func (b *Bus) watchLast(ctx context.Context, bucket, key string, f func([]byte) error) error {
	news := make(chan *nats.Msg, 16)
	s, err := b.nc.ChanSubscribe(valueSubject(bucket, key), news)
	if err != nil {
		return unreachable(b, "cannot watch "+bucket, err)
	}
	defer func() { _ = s.Unsubscribe() }()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		value, err := b.last(ctx, bucket, key)
		if err == nil && value != nil {
			err = f(value)
		}
		if err != nil {
			return err
		}
		for asked := false; !asked; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
				asked = true
			case n := <-news:
				if err := f(n.Data); err != nil {
					return err
				}
			}
		}
	}
}

// last is the key's value as it is, or nil where there is none yet.
func (b *Bus) last(ctx context.Context, bucket, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := b.nc.RequestWithContext(ctx, lastRequest(bucket, key), nil)
	if err != nil {
		return nil, unreachable(b, "cannot ask for what is in "+bucket, err)
	}
	switch status := r.Header.Get("Status"); status {
	case "":
		return append([]byte{}, r.Data...), nil
	case "404":
		return nil, nil
	default:
		return nil, unreachable(b, "cannot ask for what is in "+bucket, fmt.Errorf("status %s %s", status, r.Header.Get("Description")))
	}
}
