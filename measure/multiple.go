package measure

import (
	"math"
	"slices"
)

// Correction adjusts the p-values of a family of tests that are shown together, so that an adjusted value at or below α is
// significant at level α. The order of the values is kept, and no value is above 1. Values that are NaN are tests that were
// not made: they stay NaN and are not counted.
type Correction func(p []float64) []float64

// Bonferroni multiplies by the number of tests. It holds the probability of any false positive, under any dependence
// (Dunn 1961).
func Bonferroni(p []float64) []float64 {
	return adjust(p, func(sorted []float64) {
		for i := range sorted {
			sorted[i] *= float64(len(sorted))
		}
	})
}

// Holm steps down from the smallest value: it promises what [Bonferroni] does, and is never weaker (Holm 1979).
func Holm(p []float64) []float64 {
	return adjust(p, func(sorted []float64) {
		for i := range sorted {
			sorted[i] *= float64(len(sorted) - i)
			if i > 0 {
				sorted[i] = max(sorted[i], sorted[i-1])
			}
		}
	})
}

// BenjaminiHochberg steps up from the largest value. It holds the expected share of false positives among the positives, for
// independent or positively dependent tests (Benjamini and Hochberg 1995; Benjamini and Yekutieli 2001).
func BenjaminiHochberg(p []float64) []float64 {
	return adjust(p, func(sorted []float64) {
		for i := len(sorted) - 1; i >= 0; i-- {
			sorted[i] *= float64(len(sorted)) / float64(i+1)
			if i+1 < len(sorted) {
				sorted[i] = min(sorted[i], sorted[i+1])
			}
		}
	})
}

// adjust hands the values over in ascending order, and puts the results back into their places.
func adjust(p []float64, step func(sorted []float64)) []float64 {
	var order []int
	for i, v := range p {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	sorted := make([]float64, len(order))
	for k, i := range order {
		sorted[k] = p[i]
	}
	step(sorted)
	adjusted := slices.Clone(p)
	for k, i := range order {
		adjusted[i] = min(sorted[k], 1)
	}
	return adjusted
}
