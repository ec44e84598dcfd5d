package hub

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"terroir"
	"terroir/bus"
	"terroir/bus/server"
	"terroir/lake"
	"terroir/query"
	"terroir/wire"
)

// crew is a station whose hubs have each a lake of their own over the same tables, and a connection of their own.
type crew struct {
	*station
	dir     string
	connect func() (*bus.Bus, error)
}

func newCrew(t *testing.T) *crew {
	t.Helper()
	s := newStation(t)
	c := &crew{station: s, dir: t.TempDir(), connect: func() (*bus.Bus, error) { return s.srv.Connect("hub") }}
	var err error
	if c.lake, err = lake.Open(context.Background(), c.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.lake.Close() })
	return c
}

// member is a hub of a crew.
type member struct {
	*Hub
	bus  *bus.Bus
	stop func()
}

// work starts a hub that follows the given leases; nil means its own.
func (c *crew) work(opt Options, follow func(context.Context, func([]bus.Partition))) *member {
	c.t.Helper()
	l, err := lake.Open(context.Background(), c.dir)
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := c.connect()
	if err != nil {
		c.t.Fatal(err)
	}
	if opt.Interval == 0 {
		opt.Interval = 20 * time.Millisecond
	}
	opt.Enricher, opt.Analyzer, opt.Lease = noEnricher{}, factsOf, 800*time.Millisecond
	m := &member{Hub: New(l, b, opt), bus: b}
	m.follow = follow
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = m.Run(ctx) }) // One whose connection is cut cannot end well.
	m.stop = sync.OnceFunc(func() {
		cancel()
		done.Wait()
		b.Close()
		l.Close()
	})
	c.t.Cleanup(m.stop)
	return m
}

