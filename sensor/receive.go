package sensor

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/config"
)

// receiver has the sensor serve what the hub's documents say.
type receiver struct {
	*running
	changes  chan<- Change
	refusals chan<- terroir.Refusal
	// told is the refusal that was told last, and of what.
	told      terroir.Refusal
	toldAbout [sha256.Size]byte
}

// watchAgain is the pause after the bus could not be watched.
const watchAgain = time.Second

// run watches the bus until ctx ends, and the clock: what a document says of later is done then, whether the hub is there
// or not.
func (v *receiver) run(ctx context.Context, b *bus.Bus) {
	news := make(chan []byte)
	go func() {
		for ctx.Err() == nil {
			err := b.WatchConfiguration(ctx, v.cfg.Sensor, func(text []byte) error {
				select {
				case news <- text:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			slog.Debug("configurations", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(watchAgain):
			}
		}
	}()
	for ctx.Err() == nil {
		next := time.NewTimer(v.untilNext(time.Now()))
		select {
		case <-ctx.Done():
		case text := <-news:
			v.hear(ctx, text)
		case <-next.C:
			v.period(ctx)
		}
		next.Stop()
	}
}

// longest is how long the clock is not looked at: it may be set.
const longest = time.Minute

// untilNext is how long the period that is served holds.
func (v *receiver) untilNext(now time.Time) time.Duration {
	d := v.assigned.last()
	if d == nil {
		return longest
	}
	if until := d.At(now).Until; !until.IsZero() {
		return min(max(until.Sub(now), 0), longest)
	}
	return longest
}

// hear judges what came, and serves it.
func (v *receiver) hear(ctx context.Context, text []byte) {
	verdict, err := v.assigned.judge(text, time.Now())
	if err == nil && verdict.Known {
		return
	}
	var serial uint64
	if verdict.Document != nil {
		serial = verdict.Document.Serial
	}
	if err == nil {
		err = v.serve(ctx, v.changes, func() (Change, error) {
			c, err := verdict.Document.At(time.Now()).Configuration()
			if err != nil {
				return Change{}, err
			}
			change, err := v.changeTo(&v.cfg, c)
			change.Serial = serial
			adopt := change.Adopt
			change.Adopt = func() error { return errors.Join(v.assigned.accept(verdict, text), adopt()) }
			return change, err
		})
	}
	if err != nil && ctx.Err() == nil {
		v.refuse(ctx, text, terroir.Refusal{Serial: serial, Reason: terroir.ShortReason(err.Error())})
	}
}

// refuse says once why a document is not served.
func (v *receiver) refuse(ctx context.Context, text []byte, why terroir.Refusal) {
	sum := sha256.Sum256(text)
	if sum == v.toldAbout && why == v.told {
		return
	}
	v.told, v.toldAbout = why, sum
	slog.Error("the hub's configuration is refused", "sensor", v.cfg.Sensor, "serial", why.Serial, "reason", why.Reason)
	select {
	case v.refusals <- why:
	case <-ctx.Done():
	}
}

// period serves the period that the clock has come to, if another one is served.
func (v *receiver) period(ctx context.Context) {
	own := v.cfg.Configuration()
	c, serial := v.assigned.now(own)
	if serial == 0 || v.serves.same(c) {
		return
	}
	err := v.serve(ctx, v.changes, func() (Change, error) {
		change, err := v.changeTo(&v.cfg, c)
		change.Serial = serial
		return change, err
	})
	if err == nil || ctx.Err() != nil {
		return
	}
	v.refuse(ctx, nil, terroir.Refusal{Serial: serial, Reason: terroir.ShortReason(err.Error())}) // It is tried again when the clock is looked at.
}

// changeTo is the change to c, with the personas that cfg says.
func (r *running) changeTo(cfg *config.Sensor, c terroir.Configuration) (Change, error) {
	if err := fits(cfg, &c); err != nil {
		return Change{}, err
	}
	set, err := readPersonas(cfg, c)
	if err != nil {
		return Change{}, err
	}
	numbered, adopt, err := r.revision.of(c)
	return Change{Configuration: numbered, Adopt: func() error {
		r.personas.Store(set)
		return adopt()
	}}, err
}

// serve has the sensor make the change that prepare makes, one after the other, and returns when that is done or has failed.
func (r *running) serve(ctx context.Context, changes chan<- Change, prepare func() (Change, error)) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	c, err := prepare()
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	c.Done = func(err error) { done <- err }
	select {
	case <-ctx.Done():
		return ctx.Err()
	case changes <- c:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-done:
		if err == nil {
			r.serves.set(c.Configuration)
		}
		return err
	}
}

// fits makes sure that listeners leave at least half of the descriptors to sessions.
func fits(cfg *config.Sensor, c *terroir.Configuration) error {
	limit, ok := descriptorLimit()
	listeners := uint64(len(c.Ports) * max(len(cfg.Listen.Addresses), 2))
	if ok && listeners > limit/2 {
		return terroir.Errorf(terroir.ECONFIG, "%d listeners, where there are %d descriptors", listeners, limit)
	}
	return nil
}

// serving is what is served now.
type serving struct {
	mu  sync.Mutex
	now terroir.Configuration
}

func (s *serving) set(c terroir.Configuration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = c
}

// same reports whether c is served, whatever its number.
func (s *serving) same(c terroir.Configuration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.Theme == c.Theme && slices.Equal(s.now.Ports, c.Ports)
}
