package measure

import (
	"fmt"
	"math"
)

// Locality says how the sources of one thing (a port, a family, a country) are spread over the regions, compared with the
// exposure of the regions.
type Locality struct {
	N int64
	// Quotient is the location quotient of each region: the thing's share there over the region's share of the exposure. 1 is
	// as expected; NaN where there is no exposure. Strongest is the region where it is largest (the first of equals).
	Quotient  []float64
	Strongest int
	// KL is the Kullback-Leibler divergence of the thing's shares from the exposure's, in nats: the size of the effect.
	KL float64
	// G is 2·N·KL, and P the upper tail of the chi-squared distribution with one degree of freedom less than there are exposed
	// regions: the test. With few sources KL may be large and mean nothing.
	G, P float64
}

// Localise computes the locality of counts of distinct sources, one a region, against the exposure: sensor hours times
// listening ports, or whatever a region's chances are proportional to. It fails where something was counted without
// exposure.
//
// Source: Isard (1960), Methods of regional analysis, for the quotient; Kullback (1959), Information theory and statistics,
// for 2nKL. It assumes independent sources, and that the exposure is right.
func Localise(counts []int64, exposure []float64) (Locality, error) {
	w, err := shares(exposure)
	if err != nil {
		return Locality{}, err
	}
	if len(counts) != len(w) {
		return Locality{}, fmt.Errorf("counts of %d regions, exposure of %d", len(counts), len(w))
	}
	l := Locality{Quotient: make([]float64, len(w)), P: 1}
	exposed := 0
	for r, c := range counts {
		if c < 0 || c > maxTotal-l.N || c > 0 && w[r] == 0 {
			return Locality{}, fmt.Errorf("a count of %d in region %d of exposure %g", c, r, w[r])
		}
		l.N += c
		if w[r] > 0 {
			exposed++
		}
	}
	for r, c := range counts {
		l.Quotient[r] = math.NaN()
		if w[r] == 0 || l.N == 0 {
			continue
		}
		p := float64(c) / float64(l.N)
		l.Quotient[r] = p / w[r]
		if c > 0 {
			l.KL += p * math.Log(p/w[r])
		}
		if best := l.Quotient[l.Strongest]; math.IsNaN(best) || l.Quotient[r] > best {
			l.Strongest = r
		}
	}
	l.KL = max(l.KL, 0)
	l.G = 2 * float64(l.N) * l.KL
	l.P = math.Exp(ChiSquaredTail(l.G, exposed-1))
	return l, nil
}

// shares scales weights to a sum of one.
func shares(weights []float64) ([]float64, error) {
	var sum float64
	for _, w := range weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return nil, fmt.Errorf("an exposure of %g", w)
		}
		sum += w
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return nil, fmt.Errorf("exposures of sum %g", sum)
	}
	s := make([]float64, len(weights))
	for i, w := range weights {
		s[i] = w / sum
	}
	return s, nil
}
