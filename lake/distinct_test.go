package lake

import (
	"context"
	"fmt"
	"testing"
	"time"

	"terroir"
)

// TestTwoWritersKeepOnePayloadOnce has two writers, each with a memory of its own, meet the same payloads in turn.
func TestTwoWritersKeepOnePayloadOnce(t *testing.T) {
	dir := t.TempDir()
	writers := []*Lake{openLake(t, dir), openLake(t, dir)}
	commit := func(w *Lake, numbers ...int) {
		t.Helper()
		var b Batch
		for _, n := range numbers {
			bytes := fmt.Appendf(nil, "payload %d", n)
			b.Payloads = append(b.Payloads, terroir.Payload{ID: terroir.NewPayloadID(bytes), Bytes: bytes, FirstTime: time.Now(), FirstSensor: "s"})
		}
		if _, err := w.Commit(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
	}
	commit(writers[0], 1, 2)
	commit(writers[1], 2, 3)
	commit(writers[0], 3, 4)
	commit(writers[1], 1, 4, 5)
	if _, rows := rowsIn(t, writers[0], "payloads"); rows != 5 {
		t.Errorf("%d payloads, want 5", rows)
	}
	if _, err := writers[1].Expire(context.Background(), ExpireOptions{Older: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	commit(writers[1], 6)
	if _, err := writers[1].Expire(context.Background(), ExpireOptions{Older: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	commit(writers[0], 1, 6, 7) // What it last saw is expired.
	if _, rows := rowsIn(t, writers[0], "payloads"); rows != 7 {
		t.Errorf("%d payloads, want 7", rows)
	}
}
