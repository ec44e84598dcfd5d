package bus

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Mark says that the lake has everything of a sensor's epoch up to a sequence.
type Mark struct {
	Epoch, Sequence uint64
}

// PublishMark lets the sensor know. The value is the epoch in hexadecimal, a blank, the sequence in decimal.
func (b *Bus) PublishMark(ctx context.Context, sensor string, m Mark) error {
	kv, err := b.js.KeyValue(ctx, marksBucket)
	if err == nil {
		_, err = kv.PutString(ctx, sensor, strconv.FormatUint(m.Epoch, 16)+" "+strconv.FormatUint(m.Sequence, 10))
	}
	if err != nil {
		return unreachable(b, "cannot publish the mark of "+sensor, err)
	}
	return nil
}

// WatchMarks calls f with the sensor's mark as it is and then with every new one, until ctx ends.
func (b *Bus) WatchMarks(ctx context.Context, sensor string, f func(Mark)) error {
	kv, err := b.js.KeyValue(ctx, marksBucket)
	if err != nil {
		return unreachable(b, "cannot watch the marks", err)
	}
	w, err := kv.Watch(ctx, sensor, jetstream.IgnoreDeletes())
	if err != nil {
		return unreachable(b, "cannot watch the marks", err)
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.Updates():
			if !ok {
				return fmt.Errorf("bus: the watch on the marks ended")
			}
			if e == nil {
				continue // All that was there has been seen.
			}
			m, err := parseMark(string(e.Value()))
			if err != nil {
				return err
			}
			f(m)
		}
	}
}

func parseMark(s string) (Mark, error) {
	epoch, sequence, _ := strings.Cut(s, " ")
	e, err := strconv.ParseUint(epoch, 16, 64)
	if err != nil {
		return Mark{}, fmt.Errorf("bus: mark %q: %w", s, err)
	}
	n, err := strconv.ParseUint(sequence, 10, 64)
	if err != nil {
		return Mark{}, fmt.Errorf("bus: mark %q: %w", s, err)
	}
	return Mark{e, n}, nil
}
