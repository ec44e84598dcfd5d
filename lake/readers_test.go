package lake_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"terroir"
	"terroir/lake"
	"terroir/query"
)

// batchOf is a batch of rows whose source port is the batch's number, each with a payload of its own.
func batchOf(number, rows int) *lake.Batch {
	b := &lake.Batch{Stream: uint64(number)}
	for i := range rows {
		text := fmt.Appendf(nil, "batch %d row %d", number, i)
		id := terroir.NewPayloadID(text)
		e := terroir.Event{Time: time.Now().UTC(), Region: "eu-west-3", Kind: terroir.KindPayload, Transport: terroir.TCP, Attempts: 1, Payload: id,
			Source: netip.AddrPortFrom(netip.MustParseAddr("100.64.0.1"), uint16(number)), Destination: netip.MustParseAddrPort("100.64.0.2:6379")}
		e.Sensor, e.Epoch, e.Sequence = "paris-1", 1, uint64((number-1)*rows+i+1)
		b.Events = append(b.Events, &e)
		b.Payloads = append(b.Payloads, terroir.Payload{ID: id, Bytes: text, FirstTime: e.Time, FirstSensor: e.Sensor})
		b.Facts = append(b.Facts, terroir.PayloadFacts{Payload: id, Template: id, AnalyzerVersion: 1})
	}
	return b
}

// TestReadersSeeACommitWholeOrNotAtAll reads again and again while batches are committed, from a lake of its own as
// another process would: a batch is there with all rows or with none, and no event is there before its payload.
func TestReadersSeeACommitWholeOrNotAtAll(t *testing.T) {
	const batches, rows = 12, 50
	ctx, dir := context.Background(), t.TempDir()
	writes, reads := openLake(t, dir), openLake(t, dir)
	engine, err := query.Open(reads, query.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	written := make(chan error, 1)
	go func() {
		for n := range batches {
			if _, err := writes.Commit(ctx, batchOf(n+1, rows)); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	looks, partial := 0, 0
	for done := false; !done; looks++ {
		select {
		case err := <-written:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		default:
		}
		r, err := engine.Query(ctx, "SELECT src_port, count(*), count(p.payload_id) FROM events e LEFT JOIN payloads p ON p.payload_id = e.payload_id GROUP BY 1")
		if err != nil {
			t.Fatal(err)
		}
		if n := len(r.Rows); n > 0 && n < batches {
			partial++
		}
		for _, row := range r.Rows {
			if row[1] != int64(rows) || row[2] != int64(rows) {
				t.Fatalf("of batch %v, %v of %d rows were seen, %v of them with their payload", row[0], row[1], rows, row[2])
			}
		}
		if done && len(r.Rows) != batches {
			t.Errorf("%d batches in the end, %d were committed", len(r.Rows), batches)
		}
	}
	if partial == 0 {
		t.Errorf("none of %d looks was between two commits", looks)
	}
}

func openLake(t *testing.T, dir string) *lake.Lake {
	t.Helper()
	l, err := lake.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
