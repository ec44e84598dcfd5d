package hub

import (
	"context"
	"hash/fnv"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nuid"

	"terroir/bus"
)

// lease is this hub's share of the partitions. Hubs tell each other that they live, and all compute the same assignment.
// While they disagree, a partition has two hubs or none for a while; the lake's marks keep its rows single all the same.
type lease struct {
	bus *bus.Bus
	// name is this hub's among the workers; another run has another.
	name string
	ttl  time.Duration
	// seen is when each worker was last heard of, by this machine's clock.
	seen map[string]time.Time
	// known: those who lived at the beginning have been told.
	known bool
}

func newLease(b *bus.Bus, ttl time.Duration) *lease {
	return &lease{bus: b, name: nuid.Next(), ttl: ttl, seen: map[string]time.Time{}}
}

// follow calls f with the partitions that are this hub's, whenever they change, until ctx ends.
func (l *lease) follow(ctx context.Context, f func([]bus.Partition)) {
	heard := make(chan bus.Worker, 16)
	go l.live(ctx)
	go l.listen(ctx, heard)
	begun := time.Now()
	tick := time.NewTicker(l.ttl / 4)
	defer tick.Stop()
	var mine []bus.Partition
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-heard:
			l.hear(w, time.Now())
		case <-tick.C:
		}
		now, share := time.Now(), mine
		switch {
		case l.sees(now):
			share = assigned(l.name, l.workers(now))
		case !l.known && now.Sub(begun) > l.ttl:
			share = bus.AllPartitions() // Nobody can be heard: rather twice than not at all.
		}
		if !slices.Equal(share, mine) {
			mine = share
			f(mine)
		}
	}
}

// live tells the others of this hub until ctx ends.
func (l *lease) live(ctx context.Context) {
	tick := time.NewTicker(l.ttl / 4)
	defer tick.Stop()
	for {
		trying, cancel := context.WithTimeout(ctx, l.ttl)
		err := l.bus.Present(trying, l.name)
		cancel()
		if err != nil && ctx.Err() == nil {
			slog.Debug("hub: lease", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// listen hears of workers until ctx ends. A watch on which even this hub is not heard is made anew.
func (l *lease) listen(ctx context.Context, heard chan<- bus.Worker) {
	for ctx.Err() == nil {
		watching, cancel := context.WithCancel(ctx)
		silence := time.AfterFunc(2*l.ttl, cancel)
		err := l.bus.WatchWorkers(watching, func(w bus.Worker) {
			if w.Name == l.name {
				silence.Reset(2 * l.ttl)
			}
			select {
			case heard <- w:
			case <-ctx.Done():
			}
		})
		silence.Stop()
		cancel()
		slog.Debug("hub: lease", "error", err)
		sleep(ctx, l.ttl/4)
	}
}

// hear notes what is heard of a worker. After a time in which this hub did not hear itself, the others' silence means
// nothing either.
func (l *lease) hear(w bus.Worker, now time.Time) {
	switch {
	case w.Name == "":
		l.known = true
	case w.Left:
		delete(l.seen, w.Name)
	default:
		if w.Name == l.name && !l.sees(now) {
			for other := range l.seen {
				l.seen[other] = now
			}
		}
		l.seen[w.Name] = now
	}
}

// sees reports whether what is heard can be relied on: this hub hears itself.
func (l *lease) sees(now time.Time) bool {
	own, ok := l.seen[l.name]
	return l.known && ok && now.Sub(own) < l.ttl
}

// workers lists those who live, and forgets the others.
func (l *lease) workers(now time.Time) []string {
	var live []string
	for w, at := range l.seen {
		if now.Sub(at) < l.ttl {
			live = append(live, w)
		} else {
			delete(l.seen, w)
		}
	}
	return live
}

// leave tells the others that this hub ends.
func (l *lease) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), l.ttl)
	defer cancel()
	if err := l.bus.Leave(ctx, l.name); err != nil {
		slog.Debug("hub: lease", "error", err)
	}
}

// assigned lists the partitions of the worker: each belongs to the one whose name, hashed with its number, is greatest
// (rendezvous hashing), so that only those of a worker that comes or goes change hands.
func assigned(worker string, workers []string) []bus.Partition {
	var mine []bus.Partition
	for _, p := range bus.AllPartitions() {
		best := worker
		for _, w := range workers {
			if score(w, p) > score(best, p) || score(w, p) == score(best, p) && w > best {
				best = w
			}
		}
		if best == worker {
			mine = append(mine, p)
		}
	}
	return mine
}

func score(worker string, p bus.Partition) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(append([]byte(worker), byte(p))) // never fails
	x := h.Sum64()
	x ^= x >> 33 // The last byte alone moves too few of the high bits.
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}
