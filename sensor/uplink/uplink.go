// Package uplink brings what lies in a sensor's spool to the bus, and frees the spool when the hub says that the lake
// has it. Being on the bus is not enough: the bus may be lost.
package uplink

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"terroir/bus"
	"terroir/sensor/spool"
	"terroir/wire"
)

// Options of an uplink.
type Options struct {
	Sensor string
	Spool  *spool.Spool
	Bus    *bus.Bus
	// ResendAfter is how long the hub may confirm nothing of what was sent before it is sent again; default 2 minutes. Each time
	// in vain it is twice as long, up to maxPatience times: a hub that is away for hours finds each record a few times only.
	ResendAfter time.Duration
	// Quiet is held while something is published; nil is nobody else's.
	Quiet sync.Locker
	// Lost is told how many records cannot reach the hub, and why. It may be nil.
	Lost func(reason string, n int64)
}

const (
	batchRecords = 4096
	// batchBytes leaves room in a message for the last record, which may be as large as a payload can be.
	batchBytes = 1 << 20
	// retryMin and retryMax bound the pause after a publication that failed.
	retryMin, retryMax = 200 * time.Millisecond, 15 * time.Second
	maxPatience        = 32
)

// uplink is one run.
type uplink struct {
	Options
	mu sync.Mutex
	// committed is the last sequence that the lake has, progress when it last moved, or when something was sent of which the
	// lake had all before. What is sent later is no progress: else a sensor whose heartbeats follow each other would never
	// notice that the hub waits for what the bus lost.
	committed uint64
	progress  time.Time
	// sent is the last sequence that the bus has; generation counts how often all was sent again.
	sent, oldest uint64
	generation   int
	// patience is how long the hub may now confirm nothing; from is committed when the generation began.
	patience time.Duration
	from     uint64
	// nonce makes the names of batches such that nobody else can tell them before: the bus keeps one of two that have the
	// same name, whoever sent them. Each run has another: what an earlier one sent may be gone from the bus, and is stored again.
	nonce string
	pace  pace
	// first is closed, and heard set, when the hub's first word about marks has come; heard belongs to who follows them.
	first chan struct{}
	heard bool
}

// Run works until ctx ends or the spool fails.
func Run(ctx context.Context, opt Options) error {
	if opt.ResendAfter == 0 {
		opt.ResendAfter = 2 * time.Minute
	}
	if opt.Quiet == nil {
		opt.Quiet = &sync.Mutex{}
	}
	u := &uplink{Options: opt, progress: time.Now(), nonce: rand.Text(), pace: newPace(time.Now()), first: make(chan struct{})}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return u.free(ctx) })
	g.Go(func() error { return u.send(ctx) })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("uplink: %w", err)
	}
	return nil
}

// free follows the hub's marks. A bus that is away is waited for.
func (u *uplink) free(ctx context.Context) error {
	for {
		err := u.Bus.WatchMarks(ctx, u.Sensor, func(m bus.Mark) {
			u.hear(ctx, m)
		})
		if ctx.Err() != nil {
			return nil
		}
		slog.Debug("uplink: marks", "error", err)
		pause(ctx, time.Second)
	}
}

// hear takes a mark in. Until the first one, nothing is sent: a record that the hub has for another must have another
// number first.
func (u *uplink) hear(ctx context.Context, m bus.Mark) {
	if m.Epoch == u.Spool.Epoch() {
		if !u.heard || m.Sequence >= u.Spool.Next() {
			u.renumber(ctx, m.Sequence)
		}
		u.Spool.Free(m.Sequence)
		u.advance(m.Sequence)
	}
	if !u.heard {
		u.heard = true
		close(u.first)
	}
}

func (u *uplink) advance(committed uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if committed > u.committed {
		u.committed, u.progress = committed, time.Now()
	}
}

// send reads the spool from its beginning and publishes, one batch after the other: the hub takes records only in
// order. Once all is sent and the hub stays silent, it begins again behind what the lake has.
func (u *uplink) send(ctx context.Context) error {
	select {
	case <-u.first:
	case <-ctx.Done():
		return nil
	}
	for {
		reader := u.Spool.Reader(u.begin())
		err := u.sendFrom(ctx, reader)
		reader.Close()
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, errSilence) {
			return err
		}
		slog.Warn("uplink: the hub has not confirmed what was sent; sending it again", "sensor", u.Sensor)
	}
}

var errSilence = errors.New("nothing confirmed")

// begin starts a generation and returns the sequence to read from.
func (u *uplink) begin() uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.generation++
	if u.generation > 1 && u.committed == u.from {
		u.patience = min(2*u.patience, maxPatience*u.ResendAfter)
	} else {
		u.patience = u.ResendAfter
	}
	u.from = u.committed
	u.sent, u.oldest, u.progress = u.committed, 0, time.Now()
	return u.committed + 1
}

func (u *uplink) sendFrom(ctx context.Context, r *spool.Reader) error {
	for {
		wait, cancel := context.WithTimeout(ctx, u.ResendAfter/4)
		entries, err := r.Next(wait, batchRecords, batchBytes)
		expired := wait.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !expired {
			return err
		}
		for len(entries) > 0 {
			n := contiguous(entries)
			if err := u.publish(ctx, entries[:n]); err != nil {
				return err
			}
			entries = entries[n:]
		}
		if u.silent() {
			return errSilence
		}
	}
}

// contiguous is the number of entries at the front that follow each other without a gap.
func contiguous(entries []spool.Entry) int {
	n := 1
	for n < len(entries) && entries[n].Seq == entries[n-1].Seq+1 {
		n++
	}
	return n
}

func (u *uplink) publish(ctx context.Context, entries []spool.Entry) error {
	first, last := entries[0].Seq, entries[len(entries)-1].Seq
	u.mu.Lock()
	if u.oldest == 0 || first != u.sent+1 {
		u.oldest = first // What lies before is not in the spool any more.
	}
	oldest, generation := u.oldest, u.generation
	u.mu.Unlock()
	b := wire.NewBuilder(u.Sensor, u.Spool.Epoch())
	for _, e := range entries {
		b.Add(e.Data)
	}
	id := fmt.Sprintf("%s-%s-%d-%d-%d", u.Sensor, u.nonce, first, last, generation)
	for wait := retryMin; ; wait = min(2*wait, retryMax) {
		pause(ctx, u.pace.take(time.Now(), len(b.Bytes())))
		err := u.try(ctx, id, oldest, b.Bytes())
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		slog.Debug("uplink: publish", "error", err)
		pause(ctx, wait)
	}
	u.noteSent(last)
	return nil
}

func (u *uplink) noteSent(last uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.sent <= u.committed {
		u.progress = time.Now()
	}
	u.sent = last
}

// try publishes once.
func (u *uplink) try(ctx context.Context, id string, oldest uint64, batch []byte) error {
	u.Quiet.Lock()
	defer u.Quiet.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return u.Bus.Publish(ctx, u.Sensor, id, oldest, batch)
}

// silent reports whether the hub should have confirmed more by now.
func (u *uplink) silent() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sent > u.committed && time.Since(u.progress) > u.patience
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
