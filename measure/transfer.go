package measure

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Sighting is an entity (a source, block, network, payload template or indicator) in a region on a day. Number entities
// from 0 in the order of their names, so that results do not depend on the order in which they came; days from any origin.
type Sighting struct {
	Entity uint32
	Region uint8
	Day    int32
	Events int64
}

// TransferOptions say what is compared. The zero value compares all that was known up to a day with the next day.
type TransferOptions struct {
	// Horizon is the number of days that follow, 1 if it is 0.
	Horizon int
	// Memory is the number of days for which something stays known, without end if it is 0.
	Memory int
	// Interval is how the intervals over days are drawn.
	Interval Resampling
}

func (o TransferOptions) filled() TransferOptions {
	o.Horizon = max(o.Horizon, 1)
	o.Interval = o.Interval.filled()
	return o
}

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

// sightings are sorted and cut into days.
type sightings struct {
	regions, entities int
	// by are the sightings of each day, from the first to the last.
	by    [][]Sighting
	first int
}

// maxDays bounds a window.
const maxDays = 4000

func sortSightings(regions int, list []Sighting) (*sightings, error) {
	if regions < 1 || regions > MaxRegions {
		return nil, fmt.Errorf("%d regions", regions)
	}
	s := &sightings{regions: regions}
	if len(list) == 0 {
		return s, nil
	}
	first, last := list[0].Day, list[0].Day
	for _, x := range list {
		if int(x.Region) >= regions || x.Events < 0 {
			return nil, fmt.Errorf("%d events in region %d of %d", x.Events, x.Region, regions)
		}
		first, last = min(first, x.Day), max(last, x.Day)
		s.entities = max(s.entities, int(x.Entity)+1)
	}
	days := int64(last) - int64(first) + 1
	if days > maxDays {
		return nil, fmt.Errorf("a window of %d days", days)
	}
	if s.entities > 64*len(list)+1024 {
		return nil, fmt.Errorf("entities are numbered up to %d, in %d sightings", s.entities-1, len(list))
	}
	s.first = int(first)
	ids := s.renumber(list)
	starts := make([]int, days+1)
	for _, x := range list {
		starts[x.Day-first+1]++
	}
	for d := range days {
		starts[d+1] += starts[d]
	}
	sorted, next := make([]Sighting, len(list)), slices.Clone(starts)
	for _, x := range list {
		at := &next[x.Day-first]
		x.Entity = ids[x.Entity]
		sorted[*at] = x
		*at++
	}
	s.by = make([][]Sighting, days)
	for d := range s.by {
		s.by[d] = sorted[starts[d]:starts[d+1]]
	}
	return s, nil
}

// renumber leaves out the numbers that no entity has, and keeps the order: a sample of entities takes less time.
func (s *sightings) renumber(list []Sighting) []uint32 {
	ids := make([]uint32, s.entities)
	for _, x := range list {
		ids[x.Entity] = 1
	}
	n := uint32(0)
	for i, used := range ids {
		ids[i] = n
		n += used
	}
	s.entities = int(n)
	return ids
}

// order sorts each day, for what is drawn from it.
func (s *sightings) order(ctx context.Context) error {
	return inBlocks(ctx, len(s.by), 1, 0, func(from, to int, _ *rand.Rand) {
		slices.SortFunc(s.by[from], func(a, b Sighting) int {
			return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Events, b.Events))
		})
	})
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

// Transferred is how much of what From knew was of use in To: means over the days.
type Transferred struct {
	From, To int
	// Days that could be compared.
	Days int
	Rates
	// PrecisionInterval and CoverageInterval are bootstrap intervals over days.
	PrecisionInterval, CoverageInterval Interval
	// RelativePrecision and RelativeCoverage are the same over those of To's own knowledge: below 1, a foreign feed is worth
	// less than one's own; one minus it is the loss.
	RelativePrecision, RelativeCoverage float64
}

// TransferMatrix is the transfer between all pairs of regions.
type TransferMatrix struct {
	Days  int
	Pairs []Transferred
	// PrecisionGain and CoverageGain are the locality gains: the mean over the regions' own knowledge less the mean over all
	// other pairs. Near 0, one feed fits all.
	PrecisionGain, CoverageGain                 float64
	PrecisionGainInterval, CoverageGainInterval Interval
}

