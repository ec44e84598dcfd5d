package tap

import (
	"context"
	"fmt"
	"time"

	"terroir"
)

// putAll hands the records to the sink, which queues them, and returns the first error: one that is not recorded keeps no
// other back.
func putAll(ctx context.Context, sink Sink, records []terroir.Record) (first error) {
	for _, r := range records {
		if err := sink.Put(ctx, r); err != nil && first == nil {
			first = fmt.Errorf("tap: event not recorded: %w", err)
		}
	}
	return first
}

// appendLoss appends a loss, if there is one.
func appendLoss(records []terroir.Record, sensor, reason string, n int64) []terroir.Record {
	if n == 0 {
		return records
	}
	l := &terroir.Loss{Time: time.Now().UTC(), Stage: "tap", Reason: reason, Attempts: n}
	l.Sensor = sensor
	return append(records, terroir.Record{Loss: l})
}
