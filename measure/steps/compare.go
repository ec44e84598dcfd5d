package steps

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"terroir/measure"
)

// compareRegions compares every two places by their most frequent values.
func compareRegions(ctx context.Context, in *input) (*table, error) {
	t := newTable("a", "b", "n", "values", "chi2", "dof", "v", "p", "p_corrected", "jaccard", "overlap", "verdict", "top_a", "top_b")
	at, err := in.at("place", "value", "sources")
	if err != nil {
		return nil, err
	}
	places, err := in.places(at[0])
	if err != nil {
		return nil, err
	}
	lists := make([][]measure.Counted, len(places.names))
	for _, row := range in.rows {
		p := places.at[text(row[at[0]])]
		lists[p] = append(lists[p], measure.Counted{Value: text(row[at[1]]), N: count(row[at[2]])})
	}
	for _, l := range lists {
		slices.SortFunc(l, func(a, b measure.Counted) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value)) })
	}
	k := in.int("top", 10)
	type pair struct {
		a, b int
		measure.Compared
	}
	var pairs []pair
	var p []float64
	for a := range lists {
		for b := a + 1; b < len(lists); b++ {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			c, err := measure.CompareTop(lists[a], lists[b], k)
			if err != nil {
				return nil, err
			}
			tested := c.P
			if c.DOF == 0 {
				tested = math.NaN()
			}
			pairs, p = append(pairs, pair{a, b, c}), append(p, tested)
		}
	}
	corrected := in.correction()(p)
	for i, c := range pairs {
		said := "n.s."
		switch {
		case math.IsNaN(p[i]):
			said = "too few to tell"
		case corrected[i] <= in.number("alpha", .05):
			said = fmt.Sprintf("%s difference, V %s", strength(c.Corrected), short(c.Corrected))
		}
		t.add(places.names[c.a], places.names[c.b], c.N, int64(len(c.Values)), float(c.ChiSquared), int64(c.DOF), float(c.Corrected), float(p[i]),
			float(corrected[i]), float(c.Jaccard), float(c.Overlap), said, first(lists[c.a], k), first(lists[c.b], k))
	}
	return t, nil
}

// first names the most frequent.
func first(list []measure.Counted, k int) string {
	var names []string
	for _, c := range list[:min(k, len(list))] {
		names = append(names, fmt.Sprintf("%s (%d)", c.Value, c.N))
	}
	return strings.Join(names, ", ")
}
