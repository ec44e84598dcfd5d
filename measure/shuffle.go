package measure

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// LocalityTested is the result of [CheckLocality].
type LocalityTested struct {
	// Gain is the observed locality gain of coverage, NullMean and NullMax those of the shuffled worlds.
	Gain, NullMean, NullMax float64
	Permuted
}

// CheckLocality asks whether regions know their own visitors better than others would by chance. In each draw the regions are
// shuffled within each day: pairs of sightings swap their regions, unless that would put an entity twice into a region. So
// each entity keeps its number of regions a day, and each region its number of entities a day; what is lost is which entity
// was where. P is the share of draws with a gain at least as large. The result depends on the seed, not on the order of the
// sightings; a sighting that is given twice counts once. Hand over a sample of entities where there are millions: a draw
// takes about as long as [Transfer].
//
// Source: Gotelli (2000), Null model analysis of species co-occurrence patterns, Ecology 81(9), for swaps that keep both
// totals. It assumes that without locality an entity's regions on one day say nothing of those on another.
func CheckLocality(
	ctx context.Context, regions int, list []Sighting, options TransferOptions, draws int, seed uint64,
) (LocalityTested, error) {
	o := options.filled()
	if err := checkDraws(draws); err != nil {
		return LocalityTested{}, err
	}
	s, err := sortSightings(regions, list)
	if err != nil {
		return LocalityTested{}, err
	}
	if err := s.order(ctx); err != nil {
		return LocalityTested{}, err
	}
	for d, day := range s.by {
		s.by[d] = slices.CompactFunc(day, func(a, b Sighting) bool { return a.Entity == b.Entity && a.Region == b.Region })
	}
	var t LocalityTested
	t.Gain = s.coverageGain(ctx, o)
	nulls := make([]float64, draws)
	err = inBlocks(ctx, draws, 1, seed, func(from, _ int, random *rand.Rand) {
		nulls[from] = s.shuffled(random).coverageGain(ctx, o)
	})
	if err != nil {
		return t, err
	}
	t.Draws, t.NullMax = draws, math.Inf(-1)
	for _, g := range nulls {
		t.NullMean += g / float64(draws)
		t.NullMax = max(t.NullMax, g)
		if g >= t.Gain-1e-12 || math.IsNaN(t.Gain) {
			t.AtLeast++
		}
	}
	t.P = float64(1+t.AtLeast) / float64(1+draws)
	return t, nil
}

// coverageGain is the mean locality gain over the days, on one goroutine.
func (s *sightings) coverageGain(ctx context.Context, o TransferOptions) float64 {
	c := newCrosser(s)
	var rates [][]Rates
	for d := 0; d+o.Horizon < len(s.by) && ctx.Err() == nil; d++ {
		c.advance(s, o, d, d == 0)
		c.compare(nil, s.by[d+1:d+1+o.Horizon])
		cells := make([]Rates, len(c.cells))
		for i, cell := range c.cells {
			cells[i].Coverage = share(cell.Hit, cell.Seen)
		}
		rates = append(rates, cells)
	}
	gain, _ := mean(gains(s.regions, rates, coverage))
	return gain
}

// sweeps is how often each sighting is offered a swap, and is the other side of one as often. One sweep nearly forgets where
// it began.
const sweeps = 2

// shuffled is a copy in which regions were swapped within each day.
func (s *sightings) shuffled(random *rand.Rand) *sightings {
	copied := &sightings{regions: s.regions, entities: s.entities, first: s.first, by: make([][]Sighting, len(s.by))}
	today := make([]uint64, s.entities)
	for d, day := range s.by {
		day = slices.Clone(day)
		copied.by[d] = day
		for _, x := range day {
			today[x.Entity] |= 1 << x.Region
		}
		for range sweeps {
			for i := range day {
				swap(&day[i], &day[random.IntN(len(day))], today)
			}
		}
		for _, x := range day {
			today[x.Entity] = 0
		}
	}
	return copied
}

// swap exchanges two sightings' regions, where both entities are only in their own.
func swap(a, b *Sighting, today []uint64) {
	x, y := uint64(1)<<a.Region, uint64(1)<<b.Region
	if a.Entity == b.Entity || x == y || today[a.Entity]&y != 0 || today[b.Entity]&x != 0 {
		return
	}
	today[a.Entity] ^= x | y
	today[b.Entity] ^= x | y
	a.Region, b.Region = b.Region, a.Region
}
