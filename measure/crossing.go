package measure

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
)

// Crossing counts what region From knew and region To then saw.
type Crossing struct {
	From, To int
	// Known entities of From, Seen ones of To, and Hit, those that are both. New are the seen ones that To itself did not
	// know, HitNew those of them that From did.
	Known, Seen, Hit, New, HitNew int64
	// KnownEvents are events of From in its memory, HitKnownEvents those of entities that To saw; SeenEvents are events of
	// To on the days that followed, HitSeenEvents those of entities that From knew.
	KnownEvents, HitKnownEvents, SeenEvents, HitSeenEvents int64
}

// CrossOnce compares what was known before the day with all that was seen from it on: one split of a window. It has a row for
// every pair of regions, From by From.
func CrossOnce(ctx context.Context, regions int, list []Sighting, day int) ([]Crossing, error) {
	s, err := sortSightings(regions, list)
	if err != nil {
		return nil, err
	}
	at := min(max(day-s.first, 0), len(s.by))
	c := newCrosser(s)
	c.learn(s.by[:at])
	c.compare(s.by[:at], s.by[at:])
	return c.cells, ctx.Err()
}

// crosser holds, for each entity, the regions that know it and those that see it.
type crosser struct {
	known, seen []uint64
	cells       []Crossing
	regions     int
}

func newCrosser(s *sightings) *crosser {
	return &crosser{known: make([]uint64, s.entities), seen: make([]uint64, s.entities), regions: s.regions}
}

// learn adds days to what is known.
func (c *crosser) learn(days [][]Sighting) {
	for _, day := range days {
		for _, x := range day {
			c.known[x.Entity] |= 1 << x.Region
		}
	}
}

// advance knows what is known on a day, from what was known on the day before, unless it is the first; it returns the days
// that are remembered.
func (c *crosser) advance(s *sightings, o TransferOptions, day int, first bool) [][]Sighting {
	if o.Memory == 0 && !first {
		c.learn(s.by[day : day+1])
		return s.by[:day+1]
	}
	start := 0
	if o.Memory > 0 {
		start = max(day+1-o.Memory, 0)
	}
	clear(c.known)
	c.learn(s.by[start : day+1])
	return s.by[start : day+1]
}

// compare fills the cells; memory are the days that are known.
func (c *crosser) compare(memory, following [][]Sighting) {
	n := c.regions
	c.cells = make([]Crossing, n*n)
	knownIn, seenIn := make([]Crossing, n), make([]Crossing, n)
	for _, day := range following {
		for _, x := range day {
			c.see(x, &seenIn[x.Region])
		}
	}
	for _, mask := range c.known {
		for ; mask != 0; mask &= mask - 1 {
			knownIn[bits.TrailingZeros64(mask)].Known++
		}
	}
	for _, day := range memory {
		for _, x := range day {
			knownIn[x.Region].KnownEvents += x.Events
			for mask := c.seen[x.Entity]; mask != 0; mask &= mask - 1 {
				c.cells[int(x.Region)*n+bits.TrailingZeros64(mask)].HitKnownEvents += x.Events
			}
		}
	}
	for _, day := range following {
		for _, x := range day {
			c.seen[x.Entity] = 0
		}
	}
	for i := range c.cells {
		cell := &c.cells[i]
		cell.From, cell.To = i/n, i%n
		from, to := knownIn[cell.From], seenIn[cell.To]
		cell.Known, cell.KnownEvents = from.Known, from.KnownEvents
		cell.Seen, cell.New, cell.SeenEvents = to.Seen, to.New, to.SeenEvents
	}
}

// see counts a sighting on the days that follow; an entity counts once in each region, its events always.
func (c *crosser) see(x Sighting, in *Crossing) {
	bit := uint64(1) << x.Region
	known := c.known[x.Entity]
	again := c.seen[x.Entity]&bit != 0
	c.seen[x.Entity] |= bit
	in.SeenEvents += x.Events
	isNew := known&bit == 0
	if !again {
		in.Seen++
		if isNew {
			in.New++
		}
	}
	for mask := known; mask != 0; mask &= mask - 1 {
		cell := &c.cells[bits.TrailingZeros64(mask)*c.regions+int(x.Region)]
		cell.HitSeenEvents += x.Events
		if !again {
			cell.Hit++
			if isNew {
				cell.HitNew++
			}
		}
	}
}

// daily compares every day that has the whole horizon after it, and hands over the cells of each, on several goroutines.
func (s *sightings) daily(ctx context.Context, o TransferOptions, done func(day int, cells []Crossing)) (days int, err error) {
	days = max(len(s.by)-o.Horizon, 0)
	const block = 8
	err = inBlocks(ctx, days, block, 0, func(from, to int, _ *rand.Rand) {
		c := newCrosser(s)
		for d := from; d < to && ctx.Err() == nil; d++ {
			memory := c.advance(s, o, d, d == from)
			c.compare(memory, s.by[d+1:d+1+o.Horizon])
			done(d, c.cells)
		}
	})
	return days, err
}

// Rates are the shares of a crossing; NaN where there is nothing to take a share of.
type Rates struct {
	// Precision is the share of what was known that was then seen: one minus it is the share of false alarms. Coverage is
	// the share of what was seen that was known.
	Precision, Coverage float64
	// EventPrecision and EventCoverage are the same, weighted by events.
	EventPrecision, EventCoverage float64
	// NewCoverage is the share of what was seen and the region itself did not know; it has no meaning from a region to
	// itself, where it is 0.
	NewCoverage float64
}

// Rates of a crossing.
func (c *Crossing) Rates() Rates {
	return Rates{
		Precision:      share(c.Hit, c.Known),
		Coverage:       share(c.Hit, c.Seen),
		EventPrecision: share(c.HitKnownEvents, c.KnownEvents),
		EventCoverage:  share(c.HitSeenEvents, c.SeenEvents),
		NewCoverage:    share(c.HitNew, c.New),
	}
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return float64(part) / float64(whole)
}
