package measure

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// sortedPresence brings sources into one order, alike ones together.
func sortedPresence(sources []Presence) (sorted []Presence) {
	byPlaces := func(a, b Presence) int { return cmp.Or(cmp.Compare(a.Seen, b.Seen), cmp.Compare(a.Did, b.Did)) }
	for _, s := range slices.SortedFunc(slices.Values(sources), byPlaces) {
		if n := len(sorted); n > 0 && sorted[n-1].Seen == s.Seen && sorted[n-1].Did == s.Did {
			sorted[n-1].Sources += s.Sources
		} else {
			sorted = append(sorted, s)
		}
	}
	return sorted
}

// tallies are the sums of a table (thing, rest) x region.
type tallies struct {
	// seen sources and those that did the thing, in each region; all are their sums, rate the share of the latter.
	seen, did       []float64
	allSeen, allDid float64
	rate            float64
}

func tally(regions int, sources []Presence) tallies {
	t := tallies{seen: make([]float64, regions), did: make([]float64, regions)}
	for _, s := range sources {
		for mask := s.Seen; mask != 0; mask &= mask - 1 {
			r := bits.TrailingZeros64(mask)
			t.seen[r] += float64(s.Sources)
			t.did[r] += float64(s.Sources) * float64(s.Did>>r&1)
		}
		t.allSeen += float64(s.Sources) * float64(bits.OnesCount64(s.Seen))
		t.allDid += float64(s.Sources) * float64(bits.OnesCount64(s.Did))
	}
	t.rate = t.allDid / t.allSeen
	return t
}

// clusteredTail is the logarithm of the p-value of χ² of the table (thing, rest) x region, when sources are units that count
// in several columns. Then χ² is a weighted sum of chi-squared variables, the weights being the eigenvalues of the covariance
// of the standardised residuals, which is estimated over sources; the sum is taken for a scaled chi-squared variable of the
// same mean and variance (Satterthwaite 1946; the second-order correction of Rao and Scott 1984, On chi-squared tests for
// multiway contingency tables, Ann. Stat. 12(1)).
func clusteredTail(regions int, sources []Presence) float64 {
	t := tally(regions, sources)
	scale := t.rate * (1 - t.rate)
	if !(scale > 0) {
		return 0
	}
	covariance := make([]float64, regions*regions)
	residual := make([]float64, regions)
	for _, s := range sources {
		t.residual(s, residual)
		for i, a := range residual {
			for j, b := range residual {
				covariance[i*regions+j] += float64(s.Sources) * a * b / scale
			}
		}
	}
	var chi, first, second float64
	for r, n := range t.seen {
		if n > 0 {
			off := t.did[r] - t.rate*n
			chi += off * off / (n * scale)
		}
		first += covariance[r*regions+r]
	}
	for _, c := range covariance {
		second += c * c
	}
	if !(second > 0) {
		return 0
	}
	return gammaTail(chi*first/second, first*first/second)
}

// residual is a source's part in the deviation of each region from the common rate, over the root of the region's sources.
// The rate is estimated from the same sources, which takes off the region's share of the source's whole deviation.
func (t *tallies) residual(s Presence, into []float64) {
	whole := float64(bits.OnesCount64(s.Did)) - t.rate*float64(bits.OnesCount64(s.Seen))
	for r, n := range t.seen {
		into[r] = 0
		if n > 0 {
			off := float64(s.Did>>r&1) - t.rate*float64(s.Seen>>r&1)
			into[r] = (off - n/t.allSeen*whole) / math.Sqrt(n)
		}
	}
}

// permuteSources compares χ² of the table (thing, rest) x region with that of worlds in which it is chance, which of the
// sources do the thing; where they were seen is kept. Where some did it in a part of their regions only, the number of
// regions in which it is done is exchanged among sources seen in equally many regions, and which ones these are is chance.
// Sources must be sorted.
func permuteSources(ctx context.Context, regions int, sources []Presence, draws int, seed uint64) (Permuted, error) {
	if err := checkDraws(draws); err != nil {
		return Permuted{}, err
	}
	t := tally(regions, sources)
	// χ² of the drawn table itself: sources seen in several regions make the sum of the row vary from draw to draw, and that
	// is no regionality.
	statistic := func(did []float64) (chi float64) {
		var sum float64
		for r, n := range t.seen {
			if n > 0 {
				chi += did[r] * did[r] / n
				sum += did[r]
			}
		}
		rate := sum / t.allSeen
		if !(rate > 0 && rate < 1) {
			return 0
		}
		return max((chi-sum*rate)/(rate*(1-rate)), 0)
	}
	observed := statistic(t.did) * (1 - 1e-12)
	classes, logs := exchangeable(sources)
	least := make([]bool, draws)
	err := inBlocks(ctx, draws, 50, seed, func(from, to int, random *rand.Rand) {
		did := make([]float64, regions)
		for i := from; i < to; i++ {
			clear(did)
			for _, c := range classes {
				c.draw(random, logs, did)
			}
			least[i] = statistic(did) >= observed
		}
	})
	p := Permuted{Draws: draws}
	for _, l := range least {
		if l {
			p.AtLeast++
		}
	}
	p.P = float64(1+p.AtLeast) / float64(1+draws)
	return p, err
}

