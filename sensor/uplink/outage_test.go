package uplink

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/bus/server"
	"terroir/sensor/spool"
	"terroir/wire"
)

// sender is a sensor's spool whose uplink runs.
type sender struct {
	t     *testing.T
	name  string
	spool *spool.Spool
}

func newSender(t *testing.T, name, url string) *sender {
	t.Helper()
	sp, err := spool.Open(filepath.Join(t.TempDir(), name), spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.Connect(url, name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := Run(ctx, Options{Sensor: name, Spool: sp, Bus: b}); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		b.Close()
		sp.Close()
	})
	return &sender{t, name, sp}
}

// observe appends n heartbeats.
func (s *sender) observe(n int) {
	s.t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			_, err := s.spool.Append(context.Background(), func(b []byte, seq uint64) []byte {
				h := &terroir.Heartbeat{Time: time.Now(), Region: "eu-west-3"}
				h.Sequence = seq
				return wire.AppendRecord(b, &terroir.Record{Heartbeat: h})
			})
			if err != nil {
				s.t.Error(err)
			}
		})
	}
	all.Wait()
}

// received reads batches of the sensor until its record n has come, and checks that none is missing, twice or too early.
func received(t *testing.T, b *bus.Bus, name string, n uint64) (batches int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	last := uint64(0)
	err := b.Consume(ctx, bus.PartitionOf(name), func(m bus.Message) error {
		batch, err := wire.DecodeBatch(m.Data)
		if err != nil || m.Sensor != name {
			return fmt.Errorf("batch of %s: %w", m.Sensor, err)
		}
		batches++
		for i := range batch.Records {
			if got := batch.Records[i].Position().Sequence; got != last+1 {
				return fmt.Errorf("record %d came after %d", got, last)
			}
			last++
		}
		if last == n {
			cancel()
		}
		return nil
	})
	if last != n {
		t.Fatalf("%s: %d of %d records: %v", name, last, n, err)
	}
	return batches
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestAfterAnOutageASpoolIsSentInOrderAndOthersDoNotWaitForIt(t *testing.T) {
	const backlog = 5*batchRecords + 7
	at, dir := freeAddress(t), t.TempDir()
	behind, live := newSender(t, "sensor-0", "nats://"+at), newSender(t, "sensor-1", "nats://"+at)
	behind.observe(backlog)
	live.observe(1)

	s, err := server.Start(at, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Shutdown() })
	b, err := s.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := b.SetupWithin(context.Background(), 10*time.Second, 1); err != nil {
		t.Fatal(err)
	}
	if got := received(t, b, live.name, 1); got != 1 {
		t.Errorf("the other sensor's record came in %d batches", got)
	}
	if got := received(t, b, behind.name, backlog); got < 6 {
		t.Errorf("the backlog came in %d batches", got)
	}
	// It goes on where it was.
	behind.observe(3)
	received(t, b, behind.name, backlog+3)
}
