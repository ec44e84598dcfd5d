package measure

import (
	"context"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The examples of the analysis: shares alone mislead, where there are few sources or the exposure differs.
func CheckLocalityOfFamilies(t *testing.T) {
	equal := []float64{1, 1, 1, 1, 1}
	for _, c := range []struct {
		name        string
		counts      []int64
		exposure    []float64
		kl, g, lq   float64
		significant bool
	}{
		{"spread evenly", []int64{40, 42, 38, 41, 39}, equal, .001, .25, 1.05, false},
		{"at home in one region", []int64{2, 0, 36, 1, 1}, equal, 1.18, 94.4, 4.5, true},
		{"two sources", []int64{0, 0, 2, 0, 0}, equal, 1.61, 6.4, 5, false},
		{"twice the exposure", []int64{10, 10, 20, 10, 10}, []float64{1, 1, 2, 1, 1}, 0, 0, 1, false},
	} {
		l, err := Localise(c.counts, c.exposure)
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.name+": KL", l.KL, c.kl, .005)
		near(t, c.name+": G", l.G, c.g, .05)
		near(t, c.name+": location quotient", l.Quotient[l.Strongest], c.lq, .005)
		if (l.P <= .05) != c.significant {
			t.Errorf("%s: p %g", c.name, l.P)
		}
	}
	if _, err := Localise([]int64{1}, []float64{0}); err == nil {
		t.Error("sources without exposure are accepted")
	}
}

func TestRarityInWords(t *testing.T) {
	for _, c := range []struct {
		template, protocol, all int64
		want                    string
	}{{100, 100, 100, "common"}, {10, 100, 100, "uncommon"}, {1, 50, 100, "rare"}, {1, 1, 1000, "very rare"}} {
		r, err := RarityOf(c.template, c.protocol, c.all)
		if err != nil || r.String() != c.want {
			t.Errorf("%+v is %s (%.2f), %v", c, r, float64(r), err)
		}
	}
	if _, err := RarityOf(0, 1, 1); err == nil {
		t.Error("a payload that nobody sent is accepted")
	}
}

func TestRegionalityIsBoundedAndDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Presence {
			seen := rapid.Uint64Range(0, 31).Draw(t, "seen")
			return Presence{seen, seen & rapid.Uint64Range(0, 31).Draw(t, "did"), rapid.Int64Range(0, 30).Draw(t, "sources")}
		}), 0, 12).Draw(t, "sources")
		o := RegionalityOptions{Permutations: 50, Interval: Resampling{Draws: 20}}
		a, err := MeasureRegionality(context.Background(), 5, []Thing{{"a", list}}, o)
		if err != nil {
			t.Fatal(err)
		}
		b, err := MeasureRegionality(context.Background(), 5, []Thing{{"a", rapid.Permutation(list).Draw(t, "order")}}, o)
		if err != nil {
			t.Fatal(err)
		}
		x, y := a[0], b[0]
		if x.Method != y.Method || x.Interval != y.Interval && !math.IsNaN(x.Interval.Low) || x.Tested != y.Tested && !math.IsNaN(x.Tested) {
			t.Fatalf("%+v, in another order %+v", x, y)
		}
		if x.Method != MethodNone && !(x.Tested >= 0 && x.Tested <= 1) || !(x.Corrected >= 0 && x.Corrected <= 1) {
			t.Fatalf("out of bounds: %+v", x)
		}
	})
}