// class are sources among which it is exchanged who does the thing.
type class struct {
	// sources are how many were seen in which regions, upTo how many in these or those before.
	seen          []uint64
	sources, upTo []int64
	// did is how many do it in all of their regions (0), in one, in two and so on.
	did []int64
	all int64
}

func exchangeable(sources []Presence) ([]class, factorials) {
	partly := slices.ContainsFunc(sources, func(s Presence) bool { return s.Did != 0 && s.Did != s.Seen })
	at := map[int]int{}
	var classes []class
	var most int64
	for _, s := range sources {
		if s.Seen == 0 {
			continue
		}
		size := 0
		if partly {
			size = bits.OnesCount64(s.Seen)
		}
		i, ok := at[size]
		if !ok {
			i = len(classes)
			at[size] = i
			classes = append(classes, class{did: make([]int64, MaxRegions)})
		}
		c := &classes[i]
		if n := len(c.seen); n == 0 || c.seen[n-1] != s.Seen {
			c.seen, c.sources = append(c.seen, s.Seen), append(c.sources, 0)
		}
		c.sources[len(c.sources)-1] += s.Sources
		c.all += s.Sources
		most = max(most, c.all)
		switch {
		case s.Did == s.Seen:
			c.did[0] += s.Sources
		case s.Did != 0:
			c.did[bits.OnesCount64(s.Did)] += s.Sources
		}
	}
	for i := range classes {
		var n int64
		for _, sources := range classes[i].sources {
			n += sources
			classes[i].upTo = append(classes[i].upTo, n)
		}
	}
	return classes, newFactorials(most)
}

// draw adds to did what a random choice of the sources does. It goes through the kinds of sources, or where fewer do the thing
// through those that do.
func (c *class) draw(random *rand.Rand, logs factorials, did []float64) {
	var doing int64
	for _, n := range c.did {
		doing += n
	}
	if doing < int64(len(c.seen)) && doing <= c.all/2 {
		c.drawEach(random, did)
		return
	}
	free := slices.Clone(c.sources)
	rest := c.all
	for k, n := range c.did {
		left, pool := n, rest
		for i := 0; i < len(free) && left > 0; i++ {
			x := logs.hypergeometric(random, left, free[i], pool)
			pool -= free[i]
			free[i] -= x
			left -= x
			if k == 0 {
				addTo(did, c.seen[i], float64(x))
				continue
			}
			for range x {
				addTo(did, subset(random, c.seen[i], k), 1)
			}
		}
		rest -= n
	}
}

func (c *class) drawEach(random *rand.Rand, did []float64) {
	taken := map[int64]bool{}
	for k, n := range c.did {
		for range n {
			at := random.Int64N(c.all)
			for taken[at] {
				at = random.Int64N(c.all)
			}
			taken[at] = true
			i, _ := slices.BinarySearch(c.upTo, at+1)
			if k == 0 {
				addTo(did, c.seen[i], 1)
			} else {
				addTo(did, subset(random, c.seen[i], k), 1)
			}
		}
	}
}

func addTo(counts []float64, regions uint64, n float64) {
	for ; regions != 0; regions &= regions - 1 {
		counts[bits.TrailingZeros64(regions)] += n
	}
}

// subset draws k of the regions.
func subset(random *rand.Rand, regions uint64, k int) (chosen uint64) {
	left := bits.OnesCount64(regions)
	for ; k > 0 && regions != 0; regions &= regions - 1 {
		if random.IntN(left) < k {
			chosen |= regions & -regions
			k--
		}
		left--
	}
	return chosen
}
