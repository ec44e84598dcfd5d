package measure

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is a bootstrap interval. Both ends are NaN where there was nothing to draw from.
type Interval struct{ Low, High float64 }

// Resampling says how an interval is computed. The zero value is 1,000 draws, level 0.95 and seed 0; more than ten million
// draws are ten million.
type Resampling struct {
	Draws int
	// Level is the share of intervals that shall hold the truth.
	Level float64
	Seed  uint64
}

func (r Resampling) filled() Resampling {
	if r.Draws < 1 {
		r.Draws = 1000
	}
	r.Draws = min(r.Draws, maxDraws)
	if !(r.Level > 0 && r.Level < 1) {
		r.Level = .95
	}
	return r
}

// Units are units of observation that are alike: each of the N adds one to each of the Cells of a table. A source that was
// seen in three regions is one unit with three cells, so that its observations stay together when units are drawn.
type Units struct {
	Cells []int
	N     int64
}

// TableOfUnits counts them. It fails on cells outside of the table.
func TableOfUnits(rows, cols int, units []Units) (Table, error) {
	t := Table{Rows: rows, Cols: cols, Counts: make([]int64, max(rows*cols, 0))}
	for _, u := range units {
		if u.N < 0 || u.N > maxTotal {
			return t, fmt.Errorf("a number of units of %d is out of range", u.N)
		}
		for _, c := range u.Cells {
			if c < 0 || c >= len(t.Counts) {
				return t, fmt.Errorf("cell %d is not in a table of %d x %d", c, rows, cols)
			}
			t.Counts[c] += u.N
		}
	}
	return t, t.check()
}

// UnitsOf takes every count of a table as a unit of its own.
func UnitsOf(t Table) []Units {
	var units []Units
	for i, n := range t.Counts {
		if n > 0 {
			units = append(units, Units{Cells: []int{i}, N: n})
		}
	}
	return units
}

// Bootstrapped is a statistic and its intervals.
type Bootstrapped struct {
	Value float64
	// Percentile is between quantiles of the draws (Efron 1979). BCa corrects them for bias and skewness (Efron 1987, Better
	// bootstrap confidence intervals), and is to be preferred for V, whose draws are above V on average.
	Percentile, BCa Interval
}

// BootstrapV draws units with replacement and gives the intervals of the bias-corrected Cramér's V of the table. Intervals
// never exclude 0 where V itself is 0. It assumes that units are independent of each other. Give units in a fixed order: the
// draws depend on it. Where there are more than a
// thousand kinds of units, it draws random groups of them instead: their sums vary as the units do (Wolter 2007, Introduction
// to variance estimation, 2), and the width is right within some 3 %.
func BootstrapV(ctx context.Context, rows, cols int, units []Units, how Resampling) (Bootstrapped, error) {
	if _, err := TableOfUnits(rows, cols, units); err != nil {
		return Bootstrapped{}, err
	}
	counts := make([]int64, len(units))
	for i, u := range units {
		counts[i] = u.N
	}
	if len(units) > maxKinds {
		return bootstrapGroups(ctx, rows, cols, units, counts, how)
	}
	return bootstrap(ctx, counts, func() func(n []int64) float64 {
		v := newVOf(rows, cols)
		return func(n []int64) float64 {
			clear(v.table)
			for i, u := range units {
				for _, c := range u.Cells {
					v.table[c] += n[i]
				}
			}
			return v.corrected()
		}
	}, how)
}

// maxKinds is how many kinds of units are drawn singly; beyond it that many groups of them are drawn. The width of an
// interval is then off by some 3 %, the root of 1/(2·groups).
const (
	maxKinds = 1000
	groups   = 400
)

func bootstrapGroups(ctx context.Context, rows, cols int, units []Units, counts []int64, how Resampling) (Bootstrapped, error) {
	sums := make([][]int64, groups)
	for g := range sums {
		sums[g] = make([]int64, rows*cols)
	}
	randomGroups(counts, how.Seed, func(kind, group int, n int64) {
		for _, c := range units[kind].Cells {
			sums[group][c] += n
		}
	})
	return bootstrap(ctx, slices.Repeat([]int64{1}, groups), func() func(n []int64) float64 {
		v := newVOf(rows, cols)
		return func(n []int64) float64 {
			clear(v.table)
			for g, sum := range sums {
				if n[g] == 0 {
					continue
				}
				for c, x := range sum {
					v.table[c] += n[g] * x
				}
			}
			return v.corrected()
		}
	}, how)
}

// randomGroups puts each unit into one of the groups; counts says how many there are of each kind.
func randomGroups(counts []int64, seed uint64, put func(kind, group int, n int64)) {
	random := stream(seed, math.MaxUint64)
	logs := newFactorials(0)
	ones, split := slices.Repeat([]int64{1}, groups), make([]int64, groups)
	for kind, n := range counts {
		if n < groups {
			for range n {
				put(kind, random.IntN(groups), 1)
			}
			continue
		}
		logs.multinomial(random, n, ones, groups, split)
		for group, m := range split {
			put(kind, group, m)
		}
	}
}

