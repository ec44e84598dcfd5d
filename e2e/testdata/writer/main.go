// Command writer is a hub reduced to its commits: writer FOLDER BATCHES ROWS commits numbered payloads to the lake in the
// folder, the same ones in every process.
package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"

	"terroir"
	"terroir/lake"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir, batches, rows string) error {
	nb, err := strconv.Atoi(batches)
	if err != nil {
		return err
	}
	nr, err := strconv.Atoi(rows)
	if err != nil {
		return err
	}
	ctx := context.Background()
	l, err := lake.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer l.Close()
	for b := range nb {
		if _, err := l.Commit(ctx, batch(b*nr, nr)); err != nil {
			return err
		}
	}
	return nil
}

// batch holds so many numbered payloads behind the first.
func batch(first, rows int) *lake.Batch {
	b := &lake.Batch{Stream: uint64(first + rows)}
	for n := first + 1; n <= first+rows; n++ {
		text := fmt.Appendf(nil, "payload %d of sensor 0\n", n)
		id := terroir.NewPayloadID(text)
		e := terroir.Event{Time: time.Now().UTC(), Region: "eu-west-3", Kind: terroir.KindPayload, Transport: terroir.TCP, Attempts: 1, Payload: id,
			Source: netip.MustParseAddrPort("100.64.0.1:1"), Destination: netip.MustParseAddrPort("100.64.0.2:6379")}
		e.Sensor, e.Epoch, e.Sequence = "sensor-1", 1, uint64(n)
		b.Events = append(b.Events, &e)
		b.Payloads = append(b.Payloads, terroir.Payload{ID: id, Bytes: text, FirstTime: e.Time, FirstSensor: e.Sensor})
		b.Facts = append(b.Facts, terroir.PayloadFacts{Payload: id, Template: id, AnalyzerVersion: 1})
	}
	return b
}
