package hub

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"terroir/bus"
	"terroir/lake"
)

// part is what one commit brings into the lake, and what is told afterwards: the spools that it is of, and the last bus
// sequence of each partition.
type part struct {
	batch  *lake.Batch
	spools []lake.Spool
	upTo   map[bus.Partition]uint64
	number uint64
}

// next takes what was taken in and not committed.
func (h *Hub) next() *part {
	h.learn()
	b := h.pipe.take()
	b.Stream = h.stream
	p := &part{b, h.order.touched(), h.upTo, h.number}
	h.stream, h.upTo, h.number = 0, map[bus.Partition]uint64{}, h.number+1
	return p
}

// committer commits one part after the other. The order matters: a mark says "everything up to here".
type committer struct {
	hub *Hub
	// ready says that nothing is being committed: then work takes a part.
	ready      chan struct{}
	work       chan *part
	stop, done chan struct{}
	// found are the marks of the last commit, until the loop has learnt them.
	found atomic.Pointer[lake.Marks]
}

func newCommitter(ctx context.Context, h *Hub) *committer {
	c := &committer{hub: h, ready: make(chan struct{}), work: make(chan *part), stop: make(chan struct{}), done: make(chan struct{})}
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
	if len(last.upTo) == 0 || c.hub.failing() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	marks, err := c.hub.commit(ctx, last)
	if err == nil {
		err = c.hub.settle(ctx, marks, last)
	}
	return err
}

// insist commits until that succeeds, and then tells of it until that succeeds, or until ctx ends: what comes later must wait.
func (c *committer) insist(ctx context.Context, p *part) {
	var marks lake.Marks
	ok := again(ctx, func() (err error) {
		if marks, err = c.hub.commit(ctx, p); err != nil && ctx.Err() == nil {
			slog.Error("hub: commit failed; it will be tried again", "error", err)
			c.hub.fail(err)
		}
		return err
	})
	if !ok {
		return
	}
	c.found.Store(&marks)
	again(ctx, func() error {
		err := c.hub.settle(ctx, marks, p)
		if err != nil && ctx.Err() == nil {
			slog.Warn("hub: committed, but the bus could not be told; it will be tried again", "error", err)
		}
		return err
	})
}

// againAfter is the pause after something that failed.
const againAfter = time.Second

// again calls f until it succeeds, or until ctx ends: then it returns false.
func again(ctx context.Context, f func() error) bool {
	for f() != nil {
		if ctx.Err() != nil {
			return false
		}
		sleep(ctx, againAfter)
	}
	return true
}

// commit brings the part into the lake.
func (h *Hub) commit(ctx context.Context, p *part) (lake.Marks, error) {
	begun := time.Now()
	marks, err := commit(ctx, h.lake, p.batch)
	if err == nil {
		h.committed(begun, p.number)
	}
	return marks, err
}

// settle tells the sensors of a commit and frees the bus.
func (h *Hub) settle(ctx context.Context, marks lake.Marks, p *part) error {
	if err := h.publish(ctx, marks, p.spools); err != nil {
		return err
	}
	return h.bus.Free(ctx, p.upTo)
}

// publishers is how many marks are published at a time.
const publishers = 16

// publish tells the sensors of the spools how far the lake is.
func (h *Hub) publish(ctx context.Context, m lake.Marks, spools []lake.Spool) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(publishers)
	for _, s := range spools {
		if n, ok := m.Last[s]; ok {
			g.Go(func() error { return h.bus.PublishMark(ctx, s.Sensor, bus.Mark{Epoch: s.Epoch, Sequence: n}) })
		}
	}
	return g.Wait()
}
