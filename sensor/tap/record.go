package tap

import (
	"context"
	"fmt"
	"sync"
	"time"

	"terroir"
)

// recorders is how many records are handed to the sink at once: a durable sink shares one write among them.
const recorders = 64

// putAll hands the records to the sink and returns when it has all of them, with the first error.
func putAll(ctx context.Context, sink Sink, records []terroir.Record) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	next := make(chan terroir.Record)
	for range min(recorders, len(records)) {
		wg.Go(func() {
			for r := range next {
				if err := sink.Put(ctx, r); err != nil {
					mu.Lock()
					if first == nil {
						first = fmt.Errorf("tap: event not recorded: %w", err)
					}
					mu.Unlock()
				}
			}
		})
	}
	for _, r := range records {
		next <- r
	}
	close(next)
	wg.Wait()
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
