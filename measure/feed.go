package measure

import (
	"context"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// FeedCompared is how a region's own knowledge does, beside a list of the same size made from that of all regions.
type FeedCompared struct {
	Region, Days int
	// Own and Union are means over the days of the shares of what the region saw next.
	OwnCoverage, UnionCoverage, OwnPrecision, UnionPrecision float64
	// CoverageGain is OwnCoverage less UnionCoverage: above 0, one size does not fit all.
	CoverageGain         float64
	CoverageGainInterval Interval
}

// CompareFeeds asks whether one list for all regions would serve as well as each region's own. The list for all has the
// entities first that were known in most regions, of these those with most events, of equals the lower number; it is cut to
// the size of the region's own list, since a longer list covers more whatever is in it.
//
// This is the test of "one size fits all". Days and intervals are as in [Transfer].
func CompareFeeds(ctx context.Context, regions int, list []Sighting, options TransferOptions) ([]FeedCompared, error) {
	o := options.filled()
	s, err := sortSightings(regions, list)
	if err != nil {
		return nil, err
	}
	days := make([][]feedDay, max(len(s.by)-o.Horizon, 0))
	err = inBlocks(ctx, len(days), 8, 0, func(from, to int, _ *rand.Rand) {
		c := newCrosser(s)
		events := make([]int64, s.entities)
		for d := from; d < to && ctx.Err() == nil; d++ {
			memory := c.advance(s, o, d, d == from)
			days[d] = c.feeds(memory, s.by[d+1:d+1+o.Horizon], events)
		}
	})
	if err != nil {
		return nil, err
	}
	series := make([][]float64, regions)
	found := make([]FeedCompared, regions)
	for r := range found {
		f := &found[r]
		f.Region = r
		pick := func(of func(feedDay) float64) (values []float64) {
			for _, day := range days {
				values = append(values, of(day[r]))
			}
			return values
		}
		f.OwnCoverage, f.Days = mean(pick(func(d feedDay) float64 { return share(d.own, d.seen) }))
		f.UnionCoverage, _ = mean(pick(func(d feedDay) float64 { return share(d.union, d.seen) }))
		f.OwnPrecision, _ = mean(pick(func(d feedDay) float64 { return share(d.own, d.size) }))
		f.UnionPrecision, _ = mean(pick(func(d feedDay) float64 { return share(d.union, d.size) }))
		series[r] = pick(func(d feedDay) float64 { return share(d.own-d.union, d.seen) })
		f.CoverageGain, _ = mean(series[r])
	}
	intervals, err := dayIntervals(ctx, series, o.Horizon, o.Interval)
	for r, i := range intervals {
		found[r].CoverageGainInterval = i
	}
	return found, err
}

// feedDay counts a region's list, what it saw next, and how much of that was in its own list and in that of all.
type feedDay struct{ size, seen, own, union int64 }

// feeds counts one day. events has room for a number an entity, and may hold anything.
func (c *crosser) feeds(memory, following [][]Sighting, events []int64) []feedDay {
	days := make([]feedDay, c.regions)
	clear(events)
	for _, day := range memory {
		for _, x := range day {
			events[x.Entity] += x.Events
		}
	}
	var order []uint32
	for e, mask := range c.known {
		if mask != 0 {
			order = append(order, uint32(e))
		}
		for ; mask != 0; mask &= mask - 1 {
			days[bits.TrailingZeros64(mask)].size++
		}
	}
	slices.SortFunc(order, func(a, b uint32) int {
		if d := bits.OnesCount64(c.known[b]) - bits.OnesCount64(c.known[a]); d != 0 {
			return d
		}
		if d := compare(events[b], events[a]); d != 0 {
			return d
		}
		return compare(int64(a), int64(b))
	})
	for _, day := range following {
		for _, x := range day {
			bit := uint64(1) << x.Region
			if c.seen[x.Entity]&bit == 0 {
				c.seen[x.Entity] |= bit
				days[x.Region].seen++
				days[x.Region].own += int64(c.known[x.Entity] >> x.Region & 1)
			}
		}
	}
	for at, e := range order {
		for mask := c.seen[e]; mask != 0; mask &= mask - 1 {
			if d := &days[bits.TrailingZeros64(mask)]; int64(at) < d.size {
				d.union++
			}
		}
	}
	for _, day := range following {
		for _, x := range day {
			c.seen[x.Entity] = 0
		}
	}
	return days
}
