package hub

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"terroir/bus"
	"terroir/lake"
)

// part is what one commit brings into the lake: a batch, the last bus sequence in it, and the spools that it is of.
type part struct {
	batch  *lake.Batch
	stream uint64
	spools []lake.Spool
}

// next takes what was taken in and not committed.
func (h *Hub) next() *part {
	b := h.pipe.take()
	b.Stream = h.stream
	p := &part{b, h.stream, h.order.touched()}
	h.stream = 0
	return p
}

// committer commits one part after the other. The order matters: a mark says "everything up to here".
type committer struct {
	hub *Hub
	// ready says that nothing is being committed: then work takes a part.
	ready      chan struct{}
	work       chan *part
	stop, done chan struct{}
}

func newCommitter(ctx context.Context, h *Hub) *committer {
	c := &committer{h, make(chan struct{}), make(chan *part), make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(c.done)
		for {
			select {
			case c.ready <- struct{}{}:
				c.insist(ctx, <-c.work)
			case <-c.stop:
				return
			}
		}
	}()
	return c
}

// endWithin is how long a hub that ends tries to commit what it has taken in.
const endWithin = 30 * time.Second

// end commits the last part after those under way. What does not get into the lake stays on the bus and with the
// sensors; committing it now only saves work.
func (c *committer) end(last *part) error {
	close(c.stop)
	<-c.done
	if last.stream == 0 || c.hub.failing() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	return c.hub.commit(ctx, last)
}

// insist commits until that succeeds or ctx ends: what comes later must wait.
func (c *committer) insist(ctx context.Context, p *part) {
	for {
		err := c.hub.commit(ctx, p)
		if err == nil {
			c.hub.pipe.recycle(p.batch)
			return
		}
		if ctx.Err() != nil {
			c.hub.fail(err)
			return
		}
		slog.Error("hub: commit failed; it will be tried again", "error", err)
		c.hub.fail(err)
		sleep(ctx, time.Second)
	}
}

// commit brings the part into the lake, tells the sensors and frees the bus.
func (h *Hub) commit(ctx context.Context, p *part) error {
	begun := time.Now()
	marks, err := commit(ctx, h.lake, p.batch)
	if err != nil {
		return err
	}
	h.committed(begun, p.stream)
	if err := h.publish(ctx, marks, p.spools); err != nil {
		return err
	}
	return h.bus.Free(ctx, p.stream)
}

// publishers is how many marks are published at a time.
const publishers = 16

// publish tells the sensors of the spools how far the lake is.
func (h *Hub) publish(ctx context.Context, m lake.Marks, spools []lake.Spool) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(publishers)
	for _, s := range spools {
		g.Go(func() error { return h.bus.PublishMark(ctx, s.Sensor, bus.Mark{Epoch: s.Epoch, Sequence: m.Last[s]}) })
	}
	return g.Wait()
}
