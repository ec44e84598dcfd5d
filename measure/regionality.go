package measure

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// MaxRegions is how many regions can be told apart: a set of regions is the bits of one word.
const MaxRegions = 64

// Presence is how many distinct sources were seen in exactly the regions Seen, of which they did the thing in the regions
// Did (a part of Seen): bit r is region r.
type Presence struct {
	Seen, Did uint64
	Sources   int64
}

// Thing is a port, protocol, family, network or country whose regionality is asked for.
type Thing struct {
	Name string
	// Sources of the whole window, also those that did not do the thing (Did is 0). A thing that a source is, like its
	// country, has Did equal to Seen or 0.
	Sources []Presence
}

// RegionalityOptions say how the tests are made. The zero value is Bonferroni at 0.05 with 10,000 permutations, where
// expected counts are small, and the usual intervals.
type RegionalityOptions struct {
	Alpha        float64
	Correct      Correction
	Permutations int
	Interval     Resampling
	// MinSources is the number of sources that must have done a thing, for it to be tested.
	MinSources int64
}

func (o RegionalityOptions) filled() RegionalityOptions {
	if !(o.Alpha > 0 && o.Alpha < 1) {
		o.Alpha = .05
	}
	if o.Correct == nil {
		o.Correct = Bonferroni
	}
	if o.Permutations < 1 {
		o.Permutations = Permutations
	}
	o.Interval = o.Interval.filled()
	o.MinSources = max(o.MinSources, 1)
	return o
}

// Method is the test that a p-value comes from.
type Method string

// The methods, in the order of preference: the exact ones where an expected count is below 5.
const (
	MethodChiSquared Method = "chi-squared"
	// MethodClustered is the chi-squared test, corrected for sources that were seen in several regions.
	MethodClustered   Method = "chi-squared, by source"
	MethodFisher      Method = "fisher"
	MethodPermutation Method = "permutation"
	// MethodNone is for things of too few sources, and where fewer than two regions can be compared.
	MethodNone Method = "none"
)

// Regionality says how much a thing depends on the region.
type Regionality struct {
	Name string
	// Did is the number of distinct sources that did the thing; Counts is the same in each region, where a source may count
	// in several.
	Did    int64
	Counts []int64
	// Association is that of the table (thing, rest) x region.
	Association
	// Interval is the interval (BCa) of the bias-corrected V, by drawing sources.
	Interval Interval
	Method   Method
	// Tested is the p-value by Method, and Adjusted the same, corrected for all things that were tested together; NaN where
	// there was no test.
	Tested, Adjusted float64
	// Significant says that Adjusted is at most alpha; else the page says "n.s.".
	Significant bool
	// Locality compares with the sources of each region as exposure.
	Locality Locality
}

// MeasureRegionality tests each of the things for regionality, by the table of the sources that did it, and of the rest, in
// each region. The things are one family of tests. regions is their number; regions without sources are left out.
//
// Definition: χ² and Cramér's V with the correction of Bergsma (2013). Where every source was seen in one region only, the
// test is that of χ², or Fisher's exact test (two regions) or a permutation test where an expected count is below 5. A source
// in several regions is one unit, not several: then the distribution of χ² is that of a sum over sources ([MethodClustered]),
// and permutations move whole sources.
func MeasureRegionality(ctx context.Context, regions int, things []Thing, options RegionalityOptions) ([]Regionality, error) {
	if regions < 1 || regions > MaxRegions {
		return nil, fmt.Errorf("%d regions", regions)
	}
	options = options.filled()
	found := make([]Regionality, len(things))
	p := make([]float64, len(things))
	for i, t := range things {
		if err := found[i].measure(ctx, regions, t, options); err != nil {
			return nil, fmt.Errorf("regionality of %s: %w", t.Name, err)
		}
		p[i] = found[i].Tested
	}
	for i, q := range options.Correct(p) {
		found[i].Adjusted = q
		found[i].Significant = q <= options.Alpha
	}
	return found, nil
}

func (f *Regionality) measure(ctx context.Context, regions int, t Thing, o RegionalityOptions) (err error) {
	f.Name, f.Method, f.Tested = t.Name, MethodNone, math.NaN()
	units, err := thingUnits(regions, t.Sources)
	if err != nil {
		return err
	}
	t.Sources = sortedPresence(t.Sources)
	for _, s := range t.Sources {
		if s.Did != 0 {
			f.Did += s.Sources
		}
	}
	table, err := TableOfUnits(2, regions, units)
	if err != nil {
		return err
	}
	if f.Association, err = Associate(table); err != nil {
		return err
	}
	f.Counts = slices.Clone(table.Counts[:regions])
	_, seen, n := table.Totals()
	if n == 0 {
		return nil
	}
	exposure := make([]float64, regions)
	for r, c := range seen {
		exposure[r] = float64(c)
	}
	if f.Locality, err = Localise(f.Counts, exposure); err != nil {
		return err
	}
	if f.DOF == 0 || f.Did < o.MinSources {
		f.Interval = Interval{math.NaN(), math.NaN()}
		return nil
	}
	b, err := BootstrapV(ctx, 2, regions, units, o.Interval)
	if err != nil {
		return err
	}
	f.Interval = b.BCa
	return f.test(ctx, regions, t, table, o)
}

func (f *Regionality) test(ctx context.Context, regions int, t Thing, table Table, o RegionalityOptions) error {
	several := slices.ContainsFunc(t.Sources, func(s Presence) bool { return s.Sources > 0 && s.Seen&(s.Seen-1) != 0 })
	switch {
	case several && f.MinExpected >= 5:
		f.Method, f.Tested = MethodClustered, math.Exp(clusteredTail(regions, t.Sources))
	case f.MinExpected >= 5:
		f.Method, f.Tested = MethodChiSquared, f.P
	case several:
		e, err := permuteSources(ctx, regions, t.Sources, o.Permutations, o.Interval.Seed)
		f.Method, f.Tested = MethodPermutation, e.P
		return err
	case f.Cols == 2 && f.N <= 1<<31:
		m := newMargins(table)
		e, err := FisherExact(m.observed[0], m.observed[1], m.observed[2], m.observed[3])
		f.Method, f.Tested = MethodFisher, e.P
		return err
	default:
		e, err := PermutationTest(ctx, table, o.Permutations, o.Interval.Seed)
		f.Method, f.Tested = MethodPermutation, e.P
		return err
	}
	return nil
}

// thingUnits are the sources as units of the table (thing, rest) x region.
func thingUnits(regions int, sources []Presence) (units []Units, err error) {
	for _, s := range sources {
		if s.Sources < 0 || s.Sources > maxTotal || s.Did&^s.Seen != 0 || s.Seen>>regions != 0 {
			return nil, fmt.Errorf("%d sources did it in regions %b of %b", s.Sources, s.Did, s.Seen)
		}
	}
	for _, s := range sortedPresence(sources) {
		u := Units{N: s.Sources}
		for rest := s.Seen; rest != 0; rest &= rest - 1 {
			r := bits.TrailingZeros64(rest)
			if s.Did>>r&1 == 0 {
				r += regions
			}
			u.Cells = append(u.Cells, r)
		}
		units = append(units, u)
	}
	return units, nil
}

func compare[T int | int64 | uint64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
