package hub

import (
	"context"
	"sync"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/lake"
)

// Options of a hub.
type Options struct {
	// Interval and Rows say when a batch is committed: when its first record is this old, or when it has this many
	// rows, whichever comes first. Defaults: 10 s and 50,000.
	Interval time.Duration
	Rows     int
	// Enricher and Analyzer work on every event.
	Enricher Enricher
	Analyzer Analyzer
	// Groups, which may be nil, are kept up to date.
	Groups *Groups
	// Recent is how many of the newest events are kept for Recent; default 200.
	Recent int
	// Replicas is how many servers of the bus keep each batch; default 1. Wait is how long a bus that is not ready is
	// waited for at the start; default 1 minute.
	Replicas int
	Wait     time.Duration
	// Lease is how long another hub may say nothing until its partitions are taken over; default 4 s.
	Lease time.Duration
}

// Hub brings batches from the bus into the lake, each record once. Several hubs that have the same bus and the same lake
// share the work.
type Hub struct {
	lake *lake.Lake
	bus  *bus.Bus
	opt  Options

	pipe    *pipeline
	order   *order
	commits *committer
	// since is when the oldest record of the batch arrived, stream the last bus sequence in it, upTo that of each partition.
	// number counts the batches.
	since  time.Time
	stream uint64
	upTo   map[bus.Partition]uint64
	number uint64
	rest   rest
	// inVain is when the lake was last asked for what a sensor's records should follow, and did not have it; begun, that
	// partitions were taken over before.
	inVain map[string]time.Time
	begun  bool
	// follow tells which partitions are this hub's; nil means by leases.
	follow func(context.Context, func([]bus.Partition))

	mu     sync.Mutex
	recent recent
	fleet  map[string]*Sensor
	status Status
}

// Arrival is an event as the hub took it in.
type Arrival struct {
	Event   terroir.Event
	Payload []byte
	// Committed says whether the lake has it.
	Committed bool

	// number is that of the batch that it is committed with.
	number uint64
}

// Sensor is what the hub knows of a sensor that is, or was, alive.
type Sensor struct {
	Name, Region, Version string
	Revision              int32
	// Seen is when the hub last took in anything of it.
	Seen time.Time
	Tap  bool
	// Serial is that of the document in force, Refusal why the sensor did not take the last one, if it did not.
	Serial  uint64
	Refusal terroir.Refusal
	// Announced is when it last told what it serves, Serves what that is.
	Announced time.Time
	Serves    terroir.Configuration
	// Beat is when the last heartbeat was taken in, Every the longest interval of one.
	Beat  time.Time
	Every time.Duration
	// Since is from when on Events are counted, Errors of them, and Limits, the attempts that its listeners refused.
	Since                  time.Time
	Events, Errors, Limits int64
}

// Status is the state of the hub.
type Status struct {
	// Events counts the events taken in since the start, Duplicates the records that were left out because the lake had
	// them, Rejected those that were not taken because earlier ones were missing or the batch could not be read.
	Events, Duplicates, Rejected int64
	// Committed is when the last commit ended, Took how long it took.
	Committed time.Time
	Took      time.Duration
	// Failure is why the last commit failed, or "".
	Failure string
}

// New makes a hub over the lake and the bus. Nothing happens before Run.
func New(l *lake.Lake, b *bus.Bus, opt Options) *Hub {
	if opt.Interval == 0 {
		opt.Interval = 10 * time.Second
	}
	if opt.Rows == 0 {
		opt.Rows = 50_000
	}
	if opt.Recent == 0 {
		opt.Recent = 200
	}
	if opt.Replicas == 0 {
		opt.Replicas = 1
	}
	if opt.Wait == 0 {
		opt.Wait = time.Minute
	}
	if opt.Lease == 0 {
		opt.Lease = 4 * time.Second
	}
	return &Hub{lake: l, bus: b, opt: opt, pipe: newPipeline(opt.Enricher, opt.Analyzer), fleet: map[string]*Sensor{},
		recent: recent{ring: make([]Arrival, opt.Recent)}, upTo: map[bus.Partition]uint64{}, inVain: map[string]time.Time{}}
}

// Run consumes this hub's partitions until ctx ends, and then commits what it has taken in.
//
// A bus that cannot be reached, or is not ready, within Options.Wait yields an EUNREACHABLE error.
func (h *Hub) Run(ctx context.Context) error {
	if err := h.bus.SetupWithin(ctx, h.opt.Wait, h.opt.Replicas); err != nil {
		return err
	}
	marks, err := h.lake.Marks(ctx)
	if err != nil {
		return err
	}
	h.order = newOrder(marks)
	h.order.ask = func(p *terroir.Position, certain bool) { h.ask(ctx, p, certain) }
	in, l := newIntake(h.bus), newLease(h.bus, h.opt.Lease)
	follow := h.follow
	if follow == nil {
		follow = l.follow
	}
	consuming, stop := context.WithCancel(ctx)
	defer stop()
	var following sync.WaitGroup
	following.Go(func() {
		follow(consuming, func(mine []bus.Partition) { in.change(consuming, mine) })
		in.close()
	})
	h.rest.work(time.Now())
	h.commits = newCommitter(ctx, h)
	if h.opt.Groups != nil {
		following.Go(func() { h.opt.Groups.follow(consuming, func() time.Time { return h.Status().Committed }) })
	}
	h.loop(ctx, in)
	stop()
	following.Wait()
	err = h.commits.end(h.next())
	if h.opt.Groups != nil && err == nil {
		err = h.opt.Groups.last()
	}
	l.leave()
	return err
}

// maxHeld and maxHeldBytes bound the batch that grows while another one is committed: in batches of the usual size, and
// in bytes of payloads.
const (
	maxHeld      = 4
	maxHeldBytes = 256 << 20
)

// loop takes in what comes until ctx ends, also while a commit is under way: what arrives meanwhile is committed together, in
// as large a batch as came.
func (h *Hub) loop(ctx context.Context, in *intake) {
	tick := time.NewTicker(min(h.opt.Interval/10+time.Millisecond, time.Second))
	defer tick.Stop()
	for {
		messages := in.messages
		if h.pipe.rows() >= maxHeld*h.opt.Rows || h.pipe.bytes >= maxHeldBytes {
			messages = nil // The lake is slower than the bus: take no more than can be held.
		}
		var ready <-chan struct{}
		if h.due() {
			ready = h.commits.ready
		}
		select {
		case <-ctx.Done():
			return
		case ps := <-in.taken:
			h.takeOver(ctx, ps)
		case m := <-messages:
			h.learn()
			h.take(m)
			h.upTo[m.Partition] = m.Stream
		case <-ready:
			h.commits.work <- h.next()
		case <-tick.C:
			h.rest.look(time.Now())
		}
	}
}

// learn takes over what the last commit found in the lake: another hub may have committed, too.
func (h *Hub) learn() {
	if marks := h.commits.found.Swap(nil); marks != nil {
		h.order.raise(*marks)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (h *Hub) due() bool {
	return h.stream > 0 && (h.pipe.rows() >= h.opt.Rows || time.Since(h.since) >= h.opt.Interval)
}
