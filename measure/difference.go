package measure

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Series are the counts of a region on the days before and after a change. The days are the same in all regions.
type Series struct {
	Region        string
	Treated       bool
	Before, After []float64
}

// Difference is what a change did, beyond what changed anyway.
type Difference struct {
	// TreatedBefore to ControlAfter are means a region and day.
	TreatedBefore, TreatedAfter, ControlBefore, ControlAfter float64
	// Absolute is (TreatedAfter - TreatedBefore) - (ControlAfter - ControlBefore), in counts a region and day. Ratio is
	// (TreatedAfter / TreatedBefore) / (ControlAfter / ControlBefore), after half a count is added to each sum: 1 is no
	// effect. Where regions differ in volume, Ratio is the fairer one.
	Absolute, Ratio                 float64
	AbsoluteInterval, RatioInterval Interval
	// Placebo is the p-value of the placebo test: each untreated region is taken for the treated one, against the other
	// untreated ones; P is one plus those with a ratio at least as far from 1, over one plus all. With k untreated regions it
	// cannot be below 1/(k+1). It is 1 with fewer than two.
	Placebo float64
}

// DifferenceInDifferences compares treated with untreated regions, before and after a rollout. The intervals draw days (the
// same in all regions, as days have causes in common) and, in either group of two or more, regions.
//
// Source: Card and Krueger (1994), Minimum wages and employment, AER 84(4); Bertrand, Duflo and Mullainathan (2004), for why
// intervals must not take a region's days for independent regions; Abadie, Diamond and Hainmueller (2010), for the placebo
// test. It assumes that both groups would have changed alike without the rollout.
func DifferenceInDifferences(ctx context.Context, series []Series, how Resampling) (Difference, error) {
	how = how.filled()
	g, err := groupSeries(series)
	if err != nil {
		return Difference{}, err
	}
	before, after := upTo(len(g.treated[0].Before)), upTo(len(g.treated[0].After))
	d := g.difference(before, after)
	absolute, ratios := make([]float64, how.Draws), make([]float64, how.Draws)
	err = inBlocks(ctx, how.Draws, 50, how.Seed, func(from, to int, random *rand.Rand) {
		for i := from; i < to; i++ {
			r := groups{redraw(random, g.treated), redraw(random, g.control)}.difference(redraw(random, before), redraw(random, after))
			absolute[i], ratios[i] = r.Absolute, r.Ratio
		}
	})
	slices.Sort(absolute)
	slices.Sort(ratios)
	d.AbsoluteInterval, d.RatioInterval = percentile(absolute, how.Level), percentile(ratios, how.Level)
	d.Placebo = g.placebo(before, after, d.Ratio)
	return d, err
}

// groups are the treated and the untreated regions.
type groups struct{ treated, control []Series }

func groupSeries(series []Series) (g groups, err error) {
	for _, s := range series {
		if len(s.Before) == 0 || len(s.After) == 0 || len(s.Before) != len(series[0].Before) || len(s.After) != len(series[0].After) {
			return g, fmt.Errorf("region %s has %d days before and %d after", s.Region, len(s.Before), len(s.After))
		}
		for _, v := range slices.Concat(s.Before, s.After) {
			if !(v >= 0) || math.IsInf(v, 1) {
				return g, fmt.Errorf("region %s has a count of %g", s.Region, v)
			}
		}
		if s.Treated {
			g.treated = append(g.treated, s)
		} else {
			g.control = append(g.control, s)
		}
	}
	if len(g.treated) == 0 || len(g.control) == 0 {
		return g, fmt.Errorf("%d treated and %d untreated regions cannot be compared", len(g.treated), len(g.control))
	}
	return g, nil
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// redraw draws as many with replacement.
func redraw[T any](random *rand.Rand, list []T) []T {
	drawn := make([]T, len(list))
	for i := range drawn {
		drawn[i] = list[random.IntN(len(list))]
	}
	return drawn
}

func (g groups) difference(before, after []int) (d Difference) {
	total := func(list []Series, of func(Series) []float64, days []int) (sum float64) {
		for _, s := range list {
			counts := of(s)
			for _, day := range days {
				sum += counts[day]
			}
		}
		return sum
	}
	b, a := func(s Series) []float64 { return s.Before }, func(s Series) []float64 { return s.After }
	tb, ta := total(g.treated, b, before), total(g.treated, a, after)
	cb, ca := total(g.control, b, before), total(g.control, a, after)
	nb, na := float64(len(before)), float64(len(after))
	nt, nc := float64(len(g.treated)), float64(len(g.control))
	d.TreatedBefore, d.TreatedAfter = tb/(nt*nb), ta/(nt*na)
	d.ControlBefore, d.ControlAfter = cb/(nc*nb), ca/(nc*na)
	d.Absolute = (d.TreatedAfter - d.TreatedBefore) - (d.ControlAfter - d.ControlBefore)
	// The numbers of days cancel out.
	d.Ratio = (ta + .5) / (tb + .5) * (cb + .5) / (ca + .5)
	return d
}

func (g groups) placebo(before, after []int, ratio float64) float64 {
	if len(g.control) < 2 {
		return 1
	}
	least := 1
	for i, s := range g.control {
		others := slices.Delete(slices.Clone(g.control), i, i+1)
		p := groups{[]Series{s}, others}.difference(before, after)
		if math.Abs(math.Log(p.Ratio)) >= math.Abs(math.Log(ratio))-1e-12 {
			least++
		}
	}
	return float64(least) / float64(1+len(g.control))
}
