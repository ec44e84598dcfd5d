package measure

import (
	"container/heap"
	"context"
	"fmt"
	"math"
	"slices"
)

// RecommendOptions bound a recommendation. K is the number of ports.
type RecommendOptions struct {
	K int
	// Cost of a port (1 where it is not named) and the Budget for all; without Budget only K counts.
	Cost   map[Port]float64
	Budget float64
	// Exclude are ports that must not be opened, with the reason.
	Exclude map[Port]string
	// Interval is how the gains' intervals are drawn.
	Interval Resampling
}

func (o *RecommendOptions) cost(p Port) float64 {
	if c, ok := o.Cost[p]; ok {
		return c
	}
	return 1
}

// Pick is a recommended port.
type Pick struct {
	Point
	Cost float64
	// Interval is that of Gain, by drawing sources, the ports being given.
	Interval Interval
	// Frequency is its place among the most frequent ports, from 1.
	Frequency int
}

// LeftOut is a frequent port that is not recommended.
type LeftOut struct {
	Port      Port
	Frequency int
	// Sources want it; Alone is what it would gain without the recommended ports, Still what it would add to them.
	Sources      int
	Alone, Still float64
	// By is the recommended port that takes most of its gain, Taken how much; zero where none takes any.
	By    Port
	Taken float64
	// Reason is why it was excluded, or "".
	Reason string
}

// Recommendation is a set of ports with its evidence.
type Recommendation struct {
	// Picks are in the order in which they are worth opening.
	Picks []Pick
	// LeftOut are those of the 2K most frequent ports that are not picked.
	LeftOut []LeftOut
	// Most is the gain of all ports.
	Most float64
}

// Recommend picks ports by lazy greedy maximum coverage; of equal gains the lower port. Without costs the gain is within
// 1-1/e (63 %) of that of the best K ports, the best that is known for polynomial time. With costs it takes the better of
// the greedy choices by gain and by gain over cost, within (1-1/e)/2. Ports that add nothing are not picked.
//
// Source: Nemhauser, Wolsey and Fisher (1978), An analysis of approximations for maximizing submodular set functions;
// Minoux (1978), for lazy evaluation; Leskovec et al. (2007), Cost-effective outbreak detection in networks, KDD, for costs.
func (d *Demand) Recommend(ctx context.Context, o RecommendOptions) (Recommendation, error) {
	for p, c := range o.Cost {
		if !(c > 0) || math.IsInf(c, 1) {
			return Recommendation{}, fmt.Errorf("port %d costs %g", p.Number, c)
		}
	}
	ports := d.greedy(o, false)
	if len(o.Cost) > 0 && o.Budget > 0 {
		if other := d.greedy(o, true); d.Gain(other) > d.Gain(ports) {
			ports = other
		}
	}
	r := Recommendation{Most: d.Most()}
	frequent := d.Frequent(len(d.ports))
	gains, err := d.intervals(ctx, ports, o.Interval)
	if err != nil {
		return r, err
	}
	for i, at := range d.Curve(ports) {
		r.Picks = append(r.Picks, Pick{
			Point: at, Cost: o.cost(at.Port), Interval: gains[i], Frequency: slices.Index(frequent, at.Port) + 1,
		})
	}
	for i, p := range frequent[:min(2*max(o.K, 0), len(frequent))] {
		if !slices.Contains(ports, p) {
			l := d.leftOut(p, ports)
			l.Frequency, l.Reason = i+1, o.Exclude[p]
			r.LeftOut = append(r.LeftOut, l)
		}
	}
	return r, nil
}

