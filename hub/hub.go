package hub

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
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
	// Recent is how many of the newest events are kept for Recent; default 200.
	Recent int
}

// Hub brings batches from the bus into the lake, each record once. One Hub consumes a bus.
type Hub struct {
	lake *lake.Lake
	bus  *bus.Bus
	opt  Options

	pipe    *pipeline
	order   *order
	commits *committer
	// since is when the oldest record of the batch arrived; stream the last bus sequence in it.
	since  time.Time
	stream uint64
	// resting: memory was given back since the last record came.
	resting bool

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

	// stream is the bus sequence that brought it.
	stream uint64
}

// Sensor is what the hub knows of a sensor that is, or was, alive.
type Sensor struct {
	Name, Region, Version string
	Revision              int32
	// Seen is when the hub last took in anything of it.
	Seen time.Time
	Tap  bool
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
	return &Hub{lake: l, bus: b, opt: opt, pipe: newPipeline(opt.Enricher, opt.Analyzer, 1024), fleet: map[string]*Sensor{},
		recent: recent{ring: make([]Arrival, opt.Recent)}}
}

// messageQueue bounds the messages that wait to be taken in.
const messageQueue = 32

// maxHeld and maxHeldBytes bound the batch that grows while another one is committed: in batches of the usual size, and
// in bytes of payloads.
const (
	maxHeld      = 4
	maxHeldBytes = 256 << 20
)

// Run consumes until ctx ends, and then commits what it has taken in. Sensors that the lake has heard of before are
// told where it stands first.
func (h *Hub) Run(ctx context.Context) error {
	if err := h.bus.Setup(ctx, 1); err != nil {
		return err
	}
	marks, err := h.lake.Marks(ctx)
	if err != nil {
		return err
	}
	h.order = newOrder(marks)
	if err := h.publish(ctx, marks, h.order.all()); err != nil {
		return err
	}
	messages := make(chan bus.Message, messageQueue)
	failed := make(chan error, 1)
	consuming, stop := context.WithCancel(ctx)
	defer stop()
	go func() { failed <- h.consume(consuming, messages) }()
	h.commits = newCommitter(ctx, h)
	err = h.loop(ctx, messages, failed)
	stop()
	return errors.Join(err, h.commits.end(h.next()))
}

// consume feeds the loop, again and again: a bus that went away comes back.
func (h *Hub) consume(ctx context.Context, messages chan<- bus.Message) error {
	for {
		err := h.bus.Consume(ctx, func(m bus.Message) error {
			select {
			case messages <- m:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if ctx.Err() != nil {
			return nil
		}
		slog.Warn("hub: the bus is away", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// loop takes in while a commit is under way: what arrives meanwhile is committed together, in as large a batch as came.
func (h *Hub) loop(ctx context.Context, messages <-chan bus.Message, failed <-chan error) error {
	tick := time.NewTicker(min(h.opt.Interval/10+time.Millisecond, time.Second))
	defer tick.Stop()
	for {
		in := messages
		if h.pipe.rows() >= maxHeld*h.opt.Rows || h.pipe.bytes >= maxHeldBytes {
			in = nil // The lake is slower than the bus: take no more than can be held.
		}
		var ready <-chan struct{}
		if h.due() {
			ready = h.commits.ready
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case m := <-in:
			h.take(m)
		case <-ready:
			h.commits.work <- h.next()
		case <-tick.C:
			if h.stream == 0 && !h.resting && time.Since(h.since) > restAfter {
				h.rest()
			}
		}
	}
}

// restAfter is how long nothing must come before the hub rests.
const restAfter = 30 * time.Second

// rest gives the memory back that only work needs.
func (h *Hub) rest() {
	h.resting = true
	h.pipe.release()
	debug.FreeOSMemory()
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
