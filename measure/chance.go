package measure

import (
	"cmp"
	"math"
	"slices"
)

// SourceLoss is what one source did in a window and a region (or another group), in distinct pairs of (port, day), and how
// its SYNs look. Hand over only the sources with Heard above 0 for the study's join.
type SourceLoss struct {
	// Class is the class of its SYN (of a scanner, of a system's own stack), Network its AS, and Block its /24 (or /48).
	Class, Network, Block string
	// Served pairs met a listener, Unserved pairs did not; the Attempts are those in them. Heard are the served pairs in
	// which it sent a payload.
	Served, Unserved, ServedAttempts, UnservedAttempts, Heard int64
	// Irregular says that its SYNs are of no system's stack, so that nothing shows that the address was its own.
	Irregular bool
	// Chance is the probability that it sends a payload to a listener, per pair; see [EstimateChances].
	Chance float64
}

// EstimateChances fills in the Chance of every source from what it and its like sent where they were heard: the mean of a
// beta-binomial model that shrinks the source's own share to that of its block, that to its network's, that to its SYN
// class's, and that to all sources'. How strongly is fitted at each level, by maximum likelihood over powers of two.
//
// Source: Morris (1983), Parametric empirical Bayes inference, JASA 78(381); Gelman et al. (2013), Bayesian data analysis.
// It assumes that a source treats an unserved port as it treats a served one, which a SYN alone cannot show: see the
// bounds of [Lossiness]. The result does not depend on the order of the sources.
func EstimateChances(sources []SourceLoss) {
	level := make([]int, len(sources))
	all := trials{}
	for _, s := range sources {
		all.add(s)
	}
	// Jeffreys' prior for the overall share.
	means := []float64{(all.heard + .5) / (all.n + 1)}
	for _, key := range []func(SourceLoss) string{
		func(s SourceLoss) string { return s.Class },
		func(s SourceLoss) string { return s.Network },
		func(s SourceLoss) string { return s.Block },
		nil,
	} {
		means = refine(sources, level, means, key)
	}
	for i := range sources {
		sources[i].Chance = means[level[i]]
	}
}

// trials are pairs in which a payload could have been sent, and was.
type trials struct {
	heard, n float64
	parent   int
}

func (t *trials) add(s SourceLoss) {
	t.n += float64(max(s.Served, 0))
	t.heard += float64(min(max(s.Heard, 0), max(s.Served, 0)))
}

// refine divides the groups by the key, or into single sources where it is nil. group says to which group each source
// belongs, and is changed to the new ones; means are those of the old groups, those of the new are returned.
func refine(sources []SourceLoss, group []int, means []float64, key func(SourceLoss) string) []float64 {
	type name struct {
		parent int
		key    string
	}
	known := map[name]int{}
	var groups []trials
	for i, s := range sources {
		at := len(groups)
		if key != nil {
			k := name{group[i], key(s)}
			if g, ok := known[k]; ok {
				at = g
			}
			known[k] = at
		}
		if at == len(groups) {
			groups = append(groups, trials{parent: group[i]})
		}
		groups[at].add(s)
		group[i] = at
	}
	strength := fitStrength(groups, means)
	finer := make([]float64, len(groups))
	for i, g := range groups {
		finer[i] = (g.heard + strength*means[g.parent]) / (g.n + strength)
	}
	return finer
}

// maxFitted bounds how many kinds of groups a level's strength is fitted to.
const maxFitted = 20_000

// kind are groups that are alike: so many of them, with the mean of their parent.
type kind struct{ mean, n, heard, groups float64 }

// fitStrength is the number of trials that the parent's mean counts for.
func fitStrength(groups []trials, means []float64) float64 {
	kinds := kindsOf(groups, means)
	best, likeliest := 1., math.Inf(-1)
	step := max((len(kinds)+maxFitted-1)/maxFitted, 1)
	for strength := 1.; strength <= 4096; strength *= 2 {
		var likelihood float64
		for i := 0; i < len(kinds); i += step {
			k := kinds[i]
			a := strength * k.mean
			likelihood += k.groups * (logBeta(k.heard+a, k.n-k.heard+strength-a) - logBeta(a, strength-a))
		}
		if likelihood > likeliest {
			best, likeliest = strength, likelihood
		}
	}
	return best
}

// kindsOf sorts them, so that the order of the groups does not matter. Groups without trials say nothing.
func kindsOf(groups []trials, means []float64) []kind {
	var kinds []kind
	for _, g := range groups {
		if g.n > 0 {
			kinds = append(kinds, kind{means[g.parent], g.n, g.heard, 1})
		}
	}
	slices.SortFunc(kinds, func(a, b kind) int {
		return cmp.Or(cmp.Compare(a.mean, b.mean), cmp.Compare(a.n, b.n), cmp.Compare(a.heard, b.heard))
	})
	last := -1
	for _, k := range kinds {
		if last >= 0 && kinds[last].mean == k.mean && kinds[last].n == k.n && kinds[last].heard == k.heard {
			kinds[last].groups++
			continue
		}
		last++
		kinds[last] = k
	}
	return kinds[:last+1]
}

func logBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}
