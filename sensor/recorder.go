package sensor

import (
	"context"
	"errors"
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
	// ending lets losses into the part of the spool that is reserved: there will be no better time for them.
	ending atomic.Bool

	mu sync.Mutex
	// lost is what is not recorded yet, by reason; announcement is one that found no space.
	lost         map[string]int64
	announcement *terroir.Record
	told         time.Time
}

// Put returns when the record is on disk, or counted as lost.
func (rec *recorder) Put(ctx context.Context, r terroir.Record) error {
	if err := rec.recordLost(ctx); err != nil {
		return err
	}
	err := rec.append(ctx, &r)
	if !errors.Is(err, spool.ErrFull) {
		return err
	}
	if r.Announcement != nil { // What follows cannot be read without it.
		rec.mu.Lock()
		rec.announcement = &r
		rec.mu.Unlock()
		return nil
	}
	rec.lose("full", attempts(&r))
	return nil
}

func (rec *recorder) append(ctx context.Context, r *terroir.Record) error {
	put := rec.spool.Append
	if r.Announcement != nil || r.Loss != nil && rec.ending.Load() {
		put = rec.spool.AppendReserved
	}
	_, err := put(ctx, func(b []byte, seq uint64) []byte {
		r.Position().Sequence = seq
		return wire.AppendRecord(b, r)
	})
	return err
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
		if err := rec.append(ctx, announcement); errors.Is(err, spool.ErrFull) {
			rec.mu.Lock()
			rec.announcement = announcement
			rec.mu.Unlock()
		} else if err != nil {
			return err
		}
	}
	for reason, n := range lost {
		l := &terroir.Loss{Time: time.Now().UTC(), Stage: "spool", Reason: reason, Attempts: n}
		l.Sensor = rec.sensor
		err := rec.append(ctx, &terroir.Record{Loss: l})
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