// Transfer compares, for each day and each pair of regions, what was known in one up to the day with what the other saw on
// the days that follow. Ubiquitous scanners hide the effect: show it with and without the declared ones.
//
// The intervals draw blocks of as many days as the horizon has, since their comparisons overlap (circular block bootstrap,
// Politis and Romano 1992); with few days they are rough. They do not say how other regions would compare.
//
// Definition: DESIGN, measures. Coverage and latency are among the measures of Li et al. (2019), Reading the tea leaves,
// USENIX Security.
func Transfer(ctx context.Context, regions int, list []Sighting, options TransferOptions) (TransferMatrix, error) {
	o := options.filled()
	s, err := sortSightings(regions, list)
	if err != nil {
		return TransferMatrix{}, err
	}
	rates := make([][]Rates, max(len(s.by)-o.Horizon, 0))
	m := TransferMatrix{}
	m.Days, err = s.daily(ctx, o, func(day int, cells []Crossing) {
		rates[day] = make([]Rates, len(cells))
		for i := range cells {
			rates[day][i] = cells[i].Rates()
		}
	})
	if err != nil {
		return m, err
	}
	m.means(regions, rates)
	return m, m.intervals(ctx, regions, rates, o)
}

// mean of those that are numbers, and their number.
func mean(values []float64) (float64, int) {
	var sum float64
	n := 0
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	return sum / float64(n), n
}

func column(rates [][]Rates, cell int, of func(Rates) float64) []float64 {
	values := make([]float64, len(rates))
	for d := range rates {
		values[d] = of(rates[d][cell])
	}
	return values
}

func precision(r Rates) float64 { return r.Precision }
func coverage(r Rates) float64  { return r.Coverage }

func (m *TransferMatrix) means(regions int, rates [][]Rates) {
	m.Pairs = make([]Transferred, regions*regions)
	for i := range m.Pairs {
		p := &m.Pairs[i]
		p.From, p.To = i/regions, i%regions
		p.Precision, _ = mean(column(rates, i, precision))
		p.Coverage, p.Days = mean(column(rates, i, coverage))
		p.EventPrecision, _ = mean(column(rates, i, func(r Rates) float64 { return r.EventPrecision }))
		p.EventCoverage, _ = mean(column(rates, i, func(r Rates) float64 { return r.EventCoverage }))
		p.NewCoverage, _ = mean(column(rates, i, func(r Rates) float64 { return r.NewCoverage }))
	}
	for i := range m.Pairs {
		p := &m.Pairs[i]
		own := m.Pairs[p.To*regions+p.To]
		p.RelativePrecision, p.RelativeCoverage = p.Precision/own.Precision, p.Coverage/own.Coverage
	}
	m.PrecisionGain, _ = mean(gains(regions, rates, precision))
	m.CoverageGain, _ = mean(gains(regions, rates, coverage))
}

// gains are the locality gains of each day.
func gains(regions int, rates [][]Rates, of func(Rates) float64) []float64 {
	values := make([]float64, len(rates))
	for d, cells := range rates {
		var own, other []float64
		for i, r := range cells {
			if i/regions == i%regions {
				own = append(own, of(r))
			} else {
				other = append(other, of(r))
			}
		}
		a, _ := mean(own)
		b, _ := mean(other)
		values[d] = a - b
	}
	return values
}

func (m *TransferMatrix) intervals(ctx context.Context, regions int, rates [][]Rates, o TransferOptions) error {
	series := [][]float64{gains(regions, rates, precision), gains(regions, rates, coverage)}
	for i := range m.Pairs {
		series = append(series, column(rates, i, precision), column(rates, i, coverage))
	}
	found, err := dayIntervals(ctx, series, o.Horizon, o.Interval)
	if err != nil {
		return err
	}
	m.PrecisionGainInterval, m.CoverageGainInterval = found[0], found[1]
	for i := range m.Pairs {
		m.Pairs[i].PrecisionInterval, m.Pairs[i].CoverageInterval = found[2+2*i], found[3+2*i]
	}
	return nil
}

// dayIntervals are those of the means of series over the same days, the same days being drawn for all, in blocks.
func dayIntervals(ctx context.Context, series [][]float64, block int, how Resampling) ([]Interval, error) {
	days := len(series[0])
	drawn := make([][]float64, len(series))
	for i := range drawn {
		drawn[i] = make([]float64, how.Draws)
	}
	err := inBlocks(ctx, how.Draws, 50, how.Seed, func(from, to int, random *rand.Rand) {
		picked := make([]int, 0, days)
		values := make([]float64, days)
		for k := from; k < to; k++ {
			picked = picked[:0]
			for len(picked) < days {
				start := random.IntN(days)
				for b := 0; b < block && len(picked) < days; b++ {
					picked = append(picked, (start+b)%days)
				}
			}
			for i, s := range series {
				for d, at := range picked {
					values[d] = s[at]
				}
				drawn[i][k], _ = mean(values)
			}
		}
	})
	found := make([]Interval, len(series))
	for i, d := range drawn {
		d = slices.DeleteFunc(d, math.IsNaN)
		slices.Sort(d)
		found[i] = percentile(d, how.Level)
	}
	return found, err
}
