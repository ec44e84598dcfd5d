package measure

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

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

// Transferred is how much of what From knew was of use in To: means over the days.
type Transferred struct {
	From, To int
	// Days that could be compared.
	Days int
	Rates
	// PrecisionInterval and CoverageInterval are bootstrap intervals over days.
	PrecisionInterval, CoverageInterval Interval
	// RelativePrecision and RelativeCoverage are the same over those of To's own knowledge: below 1, a foreign feed is worth
	// less than one's own; one minus it is the loss. NaN where To's own is 0.
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
// The definition is this project's own. Coverage and latency are among the measures of Li et al. (2019), Reading the tea
// leaves, USENIX Security.
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
		p.RelativePrecision, p.RelativeCoverage = relative(p.Precision, own.Precision), relative(p.Coverage, own.Coverage)
	}
	m.PrecisionGain, _ = mean(gains(regions, rates, precision))
	m.CoverageGain, _ = mean(gains(regions, rates, coverage))
}

func relative(x, own float64) float64 {
	if own == 0 {
		return math.NaN()
	}
	return x / own
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
