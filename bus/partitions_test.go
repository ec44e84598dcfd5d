package bus_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"terroir"
	"terroir/bus"
	"terroir/bus/server"
)

// open starts a server and connects to it twice: as the hub and as one who sees what the server itself says.
func open(t *testing.T) (*bus.Bus, jetstream.JetStream) {
	t.Helper()
	s, err := server.Start("127.0.0.1:0", t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	b, err := s.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return b, js
}

// read returns the first n batches that the partition holds.
func read(t *testing.T, b *bus.Bus, p bus.Partition, n int) []bus.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var all []bus.Message
	_ = b.Consume(ctx, p, func(m bus.Message) error {
		if all = append(all, m); len(all) == n {
			cancel()
		}
		return nil
	})
	if len(all) < n {
		t.Fatalf("partition %d holds %d batches, want %d", p, len(all), n)
	}
	return all
}

func TestABatchLiesInThePartitionOfItsSensorOnce(t *testing.T) {
	b, js := open(t)
	ctx := context.Background()
	if err := b.Setup(ctx, 1); err != nil {
		t.Fatal(err)
	}
	used := map[bus.Partition]bool{}
	for i := range 40 {
		sensor := fmt.Sprintf("sensor-%d", i)
		for range 2 { // the second has the name of the first
			if err := b.Publish(ctx, sensor, "id-"+sensor, 1, []byte(sensor)); err != nil {
				t.Fatal(err)
			}
		}
		p := bus.PartitionOf(sensor)
		used[p] = true
		all := read(t, b, p, 1)
		if err := b.Free(ctx, map[bus.Partition]uint64{p: all[0].Stream}); err != nil {
			t.Fatal(err)
		}
		if m := all[0]; m.Sensor != sensor || m.Partition != p || string(m.Data) != sensor || m.Oldest != 1 {
			t.Errorf("%s: %+v, want it in %d", sensor, m, p)
		}
		if held, err := b.Holds(ctx, p); err != nil || held {
			t.Errorf("%s: still there, or there twice: %v", sensor, err)
		}
	}
	if len(used) < bus.Partitions/2 {
		t.Errorf("only %d partitions are used", len(used))
	}
	s, err := js.Stream(ctx, "TERROIR")
	if err != nil || s.CachedInfo().State.Msgs != 0 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestFreeingLeavesOtherPartitionsAndLaterBatches(t *testing.T) {
	b, js := open(t)
	ctx := context.Background()
	if err := b.Setup(ctx, 1); err != nil {
		t.Fatal(err)
	}
	one, other := twoApart()
	for i := range 3 {
		for _, sensor := range []string{one, other} {
			if err := b.Publish(ctx, sensor, fmt.Sprint(sensor, i), 1, []byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	upTo := map[bus.Partition]uint64{bus.PartitionOf(one): 3} // its second batch
	if err := b.Free(ctx, upTo); err != nil || len(upTo) != 0 {
		t.Fatal(upTo, err)
	}
	if left := read(t, b, bus.PartitionOf(one), 1); left[0].Stream != 5 {
		t.Errorf("the first that is left is %d, want 5", left[0].Stream)
	}
	if left := read(t, b, bus.PartitionOf(other), 3); left[0].Stream != 2 {
		t.Errorf("the other partition begins at %d, want 2", left[0].Stream)
	}
	if s, err := js.Stream(ctx, "TERROIR"); err != nil || s.CachedInfo().State.Msgs != 4 {
		t.Errorf("%+v, %v", s.CachedInfo().State, err)
	}
}

// twoApart are sensors of different partitions.
func twoApart() (one, other string) {
	one = "sensor-0"
	for i := 1; ; i++ {
		if other = fmt.Sprintf("sensor-%d", i); bus.PartitionOf(other) != bus.PartitionOf(one) {
			return one, other
		}
	}
}

func TestAnOlderStreamKeepsItsBatchesAndGetsPartitions(t *testing.T) {
	b, js := open(t)
	ctx := context.Background()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "TERROIR", Subjects: []string{"terroir.events.*"}, Duplicates: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(ctx, "paris-1", "a", 1, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := b.Setup(ctx, 1); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} { // a is there already
		if err := b.Publish(ctx, "paris-1", id, 1, []byte("new")); err != nil {
			t.Fatal(err)
		}
	}
	if m := read(t, b, bus.Unparted, 1)[0]; m.Sensor != "paris-1" || m.Partition != bus.Unparted || string(m.Data) != "old" {
		t.Errorf("%+v", m)
	}
	if m := read(t, b, bus.PartitionOf("paris-1"), 1)[0]; m.Sensor != "paris-1" || string(m.Data) != "new" || m.Stream != 2 {
		t.Errorf("%+v", m)
	}
	for _, p := range []bus.Partition{bus.Unparted, bus.PartitionOf("paris-1")} {
		if held, err := b.Holds(ctx, p); err != nil || !held {
			t.Errorf("%d: %v, %v", p, held, err)
		}
	}
}

func TestBatchesOfTheGreatestSizeAreConsumed(t *testing.T) {
	b, _ := open(t)
	ctx := context.Background()
	if err := b.Setup(ctx, 1); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		if err := b.Publish(ctx, "paris-1", fmt.Sprint(i), 1, make([]byte, bus.MaxMessage-4096-i)); err != nil {
			t.Fatal(err)
		}
	}
	read(t, b, bus.PartitionOf("paris-1"), 8)
}

func TestMoreReplicasThanServersAreAnErrorAfterAWhile(t *testing.T) {
	b, _ := open(t)
	ctx := context.Background()
	if err := b.SetupWithin(ctx, time.Second, 3); terroir.ErrorCode(err) != terroir.EUNREACHABLE || strings.Contains(err.Error(), "\n") {
		t.Fatalf("three replicas on one server: %v", err)
	}
	if err := b.SetupWithin(ctx, time.Second, 1); err != nil {
		t.Fatal(err)
	}
}

// TestConsumingEndsWithItsContext takes the consumer away on the server, so that it is made anew, and ends at that moment.
func TestConsumingEndsWithItsContext(t *testing.T) {
	b, js := open(t)
	if err := b.Setup(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(context.Background(), "TERROIR")
	if err != nil {
		t.Fatal(err)
	}
	for round := range 30 {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- b.Consume(ctx, 3, func(bus.Message) error { return nil }) }()
		time.Sleep(20 * time.Millisecond)
		for name := range stream.ConsumerNames(context.Background()).Name() {
			_ = stream.DeleteConsumer(context.Background(), name) // It may be gone already.
		}
		time.Sleep(time.Duration(round) * 200 * time.Microsecond)
		cancel()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Fatalf("round %d: it does not end", round)
		}
	}
}

// TestConsumersThatWaitNeedLittleMemory consumes all partitions, of which little comes.
func TestConsumersThatWaitNeedLittleMemory(t *testing.T) {
	b, _ := open(t)
	ctx, cancel := context.WithCancel(context.Background())
	if err := b.Setup(ctx, 1); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var consuming, met sync.WaitGroup
	used := map[bus.Partition]bool{}
	for i := range 40 {
		sensor := fmt.Sprintf("sensor-%d", i)
		p := bus.PartitionOf(sensor)
		if used[p] {
			continue
		}
		used[p] = true
		if err := b.Publish(ctx, sensor, sensor, 1, []byte(sensor)); err != nil {
			t.Fatal(err)
		}
		met.Add(1)
		consuming.Go(func() { _ = b.Consume(ctx, p, func(bus.Message) error { met.Done(); return nil }) })
	}
	met.Wait() // All consumers are there.
	runtime.GC()
	runtime.ReadMemStats(&after)
	cancel()
	consuming.Wait()
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d consumers hold %d MiB", len(used), grown>>20)
	}
}
