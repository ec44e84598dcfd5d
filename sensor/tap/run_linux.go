package tap

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"terroir"
)

// Tap observes until Close.
type Tap struct {
	opt      Options
	sink     Sink
	ring     *ring
	own      own
	table    *table
	sockets  sockets
	closings closings
	out      outgoing
	sent     sent
	ports    map[int32]bool
	// watching is false while the interface that was named is not there.
	watching atomic.Bool

	done chan struct{}
	once sync.Once
	wg   sync.WaitGroup
	errs chan error
}

// Start begins to observe. Without the right to read packets it returns ErrNoCapability.
func Start(ctx context.Context, opt Options, sink Sink) (*Tap, error) {
	opt.defaults()
	t := &Tap{opt: opt, sink: sink, done: make(chan struct{}), errs: make(chan error, 1)}
	if err := t.own.read(&t.opt); err != nil {
		return nil, fmt.Errorf("tap: %w", err)
	}
	var err error
	if t.ring, err = openRing(opt.Interface, opt.RingBytes); err != nil {
		return nil, err
	}
	t.watching.Store(true)
	if !opt.looksAtOutgoing {
		t.closings.start()
	}
	if err := t.refreshLinks(); err != nil {
		t.closings.close()
		return nil, errors.Join(err, t.ring.close())
	}
	t.sockets.open()
	t.table = newTable(&t.opt)
	t.wg.Go(func() { t.run(context.WithoutCancel(ctx)) })
	return t, nil
}

func (t *Tap) run(ctx context.Context) {
	full := make(chan []terroir.Record)
	t.wg.Go(func() {
		for records := range full {
			if err := putAll(ctx, t.sink, records); err != nil {
				t.fail(err)
			}
		}
	})
	defer close(full)
	defer func() { full <- t.take() }()
	end := time.Now().Add(t.opt.Interval)
	var pending []terroir.Record
	for {
		select {
		case <-t.done:
			t.drain()
			if len(pending) > 0 {
				full <- pending
			}
			return
		default:
		}
		if _, err := t.read(wakeEvery); err != nil {
			t.fail(err)
			return
		}
		now := time.Now()
		if pending == nil && now.After(end) {
			pending, end = t.take(), now.Add(t.opt.Interval)
		}
		if pending != nil {
			select { // Reading goes on while the sink is busy; an interval is then longer.
			case full <- pending:
				pending = nil
			default:
			}
		}
		if t.own.refresh(now, &t.opt) {
			if err := t.refreshLinks(); err != nil {
				t.fail(err)
				return
			}
		}
	}
}

// drainWithin bounds how long the end takes when packets go on coming. It is more than the kernel holds back a block.
const drainWithin = 2 * retireAfter

// drain takes what the ring has already, and what waits in a block that is not full.
func (t *Tap) drain() {
	for end := time.Now().Add(drainWithin); time.Now().Before(end); {
		if _, err := t.read(retireAfter); err != nil {
			t.fail(err)
			return
		}
	}
}

// read takes a block of packets. What was sent before is looked at first: they may be answers to it.
func (t *Tap) read(wait time.Duration) (bool, error) {
	return t.ring.read(wait, func() {
		now := time.Now()
		if t.closings.open {
			t.closings.drain(now)
		}
		t.out.drain(func(p *packet) { t.sent.add(now, exchange{own: p.src, peer: p.dst}) })
	}, t.packet)
}

func (t *Tap) fail(err error) {
	select {
	case t.errs <- err:
	default:
	}
}

// packet counts one packet that came in.
func (t *Tap) packet(c captured) {
	p, ok := parse(c.data)
	if !ok || c.kind == unix.PACKET_OUTGOING || c.kind == unix.PACKET_OTHERHOST || !t.own.has(p.dst.Addr()) || t.twice(&c) {
		return
	}
	if src := p.src.Addr(); t.own.has(src) && !src.IsLoopback() {
		return // The machine asks itself.
	}
	if p.transport == terroir.UDP && (t.sent.has(c.at, exchange{own: p.dst, peer: p.src}) || t.answers(c.at, p.dst.Port())) {
		return
	}
	t.table.add(c.at, &p)
}

// answers reports whether a socket of this machine has the port.
func (t *Tap) answers(now time.Time, port uint16) bool {
	return t.opt.Served(terroir.UDP, port) || t.closings.has(now, port) || t.sockets.has(now, port)
}

// take returns the rows and losses of the interval, never nil.
func (t *Tap) take() []terroir.Record {
	rows, lost := t.table.take()
	if t.opt.Seen != nil {
		t.opt.Seen(rows)
	}
	records := append([]terroir.Record{}, rows...)
	for _, reason := range []string{"table", "per_source", "half_open"} {
		records = appendLoss(records, t.opt.Sensor, reason, lost[reason])
	}
	dropped, err := t.ring.dropped()
	if err != nil {
		t.fail(err)
	}
	return appendLoss(records, t.opt.Sensor, "kernel", dropped)
}

// Watching says whether attempts are observed at the moment: an interface that was named may be down, or gone.
func (t *Tap) Watching() bool { return t.watching.Load() }

// Err gives the first error: from then on attempts go unrecorded.
func (t *Tap) Err() <-chan error { return t.errs }

// Close records what was counted so far and stops. It returns an error of the sink that Err has not given yet.
func (t *Tap) Close() (err error) {
	t.once.Do(func() {
		close(t.done)
		t.wg.Wait()
		err = t.ring.close()
		t.sockets.close()
		t.out.close()
		t.closings.close()
		select {
		case failed := <-t.errs:
			err = errors.Join(failed, err)
		default:
		}
	})
	return err
}
