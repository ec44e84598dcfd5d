package measure

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// reference are values that others' programs computed; testdata/reference.py made them.
type reference struct {
	Tables []struct {
		Table                  [][]int64
		Chi2                   float64
		DOF                    int
		P, G, GP, V, Corrected float64
		LogP                   float64 `json:"log_p"`
		Expected               []float64
	}
	Tails []struct {
		X, Log float64
		DOF    int
	}
	Adjusted struct{ P, Bonferroni, Holm, BH []float64 }
	Fisher   []struct {
		Table [2][2]int64
		P     float64
		Odds  *float64
	}
	Permutation []struct {
		Table [][]int64
		P     float64
	}
	Bootstrap struct {
		Table           [][]int64
		Percentile, BCa [2]float64
	}
	Reach []struct {
		Weights      []float64
		N            int64
		Distribution []float64
	}
	Rarefied []struct {
		Counts []int64
		M      int64
		Reach  float64
	}
	Locality []struct {
		Counts   []int64
		Exposure []float64
		KL, G, P float64
	}
	Ranks []struct {
		A, B   []string
		P, RBO float64
	}
}

func readReference(t *testing.T) (r reference) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// near fails when two numbers differ by more than a part of the larger one, or of one.
func near(t *testing.T, what string, got, want, part float64) {
	t.Helper()
	if !(math.Abs(got-want) <= part*max(1, math.Abs(want))) {
		t.Errorf("%s: got %.15g, want %.15g", what, got, want)
	}
}

func mustTable(t testing.TB, rows [][]int64) Table {
	t.Helper()
	table, err := TableOf(rows)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestAssociationIsThatOfScipy(t *testing.T) {
	for _, want := range readReference(t).Tables {
		table := mustTable(t, want.Table)
		got, err := Associate(table)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "chi-squared", got.ChiSquared, want.Chi2, 1e-12)
		if got.DOF != want.DOF {
			t.Errorf("degrees of freedom: got %d, want %d", got.DOF, want.DOF)
		}
		near(t, "p", got.P, want.P, 1e-12)
		near(t, "log p", got.LogP, want.LogP, 1e-12)
		near(t, "G", got.G, want.G, 1e-10)
		near(t, "p of G", got.GP, want.GP, 1e-11)
		near(t, "V", got.V, want.V, 1e-12)
		near(t, "corrected V", got.Corrected, want.Corrected, 1e-12)
		for i, e := range table.Expected() {
			near(t, "expected count", e, want.Expected[i], 1e-12)
		}
	}
}

func TestTailOfChiSquaredIsExactWhereItUnderflows(t *testing.T) {
	for _, want := range readReference(t).Tails {
		near(t, "log tail", ChiSquaredTail(want.X, want.DOF), want.Log, 1e-11)
	}
}

func TestCorrectionsAreThoseOfStatsmodels(t *testing.T) {
	a := readReference(t).Adjusted
	for _, c := range []struct {
		name    string
		correct Correction
		want    []float64
	}{{"Bonferroni", Bonferroni, a.Bonferroni}, {"Holm", Holm, a.Holm}, {"Benjamini-Hochberg", BenjaminiHochberg, a.BH}} {
		for i, got := range c.correct(a.P) {
			near(t, c.name, got, c.want[i], 1e-14)
		}
		// A test that was not made changes nothing.
		for i, got := range c.correct(append([]float64{math.NaN()}, a.P...)) {
			if i > 0 {
				near(t, c.name, got, c.want[i-1], 1e-14)
			}
		}
	}
}

func TestFisherExactIsThatOfScipy(t *testing.T) {
	for _, want := range readReference(t).Fisher {
		got, err := FisherExact(want.Table[0][0], want.Table[0][1], want.Table[1][0], want.Table[1][1])
		if err != nil {
			t.Fatal(err)
		}
		near(t, "p", got.P, want.P, 1e-10)
		if want.Odds != nil {
			near(t, "odds", got.Odds, *want.Odds, 1e-12)
		} else if !math.IsInf(got.Odds, 1) {
			t.Errorf("odds: got %g, want no number", got.Odds)
		}
	}
}

func TestPermutationTestComesNearTheExactProbability(t *testing.T) {
	const draws = 100_000
	for _, want := range readReference(t).Permutation {
		got, err := PermutationTest(context.Background(), mustTable(t, want.Table), draws, 1)
		if err != nil {
			t.Fatal(err)
		}
		if off := math.Abs(got.P - want.P); off > 4*math.Sqrt(want.P*(1-want.P)/draws)+1./draws {
			t.Errorf("p of %v: got %g, want %g", want.Table, got.P, want.P)
		}
	}
}

func TestBootstrapIntervalsComeNearThoseOfScipy(t *testing.T) {
	want := readReference(t).Bootstrap
	table := mustTable(t, want.Table)
	got, err := BootstrapV(context.Background(), table.Rows, table.Cols, UnitsOf(table), Resampling{Draws: 20_000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, pair := range [][2]Interval{{got.Percentile, Interval{want.Percentile[0], want.Percentile[1]}}, {got.BCa, Interval{want.BCa[0], want.BCa[1]}}} {
		near(t, []string{"percentile", "BCa"}[i]+" low", pair[0].Low, pair[1].Low, .004)
		near(t, []string{"percentile", "BCa"}[i]+" high", pair[0].High, pair[1].High, .004)
	}
}

func TestReachIsThatOfExactFractions(t *testing.T) {
	for _, want := range readReference(t).Reach {
		null, err := NewNull(want.Weights)
		if err != nil {
			t.Fatal(err)
		}
		var sum, expected float64
		for k, p := range want.Distribution {
			sum += p
			expected += p * float64(k)
			near(t, "P(reach)", null.AtMost(k, want.N), max(sum, ReachFloor), 1e-12)
		}
		near(t, "expected reach", null.Expected(want.N), expected, 1e-12)
	}
}

func TestRarefiedReachIsHypergeometric(t *testing.T) {
	for _, want := range readReference(t).Rarefied {
		near(t, "rarefied reach", Rarefied(want.Counts, want.M), want.Reach, 1e-11)
	}
}

func CheckLocalityIsThatOfScipy(t *testing.T) {
	for _, want := range readReference(t).Locality {
		got, err := Localise(want.Counts, want.Exposure)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "KL", got.KL, want.KL, 1e-12)
		near(t, "G", got.G, want.G, 1e-12)
		near(t, "p", got.P, want.P, 1e-12)
	}
}

func TestRankBiasedOverlapIsThatOfTheReference(t *testing.T) {
	for _, want := range readReference(t).Ranks {
		got, err := RankBiasedOverlap(want.A, want.B, want.P)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "overlap", got, want.RBO, 1e-12)
	}
}
