package bus

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Mark says that the lake has everything of a sensor's epoch up to a sequence.
type Mark struct {
	Epoch, Sequence uint64
}

// PublishMark lets the sensor know, under its name in the bucket (a put is a publication, NATS ADR-8). The value is the epoch in hexadecimal, a blank, the sequence in decimal.
func (b *Bus) PublishMark(ctx context.Context, sensor string, m Mark) error {
	value := strconv.AppendUint(append(strconv.AppendUint(nil, m.Epoch, 16), ' '), m.Sequence, 10)
	if _, err := b.js.Publish(ctx, MarkSubject(sensor), value); err != nil {
		return unreachable(b, "cannot publish the mark of "+sensor, err)
	}
	return nil
}

// MarkSubject is where the sensor's marks are published, MarkRequest what asks for the last one. With these two, and no
// other access to the bucket, a sensor sees its own marks and nobody else's.
func MarkSubject(sensor string) string { return valueSubject(marksBucket, sensor) }

// MarkRequest is the subject of the request for the sensor's last mark.
func MarkRequest(sensor string) string { return lastRequest(marksBucket, sensor) }

// WatchMarks calls f with the sensor's mark as it is and then with every new one, until ctx ends. A mark may come twice.
func (b *Bus) WatchMarks(ctx context.Context, sensor string, f func(Mark)) error {
	return b.watchLast(ctx, marksBucket, sensor, func(value []byte) error {
		m, err := parseMark(string(value))
		if err == nil {
			f(m)
		}
		return err
	})
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
