package measure

import (
	"fmt"
	"math"
	"math/cmplx"
)

// Null is what reach would be without regionality: each contact of an entity comes to region r with a probability that is
// proportional to the exposure of r, independently of the others.
type Null struct {
	weights []float64
	// exposed is the number of regions with any exposure.
	exposed int
}

// NewNull takes the exposure of each region: sensor hours times listening ports, or all contacts that it had.
func NewNull(exposure []float64) (*Null, error) {
	if len(exposure) > MaxRegions {
		return nil, fmt.Errorf("%d regions", len(exposure))
	}
	w, err := shares(exposure)
	if err != nil {
		return nil, err
	}
	n := &Null{weights: w}
	for _, x := range w {
		if x > 0 {
			n.exposed++
		}
	}
	return n, nil
}

// Expected is the reach to be expected of n contacts: Σ 1-(1-w)^n over the regions.
func (u *Null) Expected(n int64) (reach float64) {
	for _, w := range u.weights {
		reach -= math.Expm1(float64(max(n, 0)) * math.Log1p(-w))
	}
	return reach
}

// Rarefied is the expected number of regions among m of the contacts, drawn without replacement: it makes entities of
// different volume comparable. counts are the contacts in each region. It is the plain reach where m is not below their sum.
//
// Source: Hurlbert (1971), The nonconcept of species diversity, Ecology 52(4).
func Rarefied(counts []int64, m int64) (reach float64) {
	var n int64
	for _, c := range counts {
		n += max(c, 0)
	}
	m = min(max(m, 0), n)
	choose := func(n, k int64) float64 {
		a, _ := math.Lgamma(float64(n) + 1)
		b, _ := math.Lgamma(float64(k) + 1)
		c, _ := math.Lgamma(float64(n-k) + 1)
		return a - b - c
	}
	all := choose(n, m)
	for _, c := range counts {
		switch {
		case c <= 0:
		case m > n-c:
			reach++
		default:
			reach -= math.Expm1(choose(n-c, m) - all)
		}
	}
	return reach
}

// ReachFloor is the smallest probability that [Null.AtMost] tells apart.
const ReachFloor = 1e-12

// maxContacts bounds the work. Fewer contacts make a small reach more probable, so the bound errs on the safe side.
const maxContacts = 1 << 24

// AtMost is the probability that n contacts reach at most the given number of regions, exact within 1e-12; smaller ones are
// given as [ReachFloor], so that they are never understated.
//
// The number of occupied regions has the generating function n! [zⁿ] Π (1 + y (exp(w z) - 1)), a product over the regions
// (Johnson and Kotz 1977, Urn models). Its coefficient is taken by the trapezoidal rule on the circle |z| = n, where
// the terms are those of a Poisson distribution of mean n: with some multiples of √n points, what is left out is below 1e-30.
func (u *Null) AtMost(reach int, n int64) float64 {
	switch {
	case reach >= u.exposed || int64(reach) >= n:
		return 1
	case reach < 1:
		return ReachFloor
	}
	n = min(n, maxContacts)
	at := u.occupied(n)
	var p float64
	for _, q := range at[:reach+1] {
		p += q
	}
	return min(max(p, ReachFloor), 1)
}

// occupied is the distribution of the number of regions that n > 0 contacts reach.
func (u *Null) occupied(n int64) []float64 {
	x := float64(n)
	points := 64 + int(13*math.Sqrt(x))
	sum := make([]float64, u.exposed+1)
	product := make([]complex128, u.exposed+1)
	for k := 0; k <= points/2; k++ {
		angle := 2 * math.Pi * float64(k) / float64(points)
		u.product(cmplx.Rect(1, angle), x, product)
		// exp(-i n angle), the angle being reduced first: n is large.
		turn := cmplx.Rect(1, -2*math.Pi*float64(n%int64(points)*int64(k)%int64(points))/float64(points))
		weight := 2.
		if k == 0 || 2*k == points {
			weight = 1
		}
		for i, c := range product {
			sum[i] += weight * real(c*turn)
		}
	}
	// n! eⁿ / nⁿ: one over the Poisson probability of n at mean n.
	lg, _ := math.Lgamma(x + 1)
	scale := math.Exp(lg+x-x*math.Log(x)) / float64(points)
	for i := range sum {
		sum[i] = max(sum[i]*scale, 0)
	}
	return sum
}

// product is Π (e(-w n) + y (e(w (z-n)) - e(-w n))), in powers of y, for z = n times a point of the unit circle.
func (u *Null) product(point complex128, n float64, into []complex128) {
	clear(into)
	into[0] = 1
	top := 0
	for _, w := range u.weights {
		if w == 0 {
			continue
		}
		none := complex(math.Exp(-w*n), 0)
		some := cmplx.Exp(complex(w*n, 0)*(point-1)) - none
		top++
		for i := top; i > 0; i-- {
			into[i] = into[i]*none + into[i-1]*some
		}
		into[0] *= none
	}
}
