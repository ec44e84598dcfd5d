package measure

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The example of the analysis: the networks of two regions.
func TestRankingsOfNetworks(t *testing.T) {
	a, b := []int{4134, 4837, 14061, 396982, 6939}, []int{396982, 6939, 4134, 14061, 398324}
	near(t, "Jaccard", Jaccard(a, b), .667, .0005)
	for p, want := range map[float64]float64{.9: .607, .7: .318} {
		got, err := RankBiasedOverlap(a, b, p)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "overlap", got, want, .0005)
	}
}

func TestRankBiasedOverlapIsSymmetricAndBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfDistinct(rapid.IntRange(0, 20), rapid.ID[int])
		a, b := list.Draw(t, "a"), list.Draw(t, "b")
		p := rapid.Float64Range(.01, .99).Draw(t, "p")
		x, err := RankBiasedOverlap(a, b, p)
		if err != nil {
			t.Fatal(err)
		}
		if y, _ := RankBiasedOverlap(b, a, p); x != y || !(x >= 0 && x <= 1) {
			t.Fatalf("%g one way, %g the other", x, y)
		}
		if own, _ := RankBiasedOverlap(a, a, p); own < 1-1e-9 {
			t.Fatalf("%g with itself", own)
		}
		if Jaccard(a, b) != Jaccard(b, a) {
			t.Fatal("Jaccard is not symmetric")
		}
	})
}

func TestRankingsThatAreNone(t *testing.T) {
	if _, err := RankBiasedOverlap([]int{1, 1}, []int{2, 3}, .9); err == nil {
		t.Error("a member that is ranked twice is accepted")
	}
	for _, p := range []float64{0, 1, -1} {
		if _, err := RankBiasedOverlap([]int{1}, []int{1}, p); err == nil {
			t.Errorf("a persistence of %g is accepted", p)
		}
	}
}

func TestTopListsOfTwoRegions(t *testing.T) {
	a := []Counted{{"x", 120}, {"y", 80}, {"z", 40}, {"rare", 2}, {"", 8}}
	b := []Counted{{"z", 70}, {"y", 85}, {"x", 60}, {"w", 35}}
	c, err := CompareTop(a, b, 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"x", "y", "z", ""}; !slices.Equal(c.Values, want) {
		t.Errorf("values %q, want %q", c.Values, want)
	}
	if want := []int64{120, 80, 40, 10, 60, 85, 70, 35}; !slices.Equal(c.Table.Counts, want) {
		t.Errorf("counts %v, want %v", c.Table.Counts, want)
	}
	// The numbers of the analysis.
	near(t, "chi-squared", c.ChiSquared, 42.2, .002)
	near(t, "V", c.V, .291, .0005)
	near(t, "corrected V", c.Corrected, .280, .0005)
	if c.Jaccard != 1 {
		t.Errorf("Jaccard of the same three is %g", c.Jaccard)
	}
}
