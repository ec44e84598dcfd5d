package uplink

import (
	"context"
	"errors"
	"log/slog"

	"terroir"
	"terroir/sensor/spool"
	"terroir/wire"
)

// renumber appends again what was recorded under numbers up to seq, which the hub has for other records: the spool's
// folder was damaged, or an old one was put back, and the sensor recorded before it heard of it.
func (u *uplink) renumber(ctx context.Context, seq uint64) {
	first, last := u.Spool.Skip(seq)
	r := u.Spool.Reader(first)
	defer r.Close()
	for first <= last {
		entries, err := r.Next(ctx, batchRecords, batchBytes)
		if err != nil {
			if ctx.Err() == nil {
				slog.Error("uplink: records that need another number cannot be read", "sensor", u.Sensor, "first", first, "last", last, "error", err)
				u.lose("renumbered", int64(last-first+1))
			}
			return
		}
		for _, e := range entries {
			if e.Seq <= last {
				u.again(ctx, e)
			}
			first = e.Seq + 1
		}
	}
}

// again appends the record under a new number.
func (u *uplink) again(ctx context.Context, e spool.Entry) {
	var r terroir.Record
	err := wire.DecodeRecord(e.Data, &r)
	if err == nil {
		_, err = u.Spool.Append(ctx, func(b []byte, seq uint64) []byte {
			r.Position().Sequence = seq
			return wire.AppendRecord(b, &r)
		})
	}
	attempts := int64(0)
	switch {
	case r.Event != nil:
		attempts = r.Event.Attempts
	case r.Loss != nil:
		attempts = r.Loss.Attempts
	}
	switch {
	case errors.Is(err, spool.ErrFull):
		u.lose("full", attempts)
	case err != nil:
		u.lose("renumbered", attempts)
	}
}

func (u *uplink) lose(reason string, n int64) {
	if u.Lost != nil && n > 0 {
		u.Lost(reason, n)
	}
}
