package measure

import (
	"context"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func equalNull(t testing.TB, regions int) *Null {
	t.Helper()
	weights := make([]float64, regions)
	for i := range weights {
		weights[i] = 1
	}
	n, err := NewNull(weights)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The numbers are those of the analysis: five equal regions.
func TestReachOfRandomContactsInFiveEqualRegions(t *testing.T) {
	null := equalNull(t, 5)
	for n, want := range map[int64]float64{1: 1, 2: 1.80, 3: 2.44, 5: 3.36, 10: 4.46, 20: 4.94} {
		near(t, fmt.Sprintf("expected reach of %d", n), null.Expected(n), want, .005)
	}
	for n, want := range map[int64]float64{3: .52, 4: .232, 5: .098, 6: .040, 8: .0065, 10: .001} {
		near(t, fmt.Sprintf("P(reach <= 2) of %d", n), null.AtMost(2, n), want, .0005)
	}
}

// A dynamic programme over counts, in small steps, has the same distribution as the integral.
func TestReachOfManyContactsIsThatOfAMarkovChain(t *testing.T) {
	const regions, contacts = 12, 5000
	null := equalNull(t, regions)
	at := make([]float64, regions+1)
	at[0] = 1
	for n := 1; n <= contacts; n++ {
		for k := regions; k > 0; k-- {
			at[k] = at[k]*float64(k)/regions + at[k-1]*float64(regions-k+1)/regions
		}
		at[0] = 0
		if n != 20 && n != 100 && n != 1000 && n != contacts {
			continue
		}
		var sum float64
		for k, p := range at {
			sum += p
			near(t, fmt.Sprintf("P(reach <= %d) of %d", k, n), null.AtMost(k, int64(n)), max(sum, ReachFloor), 1e-11)
		}
	}
}

func TestReachIsClassified(t *testing.T) {
	contacts := func(n ...int64) []int64 { return n }
	visitors := []Visitor{
		{"three in one", contacts(3, 0, 0, 0, 0)},
		{"forty in one", contacts(0, 40, 0, 0, 0)},
		{"forty in two", contacts(20, 20, 0, 0, 0)},
		{"everywhere", contacts(9, 11, 10, 8, 12)},
		{"five in five", contacts(1, 1, 1, 1, 1)},
		{"never seen", contacts(0, 0, 0, 0, 0)},
	}
	found, err := ClassifyReach(context.Background(), equalNull(t, 5), visitors, ReachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []ReachClass{TooFew, Regional, Regional, Ubiquitous, TooFew, TooFew} {
		if found[i].Class != want {
			t.Errorf("%s is %s, not %s: %+v", found[i].Name, found[i].Class, want, found[i])
		}
	}
	near(t, "rarefied reach", found[3].Rarefied, 4.96, .01)
	if !math.IsNaN(found[0].Rarefied) || !math.IsNaN(found[5].P) {
		t.Error("three contacts cannot be rarefied to twenty, and none cannot be tested")
	}
}

// Without regionality, hardly any entity is called regional, whatever the exposure of the regions and the volume.
func TestReachWithoutRegionality(t *testing.T) {
	random := stream(8, 0)
	exposure := []float64{1, 2, 3, 4, 10}
	null, err := NewNull(exposure)
	if err != nil {
		t.Fatal(err)
	}
	logs := newFactorials(1000)
	var visitors []Visitor
	for i := range worlds {
		v := Visitor{fmt.Sprint(i), make([]int64, 5)}
		logs.multinomial(random, 1+int64(random.IntN(60)), []int64{1, 2, 3, 4, 10}, 20, v.Contacts)
		visitors = append(visitors, v)
	}
	found, err := ClassifyReach(context.Background(), null, visitors, ReachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	classes := map[ReachClass]int{}
	few, false5 := 0, 0
	for _, f := range found {
		classes[f.Class]++
		if f.Reach <= 2 {
			few++
		}
		if f.P <= .05 {
			false5++
		}
	}
	if classes[Regional] > 1 || false5 > mostFalse(.05) {
		t.Errorf("%v, %d of %d at p <= 0.05", classes, false5, worlds)
	}
	t.Logf("%d of %d reach at most two regions; %v", few, worlds, classes)
}

func TestReachGrowsWithContacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		null, err := NewNull(rapid.SliceOfN(rapid.Float64Range(.001, 100), 1, 30).Draw(t, "exposure"))
		if err != nil {
			t.Fatal(err)
		}
		n := int64(rapid.IntRange(1, 3000).Draw(t, "contacts"))
		k := rapid.IntRange(1, 30).Draw(t, "reach")
		p, more, less := null.AtMost(k, n), null.AtMost(k, n+1), null.AtMost(k-1, n)
		if !(p >= ReachFloor && p <= 1 && more <= p+1e-11 && less <= p+1e-11) {
			t.Fatalf("P(reach <= %d) is %g with %d contacts, %g with one more; %g for one region less", k, p, n, more, less)
		}
		if e := null.Expected(n); !(e > 0 && e <= float64(null.exposed)+1e-9) {
			t.Fatalf("expected reach %g", e)
		}
	})
}