// vOf computes a bias-corrected V again and again.
type vOf struct {
	cols       int
	table      []int64
	rowN, colN []int64
}

func newVOf(rows, cols int) *vOf {
	return &vOf{cols: cols, table: make([]int64, rows*cols), rowN: make([]int64, rows), colN: make([]int64, cols)}
}

func (v *vOf) corrected() float64 {
	clear(v.rowN)
	clear(v.colN)
	var n int64
	for i, c := range v.table {
		v.rowN[i/v.cols] += c
		v.colN[i%v.cols] += c
		n += c
	}
	var sum float64
	for i, c := range v.table {
		if c > 0 {
			sum += float64(c) / float64(v.rowN[i/v.cols]) * (float64(c) / float64(v.colN[i%v.cols]))
		}
	}
	return CorrectedV(max(float64(n)*(sum-1), 0), n, filled(v.rowN), filled(v.colN))
}

// bootstrap draws as many units as there are, with replacement. counts says how many there are of each kind; statistic makes
// a function of such counts, one for each goroutine.
func bootstrap(ctx context.Context, counts []int64, statistic func() func([]int64) float64, how Resampling) (Bootstrapped, error) {
	how = how.filled()
	var total int64
	for _, n := range counts {
		total += n
	}
	of := statistic()
	b := Bootstrapped{Value: of(counts)}
	if total == 0 {
		nan := Interval{math.NaN(), math.NaN()}
		b.Percentile, b.BCa = nan, nan
		return b, nil
	}
	logs := newFactorials(min(total, 1<<16))
	equal := !slices.ContainsFunc(counts, func(n int64) bool { return n != 1 })
	drawn := make([]float64, how.Draws)
	err := inBlocks(ctx, how.Draws, 20, how.Seed, func(from, to int, random *rand.Rand) {
		of, n := statistic(), make([]int64, len(counts))
		for i := from; i < to; i++ {
			if equal {
				evenly(random, n)
			} else {
				logs.multinomial(random, total, counts, total, n)
			}
			drawn[i] = of(n)
		}
	})
	if err != nil {
		return b, err
	}
	drawn = slices.DeleteFunc(drawn, math.IsNaN)
	slices.Sort(drawn)
	b.Percentile = percentile(drawn, how.Level)
	b.BCa = accelerated(drawn, b.Value, acceleration(counts, of), how.Level)
	return b, nil
}

// evenly draws as many as there are, each as probably.
func evenly(random *rand.Rand, n []int64) {
	clear(n)
	for range n {
		n[random.IntN(len(n))]++
	}
}

// percentile is between the quantiles of sorted values that leave (1-level)/2 on either side.
func percentile(sorted []float64, level float64) Interval {
	return Interval{quantile(sorted, (1-level)/2), quantile(sorted, (1+level)/2)}
}

// quantile interpolates between order statistics (Hyndman and Fan 1996, type 7).
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// acceleration is a sixth of the skewness of the jackknife's values (Efron 1987), each kind of unit being left out once
// and counted as often as there are such units.
func acceleration(counts []int64, of func([]int64) float64) float64 {
	left := slices.Clone(counts)
	values := make([]float64, len(counts))
	var mean, total float64
	for i, n := range counts {
		if n > 0 {
			left[i]--
			values[i] = of(left)
			left[i]++
			mean += float64(n) * values[i]
			total += float64(n)
		}
	}
	mean /= total
	var second, third float64
	for i, n := range counts {
		if n > 0 {
			d := mean - values[i]
			second += float64(n) * d * d
			third += float64(n) * d * d * d
		}
	}
	if !(second > 0) {
		return 0
	}
	return third / (6 * math.Pow(second, 1.5))
}

// accelerated is the interval BCa of sorted draws.
func accelerated(sorted []float64, value, acceleration, level float64) Interval {
	if len(sorted) == 0 {
		return Interval{math.NaN(), math.NaN()}
	}
	below, _ := slices.BinarySearch(sorted, value)
	same := below
	for same < len(sorted) && sorted[same] == value {
		same++
	}
	share := (float64(below) + float64(same-below)/2) / float64(len(sorted))
	edge := 1 / float64(2*len(sorted))
	z := normalQuantile(min(max(share, edge), 1-edge))
	end := func(q float64) float64 {
		s := z + normalQuantile(q)
		return quantile(sorted, normalTail(z+s/max(1-acceleration*s, 1e-9)))
	}
	i := Interval{end((1 - level) / 2), end((1 + level) / 2)}
	if value == 0 {
		i.Low = 0
	}
	return i
}
