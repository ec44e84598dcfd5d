package sensor

import (
	"context"
	"errors"
	"sync"
	"time"

	"terroir"
	"terroir/sensor/spool"
	"terroir/wire"
)

// recorder is the sink of everything that a sensor observes: it numbers records and puts them on disk. What a full
// spool does not take is counted, and the count is recorded once there is space again.
type recorder struct {
	spool  *spool.Spool
	sensor string

	mu   sync.Mutex
	lost int64
}

// Put returns when the record is on disk, or counted as lost.
func (rec *recorder) Put(ctx context.Context, r terroir.Record) error {
	if err := rec.recordLost(ctx); err != nil {
		return err
	}
	err := rec.append(ctx, &r)
	if errors.Is(err, spool.ErrFull) {
		rec.mu.Lock()
		rec.lost += attempts(&r)
		rec.mu.Unlock()
		return nil
	}
	return err
}

func (rec *recorder) append(ctx context.Context, r *terroir.Record) error {
	_, err := rec.spool.Append(ctx, func(b []byte, seq uint64) []byte {
		r.Position().Sequence = seq
		return wire.AppendRecord(b, r)
	})
	return err
}

// recordLost records how much was lost, if the spool takes that now.
func (rec *recorder) recordLost(ctx context.Context) error {
	rec.mu.Lock()
	n := rec.lost
	rec.lost = 0
	rec.mu.Unlock()
	if n == 0 {
		return nil
	}
	l := &terroir.Loss{Time: time.Now().UTC(), Stage: "spool", Reason: "full", Attempts: n}
	l.Sensor = rec.sensor
	err := rec.append(ctx, &terroir.Record{Loss: l})
	if err != nil {
		rec.mu.Lock()
		rec.lost += n
		rec.mu.Unlock()
	}
	if errors.Is(err, spool.ErrFull) {
		return nil
	}
	return err
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
