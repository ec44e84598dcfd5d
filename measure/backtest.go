package measure

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
)

// DayWant is a want on a day (counted from any origin).
type DayWant struct {
	Want
	Day int
}

// The strategies that every backtest has, beside the given lists.
const (
	// StrategyGreedy is the recommendation, StrategyFrequent the most frequent ports of the region: both know the first part
	// only.
	StrategyGreedy, StrategyFrequent = "recommended", "most frequent"
	// StrategyRandom is the mean over random sets of the ports that were wanted in the first part.
	StrategyRandom = "random"
	// StrategyHindsight is the recommendation that knows the second part: about the most that was possible.
	StrategyHindsight = "hindsight"
)

// BacktestOptions say how a backtest is made.
type BacktestOptions struct {
	// LastFit is the last day of the first part, from which ports are chosen; they are scored on the days after it.
	LastFit int
	// K are the numbers of ports; the zero value is 1, 3, 5, 10, 20.
	K []int
	// Lists are further strategies: ports in order of preference, like the theme as it is or the world's most tried. A list
	// that is shorter than K is taken whole.
	Lists map[string][]Port
	// Exclude are ports that the recommendation must not open.
	Exclude map[Port]string
	// Draws of random sets (the zero value is 100), and their seed.
	Draws int
	Seed  uint64
}

// Score is what a strategy's ports would have gained on the days after they were chosen.
type Score struct {
	Strategy string
	K        int
	// Ports that were chosen; none for random ones.
	Ports []Port
	// Gain in the unit of the values, and Share of what all ports would have gained (0 where nothing was wanted).
	Gain, Share float64
}

// Backtest chooses ports from the first part of a window, and scores them on the rest: recommended, most frequent, random,
// with hindsight, and by the given lists. Values are those of the sources, as for [NewDemand]; to score sources that were
// never heard, give the others no value. Scores are sorted by K, then in the order above, the lists by name last.
func Backtest(ctx context.Context, values []float64, wants []DayWant, o BacktestOptions) ([]Score, error) {
	if len(o.K) == 0 {
		o.K = []int{1, 3, 5, 10, 20}
	}
	if o.Draws < 1 {
		o.Draws = 100
	}
	if err := checkDraws(o.Draws); err != nil {
		return nil, err
	}
	first, later, err := splitDemand(values, wants, o.LastFit)
	if err != nil {
		return nil, err
	}
	most := later.Most()
	names := make([]string, 0, len(o.Lists))
	for name := range o.Lists {
		names = append(names, name)
	}
	slices.Sort(names)
	var scores []Score
	for _, k := range o.K {
		if k < 0 {
			return nil, fmt.Errorf("a backtest of %d ports", k)
		}
		add := func(strategy string, ports []Port, gain float64) {
			s := Score{Strategy: strategy, K: k, Ports: ports, Gain: gain}
			if most > 0 {
				s.Share = min(gain/most, 1)
			}
			scores = append(scores, s)
		}
		choose := func(strategy string, ports []Port) { add(strategy, ports, later.Gain(ports)) }
		limit := RecommendOptions{K: k, Exclude: o.Exclude}
		choose(StrategyGreedy, first.greedy(limit, false))
		choose(StrategyFrequent, first.Frequent(k))
		gain, err := later.random(ctx, first.ports, k, o)
		if err != nil {
			return nil, err
		}
		add(StrategyRandom, nil, gain)
		choose(StrategyHindsight, later.greedy(limit, false))
		for _, name := range names {
			list := o.Lists[name]
			choose(name, slices.Clone(list[:min(k, len(list))]))
		}
	}
	return scores, nil
}

func splitDemand(values []float64, wants []DayWant, last int) (first, later *Demand, err error) {
	var a, b []Want
	for _, w := range wants {
		if w.Day <= last {
			a = append(a, w.Want)
		} else {
			b = append(b, w.Want)
		}
	}
	if first, err = NewDemand(values, a); err != nil {
		return nil, nil, err
	}
	later, err = NewDemand(values, b)
	return first, later, err
}

// random is the mean gain of random sets of k of the ports.
func (d *Demand) random(ctx context.Context, ports []Port, k int, o BacktestOptions) (float64, error) {
	gains := make([]float64, o.Draws)
	err := inBlocks(ctx, o.Draws, 5, o.Seed, func(from, to int, random *rand.Rand) {
		for i := from; i < to; i++ {
			var set []Port
			for _, at := range random.Perm(len(ports))[:min(k, len(ports))] {
				set = append(set, ports[at])
			}
			gains[i] = d.Gain(set)
		}
	})
	var sum float64
	for _, g := range gains {
		sum += g
	}
	return sum / float64(o.Draws), err
}

// Campaign is a group of sources that want more ports than can be recommended: a range of ports, or a listener on all, hears
// more of it than single ports.
type Campaign struct {
	Name string
	// Ports is the number of ports that it wants, in the range from Low to High; Sources is the number of its sources.
	Ports     int
	Low, High uint16
	Sources   int
	// Value is what its sources are worth, Share the same of all sources that want anything.
	Value, Share float64
}

// Campaigns are those whose ports are more than k and whose share is at least minShare, the largest share first. of names
// each source's campaign: its family or block, or the source itself for vertical scans.
func (d *Demand) Campaigns(of []string, k int, minShare float64) ([]Campaign, error) {
	if len(of) != len(d.values) {
		return nil, fmt.Errorf("campaigns of %d sources, values of %d", len(of), len(d.values))
	}
	found := map[string]*Campaign{}
	seen := make([]bool, len(of))
	var all float64
	for i, p := range d.ports {
		last := map[string]bool{}
		for _, w := range d.wants[i] {
			c := found[of[w.source]]
			if c == nil {
				c = &Campaign{Name: of[w.source], Low: p.Number}
				found[c.Name] = c
			}
			c.High = p.Number
			if !last[c.Name] {
				last[c.Name] = true
				c.Ports++
			}
			if !seen[w.source] {
				seen[w.source] = true
				c.Sources++
				c.Value += d.values[w.source]
				all += d.values[w.source]
			}
		}
	}
	var list []Campaign
	for _, c := range found {
		if all > 0 {
			c.Share = c.Value / all
		}
		if c.Ports > k && c.Share >= minShare {
			list = append(list, *c)
		}
	}
	slices.SortFunc(list, func(a, b Campaign) int {
		if d := compare(b.Value, a.Value); d != 0 {
			return d
		}
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return list, nil
}
