package measure

import (
	"cmp"
	"context"
	"slices"
)

// part is what a unit adds to a share's numerator and denominator.
type part struct{ part, whole float64 }

// bootstrapParts draws units, for a statistic of the sums. Alike units are drawn together, and many different ones in random
// groups, as in [BootstrapV]. The order of the parts does not matter; they are sorted.
func bootstrapParts(ctx context.Context, parts []part, of func(part, whole float64) float64, how Resampling) (Bootstrapped, error) {
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.whole, b.whole), cmp.Compare(a.part, b.part))
	})
	var kinds []part
	var counts []int64
	for i, p := range parts {
		if i == 0 || p != parts[i-1] {
			kinds, counts = append(kinds, p), append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	value := sumOf(kinds, counts, of)
	if len(kinds) > maxKinds {
		sums := make([]part, groups)
		randomGroups(counts, how.Seed, func(kind, group int, n int64) {
			sums[group].part += float64(n) * kinds[kind].part
			sums[group].whole += float64(n) * kinds[kind].whole
		})
		kinds, counts = sums, slices.Repeat([]int64{1}, groups)
	}
	b, err := bootstrap(ctx, counts, func() func([]int64) float64 {
		return func(n []int64) float64 { return sumOf(kinds, n, of) }
	}, how)
	b.Value = value
	return b, err
}

func sumOf(kinds []part, counts []int64, of func(part, whole float64) float64) float64 {
	var sum part
	for i, n := range counts {
		sum.part += float64(n) * kinds[i].part
		sum.whole += float64(n) * kinds[i].whole
	}
	return of(sum.part, sum.whole)
}
