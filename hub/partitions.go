package hub

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/lake"
)

// intake brings the batches of this hub's partitions to its loop. Each partition has a consumer of its own, which waits
// for its turn: a channel without a buffer serves those who wait in the order in which they came, so that however much lies
// in one partition, every other has its turn after a batch of each.
type intake struct {
	bus *bus.Bus
	// messages goes to the loop, and so does taken: the partitions that are taken over next.
	messages chan bus.Message
	taken    chan []bus.Partition
	stop     map[bus.Partition]func()
	// away: it was said that nothing can be consumed.
	away atomic.Bool
}

func newIntake(b *bus.Bus) *intake {
	return &intake{bus: b, messages: make(chan bus.Message), taken: make(chan []bus.Partition), stop: map[bus.Partition]func(){}}
}

// change stops consuming what is not in mine and begins with what is new there, once the loop knows of it.
func (in *intake) change(ctx context.Context, mine []bus.Partition) {
	slog.Info("hub: partitions", "own", len(mine), "of", len(bus.AllPartitions()))
	for p, stop := range in.stop {
		if !slices.Contains(mine, p) {
			stop()
			delete(in.stop, p)
		}
	}
	var more []bus.Partition
	for _, p := range mine {
		if in.stop[p] == nil {
			more = append(more, p)
		}
	}
	if len(more) == 0 {
		return
	}
	select {
	case in.taken <- more:
	case <-ctx.Done():
		return
	}
	for _, p := range more {
		in.stop[p] = in.begin(ctx, p)
	}
}

// close stops all consumers.
func (in *intake) close() {
	for _, stop := range in.stop {
		stop()
	}
}

// begin consumes the partition until the returned function is called, which returns once nothing comes any more.
func (in *intake) begin(ctx context.Context, p bus.Partition) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { in.consume(ctx, p) })
	return func() {
		cancel()
		done.Wait()
	}
}

// consume feeds the loop, again and again from the first batch that is left: a bus that went away comes back.
func (in *intake) consume(ctx context.Context, p bus.Partition) {
	for ctx.Err() == nil {
		err := in.waitForOlder(ctx, p)
		if err == nil {
			err = in.bus.Consume(ctx, p, func(m bus.Message) error {
				in.away.Store(false)
				select {
				case in.messages <- m:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}
		if ctx.Err() != nil {
			return
		}
		if !in.away.Swap(true) {
			slog.Warn("hub: the bus is away; it is tried again", "error", err)
		}
		sleep(ctx, time.Second)
	}
}

// olderPause is the time between two looks at what is left of an older version.
const olderPause = 250 * time.Millisecond

// waitForOlder returns once the batches from before there were partitions are through: those of the same sensor in a
// partition follow them.
func (in *intake) waitForOlder(ctx context.Context, p bus.Partition) error {
	for p != bus.Unparted {
		if held, err := in.bus.Holds(ctx, bus.Unparted); err != nil || !held {
			return err
		}
		sleep(ctx, olderPause)
	}
	return nil
}

// takeOver makes ready for partitions that another hub may have had: what that brought into the lake is not missing. At
// the beginning, sensors that the lake has heard of before are told where it stands.
func (h *Hub) takeOver(ctx context.Context, ps []bus.Partition) {
	marks, err := h.lake.Marks(ctx)
	if err != nil {
		if ctx.Err() == nil {
			slog.Warn("hub: the lake's marks cannot be read; they will be read again where something is missing", "error", err)
		}
		return
	}
	h.order.raise(marks)
	if h.begun {
		return
	}
	h.begun = true
	own := slices.DeleteFunc(h.order.all(), func(s lake.Spool) bool { return !slices.Contains(ps, bus.PartitionOf(s.Sensor)) })
	if err := h.publish(ctx, marks, own); err != nil {
		slog.Warn("hub: not all sensors were told where the lake is; they will send more again", "error", err)
	}
}

// askEvery bounds how often the lake is asked because of one sensor whose records came early, and were.
const askEvery = time.Second

// ask reads the lake's marks because something seems to be missing before the position. certain says that a loss would
// be recorded.
func (h *Hub) ask(ctx context.Context, p *terroir.Position, certain bool) {
	if !certain && time.Since(h.inVain[p.Sensor]) < askEvery {
		return
	}
	marks, err := h.lake.Marks(ctx)
	if err != nil {
		slog.Warn("hub: the lake's marks cannot be read", "error", err)
		return
	}
	h.order.raise(marks)
	if h.order.last[lake.Spool{Sensor: p.Sensor, Epoch: p.Epoch}]+1 < p.Sequence {
		h.inVain[p.Sensor] = time.Now()
	}
}
