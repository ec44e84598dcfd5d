package sensor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"terroir"
	"terroir/sensor/spool"
	"terroir/wire"
)

// recorder is the sink of everything that a sensor observes: it numbers records and puts them on disk. What a full
// spool does not take is counted, and the count is recorded once there is space again, or when the sensor ends.
type recorder struct {
	spool  *spool.Spool
	sensor string
	failed chan error
	// ending lets losses into the part of the spool that is reserved: there will be no better time for them.
	ending atomic.Bool

	mu sync.Mutex
	// lost is what is not recorded yet, by reason; announcement is one that found no space.
	lost         map[string]int64
	announcement *terroir.Record
	told         time.Time
}

// newRecorder opens the spool.
func newRecorder(dir, sensor string, maxBytes int64) (*recorder, error) {
	rec := &recorder{sensor: sensor, failed: make(chan error, 1)}
	var err error
	rec.spool, err = spool.Open(dir, spool.Options{MaxBytes: maxBytes, Failed: rec.notWritten})
	return rec, err
}

// Put returns when the record is to be written with those that come at the same time, or counted as lost. What is not
// written in the end is counted, too, or Err tells that the disk fails.
func (rec *recorder) Put(ctx context.Context, r terroir.Record) error {
	if err := rec.recordLost(ctx); err != nil {
		return err
	}
	if r.Announcement != nil {
		return rec.announce(ctx, &r)
	}
	err := rec.spool.Queue(ctx, attempts(&r), encoded(&r))
	if errors.Is(err, spool.ErrFull) {
		rec.lose("full", attempts(&r))
		return nil
	}
	return err
}

// Err gives the error of a disk that fails: from then on nothing is recorded.
func (rec *recorder) Err() <-chan error { return rec.failed }

// notWritten takes what was queued and did not reach the disk.
func (rec *recorder) notWritten(err error, attempts int64) {
	rec.lose("full", attempts)
	if !errors.Is(err, spool.ErrFull) {
		select {
		case rec.failed <- fmt.Errorf("not recorded: %w", err):
		default: // The first one ends the sensor.
		}
	}
}

// announce records what events that follow cannot be read without: where there is no space it is kept for later.
func (rec *recorder) announce(ctx context.Context, r *terroir.Record) error {
	_, err := rec.spool.AppendReserved(ctx, encoded(r))
	if errors.Is(err, spool.ErrFull) {
		rec.mu.Lock()
		rec.announcement = r
		rec.mu.Unlock()
		return nil
	}
	return err
}

func encoded(r *terroir.Record) func(b []byte, seq uint64) []byte {
	return func(b []byte, seq uint64) []byte {
		r.Position().Sequence = seq
		return wire.AppendRecord(b, r)
	}
}

// lose counts attempts that are not recorded.
func (rec *recorder) lose(reason string, n int64) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.lost == nil {
		rec.lost = map[string]int64{}
	}
	rec.lost[reason] += n
}

// lossEvery is how often at most a full spool is asked to take losses.
const lossEvery = 10 * time.Second

// recordLost records how much was lost and what could not be announced, if the spool takes that now.
func (rec *recorder) recordLost(ctx context.Context) error {
	rec.mu.Lock()
	if len(rec.lost) == 0 && rec.announcement == nil || time.Since(rec.told) < lossEvery {
		rec.mu.Unlock()
		return nil
	}
	rec.mu.Unlock()
	return rec.flush(ctx)
}

// flush records what there is to tell.
func (rec *recorder) flush(ctx context.Context) error {
	rec.mu.Lock()
	lost, announcement := rec.lost, rec.announcement
	rec.lost, rec.announcement, rec.told = nil, nil, time.Now()
	rec.mu.Unlock()
	if announcement != nil {
		if err := rec.announce(ctx, announcement); err != nil {
			return err
		}
	}
	put := rec.spool.Append
	if rec.ending.Load() {
		put = rec.spool.AppendReserved
	}
	for reason, n := range lost {
		l := &terroir.Loss{Time: time.Now().UTC(), Stage: "spool", Reason: reason, Attempts: n}
		l.Sensor = rec.sensor
		_, err := put(ctx, encoded(&terroir.Record{Loss: l}))
		if err != nil {
			rec.lose(reason, n)
		}
		if err != nil && !errors.Is(err, spool.ErrFull) {
			return err
		}
	}
	return nil
}

func attempts(r *terroir.Record) int64 {
	switch {
	case r.Event != nil:
		return r.Event.Attempts
	case r.Loss != nil:
		return r.Loss.Attempts
	}
	return 0
}
