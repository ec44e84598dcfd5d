package bus

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
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

// MarkSubject is where the sensor's marks are published, MarkRequest what asks for the last one (NATS ADR-31, direct get).
// With these two, and no other access to the bucket, a sensor sees its own marks and nobody else's.
func MarkSubject(sensor string) string { return "$KV." + marksBucket + "." + sensor }

// MarkRequest is the subject of the request for the sensor's last mark.
func MarkRequest(sensor string) string {
	return "$JS.API.DIRECT.GET.KV_" + marksBucket + "." + MarkSubject(sensor)
}

// askMarkEvery is how often the last mark is asked for, in case one was missed.
const askMarkEvery = 10 * time.Second

// WatchMarks calls f with the sensor's mark as it is, the zero one if it has none yet, and then with every new one, until
// ctx ends. A mark may come twice.
func (b *Bus) WatchMarks(ctx context.Context, sensor string, f func(Mark)) error {
	news := make(chan *nats.Msg, 16)
	s, err := b.nc.ChanSubscribe(MarkSubject(sensor), news)
	if err != nil {
		return unreachable(b, "cannot watch the marks", err)
	}
	defer func() { _ = s.Unsubscribe() }()
	tick := time.NewTicker(askMarkEvery)
	defer tick.Stop()
	for {
		m, err := b.lastMark(ctx, sensor)
		if err != nil {
			return err
		}
		f(m)
		for asked := false; !asked; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
				asked = true
			case n := <-news:
				m, err := parseMark(string(n.Data))
				if err != nil {
					return err
				}
				f(m)
			}
		}
	}
}

// lastMark is the sensor's mark as it is, zero where there is none yet.
func (b *Bus) lastMark(ctx context.Context, sensor string) (Mark, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := b.nc.RequestWithContext(ctx, MarkRequest(sensor), nil)
	if err != nil {
		return Mark{}, unreachable(b, "cannot ask for the mark", err)
	}
	switch status := r.Header.Get("Status"); status {
	case "":
	case "404":
		return Mark{}, nil
	default:
		return Mark{}, unreachable(b, "cannot ask for the mark", fmt.Errorf("status %s %s", status, r.Header.Get("Description")))
	}
	return parseMark(string(r.Data))
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