// publish sends records first..last of the sensor as one batch.
func (c *crew) publish(sensor string, first, last uint64) {
	c.t.Helper()
	b := wire.Batch{Sensor: sensor, Epoch: 7}
	for n := first; n <= last; n++ {
		b.Records = append(b.Records, event(n))
	}
	if err := c.station.bus.Publish(context.Background(), sensor, fmt.Sprint(sensor, " ", first), 1, wire.AppendBatch(nil, &b)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crew) mark(sensor string) uint64 {
	c.t.Helper()
	m, err := c.lake.Marks(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	return m.Last[lake.Spool{Sensor: sensor, Epoch: 7}]
}

// until waits for what must come true in time.
func until(t *testing.T, within time.Duration, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

// holds checks that the lake has each of the sensors' records once and counts no loss.
func (c *crew) holds(sensors []string, each uint64) {
	c.t.Helper()
	for _, s := range sensors {
		until(c.t, 20*time.Second, fmt.Sprintf("%s has %d of %d", s, c.mark(s), each), func() bool { return c.mark(s) >= each })
	}
	c.single(uint64(len(sensors)) * each)
}

// single checks that the lake has n events, each once, and counts no loss.
func (c *crew) single(n uint64) {
	c.t.Helper()
	e, err := query.Open(c.lake, query.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	defer e.Close()
	r, err := e.Query(context.Background(), "SELECT count(*), count(DISTINCT event_id), (SELECT count(*) FROM losses) FROM events")
	if err != nil {
		c.t.Fatal(err)
	}
	if got, want := fmt.Sprint(r.Rows[0]), fmt.Sprint([]uint64{n, n, 0}); got != want {
		c.t.Errorf("rows, event ids and losses are %s, want %s", got, want)
	}
}

func sensors(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("sensor-%d", i))
	}
	return all
}

func (m *member) events() int64 { return m.Status().Events }

func TestHubsShareTheWorkAndReplaceEachOther(t *testing.T) {
	c := newCrew(t)
	all := sensors(40)
	first, second := c.work(Options{}, nil), c.work(Options{}, nil)
	time.Sleep(400 * time.Millisecond) // They hear of each other.
	for _, s := range all {
		c.publish(s, 1, 5)
	}
	c.holds(all, 5)
	if first.events() == 0 || second.events() == 0 {
		t.Errorf("one took in %d, the other %d", first.events(), second.events())
	}
	// One dies: it says nothing any more, not even that it ends.
	first.bus.Close()
	for _, s := range all {
		c.publish(s, 6, 10)
	}
	died := time.Now()
	c.holds(all, 10)
	t.Logf("replaced after %s", time.Since(died).Round(time.Millisecond))
	// A new one takes its share.
	third := c.work(Options{}, nil)
	time.Sleep(400 * time.Millisecond)
	for _, s := range all {
		c.publish(s, 11, 15)
	}
	c.holds(all, 15)
	if third.events() == 0 {
		t.Error("the new one took in nothing")
	}
	if n := third.Status().Rejected + second.Status().Rejected; n != 0 {
		t.Errorf("%d records were rejected", n)
	}
}

// TestHubsReplaceEachOtherAfterTheBusWasStartedAnew: what the bus had in memory is gone, and with it what the hubs tell each other by.
func TestHubsReplaceEachOtherAfterTheBusWasStartedAnew(t *testing.T) {
	c := newCrew(t)
	url := c.srv.URL()
	c.connect = func() (*bus.Bus, error) { return bus.Connect(url, "hub") }
	all := sensors(12)
	first := c.work(Options{}, nil)
	c.work(Options{}, nil)
	time.Sleep(400 * time.Millisecond) // They hear of each other.
	for _, s := range all {
		c.publish(s, 1, 5)
	}
	c.holds(all, 5)
	c.srv.Shutdown()
	var err error
	if c.srv, err = server.Start(strings.TrimPrefix(url, "nats://"), c.kept, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.srv.Shutdown)
	if c.station.bus, err = c.srv.Connect("test"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.station.bus.Close)
	first.bus.Close()
	for _, s := range all {
		c.publish(s, 6, 10)
	}
	c.holds(all, 10)
}

func TestTwoHubsThatHoldTheSamePartitionsKeepRowsSingle(t *testing.T) {
	c := newCrew(t)
	all := sensors(6)
	begun := make(chan struct{}, 2)
	greedy := func(ctx context.Context, f func([]bus.Partition)) {
		f(bus.AllPartitions())
		begun <- struct{}{}
		<-ctx.Done()
	}
	first, second := c.work(Options{}, greedy), c.work(Options{}, greedy)
	for range 2 { // One alone might be through before the other has begun.
		<-begun
	}
	for n := uint64(1); n <= 100; n += 5 {
		for _, s := range all {
			c.publish(s, n, n+4)
		}
	}
	c.holds(all, 100)
	if first.events() == 0 || second.events() == 0 {
		t.Errorf("one took in %d, the other %d", first.events(), second.events())
	}
}

func TestPartitionsThatGoToAndFroLoseNothing(t *testing.T) {
	c := newCrew(t)
	all := sensors(3)
	// The two take turns; between them, and with them, both or none hold all.
	turns := func(mine func(turn int) bool) func(context.Context, func([]bus.Partition)) {
		return func(ctx context.Context, f func([]bus.Partition)) {
			for turn := 0; ctx.Err() == nil; turn++ {
				if mine(turn) {
					f(bus.AllPartitions())
				} else {
					f(nil)
				}
				sleep(ctx, 300*time.Millisecond)
			}
		}
	}
	first := c.work(Options{}, turns(func(n int) bool { return n%2 == 0 }))
	second := c.work(Options{}, turns(func(n int) bool { return n%3 != 0 }))
	for n := uint64(1); n <= 60; n += 3 {
		for _, s := range all {
			c.publish(s, n, n+2)
		}
		time.Sleep(40 * time.Millisecond)
	}
	c.holds(all, 60)
	if n := first.Status().Rejected + second.Status().Rejected; n != 0 {
		t.Errorf("%d records were taken for early, though they were in order", n)
	}
}

func TestALossIsNotBelievedWhereAnotherHubHasTheRecords(t *testing.T) {
	c := newCrew(t)
	c.publish("paris-1", 1, 2)
	var give func([]bus.Partition)
	given := make(chan struct{})
	stale := c.work(Options{}, func(ctx context.Context, f func([]bus.Partition)) {
		f(bus.AllPartitions())
		give = f
		close(given)
		<-ctx.Done()
	})
	<-given
	until(t, 10*time.Second, "the first records", func() bool { return c.mark("paris-1") == 2 })
	give(nil)
	c.publish("paris-1", 3, 9)
	other := c.work(Options{}, func(ctx context.Context, f func([]bus.Partition)) { f(bus.AllPartitions()); <-ctx.Done() })
	until(t, 10*time.Second, "the other's records", func() bool { return c.mark("paris-1") == 9 })
	other.stop()
	// The sensor has freed what the lake has: its oldest is 10. The first hub consumes again without having looked.
	b := wire.Batch{Sensor: "paris-1", Epoch: 7, Records: []terroir.Record{event(10)}}
	if err := c.station.bus.Publish(context.Background(), "paris-1", "x", 10, wire.AppendBatch(nil, &b)); err != nil {
		t.Fatal(err)
	}
	stale.order.last = map[lake.Spool]uint64{{Sensor: "paris-1", Epoch: 7}: 2} // It is idle: nobody else reads that.
	give(bus.AllPartitions())
	c.holds([]string{"paris-1"}, 10)
}

func TestABacklogDoesNotDelayTheOthers(t *testing.T) {
	c := newCrew(t)
	const batches, records = 200, 5
	behind, live := "sensor-0", "sensor-1"
	if bus.PartitionOf(behind) == bus.PartitionOf(live) {
		t.Fatal("the sensors are in the same partition")
	}
	for n := uint64(1); n <= batches*records; n += records {
		c.publish(behind, n, n+records-1)
	}
	c.work(Options{Rows: 2 * records}, nil)
	until(t, 20*time.Second, "the backlog begins", func() bool { return c.mark(behind) > 0 })
	for n := uint64(1); n <= 3; n++ {
		c.publish(live, n, n)
		until(t, 20*time.Second, "the live event", func() bool { return c.mark(live) == n })
		if c.mark(behind) >= batches*records {
			t.Fatalf("event %d of the other sensor came only after the backlog", n)
		}
	}
	until(t, 40*time.Second, "the backlog", func() bool { return c.mark(behind) == batches*records })
}

func TestWhatAnOlderVersionLeftOnTheBusIsTakenInFirst(t *testing.T) {
	c := newCrew(t)
	nc, err := nats.Connect(c.srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := js.DeleteStream(ctx, "TERROIR"); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "TERROIR", Subjects: []string{"terroir.events.*"}, AllowDirect: true,
		Discard: jetstream.DiscardNew, MaxMsgSize: bus.MaxMessage, Duplicates: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	all := sensors(5)
	for n := uint64(1); n <= 30; n += 3 {
		for _, s := range all {
			c.publish(s, n, n+2)
		}
	}
	if err := c.station.bus.Setup(ctx, 1); err != nil {
		t.Fatal(err)
	}
	for n := uint64(31); n <= 60; n += 3 {
		for _, s := range all {
			c.publish(s, n, n+2)
		}
	}
	hubs := []*member{c.work(Options{}, nil), c.work(Options{}, nil)}
	c.holds(all, 60)
	if n := hubs[0].Status().Rejected + hubs[1].Status().Rejected; n != 0 {
		t.Errorf("%d records were rejected: new ones came before the old", n)
	}
	s, err := js.Stream(ctx, "TERROIR")
	if err != nil {
		t.Fatal(err)
	}
	until(t, 5*time.Second, "the bus is freed", func() bool {
		info, err := s.Info(ctx)
		return err == nil && info.State.Msgs == 0
	})
}