// greedy picks by gain, or by gain over cost.
func (d *Demand) greedy(o RecommendOptions, relative bool) []Port {
	c := d.none()
	var q queue
	score := func(i int) float64 {
		gain := d.marginal(c, i)
		if relative {
			gain /= o.cost(d.ports[i])
		}
		return gain
	}
	for i, p := range d.ports {
		if _, out := o.Exclude[p]; !out {
			q = append(q, candidate{port: i, score: rounded(score(i))})
		}
	}
	heap.Init(&q)
	var picked []Port
	spent := 0.
	for len(picked) < o.K && len(q) > 0 {
		top := &q[0]
		switch {
		case o.Budget > 0 && spent+o.cost(d.ports[top.port]) > o.Budget*(1+1e-12), top.score <= 0:
			heap.Pop(&q)
		case top.picked != len(picked):
			// The score is from before the last pick, so it can only have become smaller.
			top.score, top.picked = rounded(score(top.port)), len(picked)
			heap.Fix(&q, 0)
		default:
			p := d.ports[top.port]
			d.take(c, top.port)
			spent += o.cost(p)
			picked = append(picked, p)
			heap.Pop(&q)
		}
	}
	return picked
}

// rounded keeps nine digits, so that the order of summation does not decide between equal gains.
func rounded(x float64) float64 {
	if x <= 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-8)
	return math.Round(x/unit) * unit
}

// candidate is a port whose score was computed when so many ports were picked.
type candidate struct {
	port, picked int
	score        float64
}

// queue has the best candidate first, the lower port of equals.
type queue []candidate

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	return q[i].score > q[j].score || q[i].score == q[j].score && q[i].port < q[j].port
}

// Push implements [heap.Interface].
func (q *queue) Push(x any) { *q = append(*q, x.(candidate)) }

// Pop implements [heap.Interface].
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// intervals draw sources, for the gain of each port.
func (d *Demand) intervals(ctx context.Context, ports []Port, how Resampling) ([]Interval, error) {
	c := d.none()
	intervals := make([]Interval, len(ports))
	gains := make([]part, len(d.values))
	for k, p := range ports {
		i := d.index(p)
		clear(gains)
		for at, w := range d.wants[i] {
			gains[at].part = max(w.chance-c[w.source], 0) * d.values[w.source]
		}
		d.take(c, i)
		b, err := bootstrapParts(ctx, gains, func(sum, _ float64) float64 { return sum }, how)
		if err != nil {
			return nil, err
		}
		intervals[k] = b.Percentile
	}
	return intervals, nil
}

func (d *Demand) leftOut(p Port, picked []Port) LeftOut {
	i := d.index(p)
	l := LeftOut{Port: p, Sources: len(d.wants[i]), Alone: d.marginal(d.none(), i)}
	c := d.none()
	before := l.Alone
	for _, other := range picked {
		d.take(c, d.index(other))
		after := d.marginal(c, i)
		if before-after > l.Taken {
			l.By, l.Taken = other, before-after
		}
		before = after
	}
	l.Still = before
	return l
}

// maxSets bounds the exhaustive search.
const maxSets = 5_000_000

// Best is the best set of at most k ports by trying all, the first of equals in the order of ports. It fails where there are
// more than five million.
func (d *Demand) Best(k int) ([]Port, float64, error) {
	k = min(max(k, 0), len(d.ports))
	sets := 1.
	for i := range k {
		sets *= float64(len(d.ports)-i) / float64(i+1)
	}
	if sets > maxSets {
		return nil, 0, fmt.Errorf("%.0f sets of %d ports are too many to try", sets, k)
	}
	var best, chosen []Port
	most := -1.
	var try func(from int, c covered, total float64)
	try = func(from int, c covered, total float64) {
		if len(chosen) == k {
			if total > most*(1+1e-12) {
				best, most = slices.Clone(chosen), total
			}
			return
		}
		for i := from; i <= len(d.ports)-(k-len(chosen)); i++ {
			next := slices.Clone(c)
			gain, _ := d.take(next, i)
			chosen = append(chosen, d.ports[i])
			try(i+1, next, total+gain)
			chosen = chosen[:len(chosen)-1]
		}
	}
	try(0, d.none(), 0)
	return best, max(most, 0), nil
}
