package measure

import "math"

// ChiSquaredTail is the natural logarithm of the probability that a chi-squared variable of dof degrees of freedom is at least
// x: the regularised upper incomplete gamma function Q(dof/2, x/2). It is 0 for x <= 0 or dof < 1, and holds far beyond the
// point where the probability itself underflows.
//
// Source: Abramowitz and Stegun (1964), 6.5.29 (series, below a+1) and 6.5.31 (continued fraction, by the method of Lentz
// 1976, above).
func ChiSquaredTail(x float64, dof int) float64 { return gammaTail(x, float64(dof)) }

// gammaTail takes degrees of freedom that are no whole number, too.
func gammaTail(x, dof float64) float64 {
	if !(x > 0) || !(dof > 0) {
		return 0
	}
	if math.IsInf(x, 1) {
		return math.Inf(-1)
	}
	a, h := dof/2, x/2
	lg, _ := math.Lgamma(a)
	front := a*math.Log(h) - h - lg
	if h < a+1 {
		return math.Log1p(-min(math.Exp(front)*gammaSeries(a, h), 1))
	}
	return min(front+math.Log(gammaFraction(a, h)), 0)
}

// maxTerms bounds both expansions; near x = a they need some multiples of √a terms.
const maxTerms = 1 << 20

func gammaSeries(a, x float64) float64 {
	term := 1 / a
	sum := term
	for k := 1; k < maxTerms && term > sum*1e-17; k++ {
		term *= x / (a + float64(k))
		sum += term
	}
	return sum
}

func gammaFraction(a, x float64) float64 {
	const tiny = 1e-300
	b := x + 1 - a
	c, d := 1/tiny, 1/b
	h := d
	for k := 1; k < maxTerms; k++ {
		an := -float64(k) * (float64(k) - a)
		b += 2
		if d = an*d + b; math.Abs(d) < tiny {
			d = tiny
		}
		if c = b + an/c; math.Abs(c) < tiny {
			c = tiny
		}
		d = 1 / d
		h *= d * c
		if math.Abs(d*c-1) < 1e-16 {
			break
		}
	}
	return h
}

// normalTail is the probability that a standard normal variable is below z; normalQuantile is its inverse.
func normalTail(z float64) float64     { return math.Erfc(-z/math.Sqrt2) / 2 }
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
