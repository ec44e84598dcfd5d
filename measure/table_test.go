package measure

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func anyTable(t *rapid.T) Table {
	rows, cols := rapid.IntRange(1, 6).Draw(t, "rows"), rapid.IntRange(1, 6).Draw(t, "cols")
	counts := rapid.SliceOfN(rapid.Int64Range(0, 300), rows*cols, rows*cols).Draw(t, "counts")
	return Table{rows, cols, counts}
}

func TestAssociationIsBoundedAndDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := anyTable(t)
		a, err := Associate(table)
		if err != nil {
			t.Fatal(err)
		}
		if !(a.V >= 0 && a.V <= 1 && a.Corrected >= 0 && a.Corrected <= 1 && a.P >= 0 && a.P <= 1 && a.G >= 0) {
			t.Fatalf("out of bounds: %+v", a)
		}
		other := Table{table.Cols, table.Rows, nil}
		for _, j := range rapid.Permutation(upTo(table.Cols)).Draw(t, "order") {
			for i := range table.Rows {
				other.Counts = append(other.Counts, table.At(i, j))
			}
		}
		b, err := Associate(other)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(a.ChiSquared-b.ChiSquared) > 1e-9*(1+a.ChiSquared) || math.Abs(a.Corrected-b.Corrected) > 1e-9 || a.DOF != b.DOF {
			t.Fatalf("%+v, transposed and in another order %+v", a, b)
		}
	})
}

func TestRandomTablesKeepTheirTotals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := anyTable(t)
		m := newMargins(table)
		if len(m.rows) == 0 {
			return
		}
		random := stream(rapid.Uint64().Draw(t, "seed"), 0)
		drawn := Table{len(m.rows), len(m.cols), make([]int64, len(m.inverse))}
		m.draw(random, drawn.Counts, make([]int64, len(m.cols)))
		rows, cols, n := drawn.Totals()
		if !slices.Equal(rows, m.rows) || !slices.Equal(cols, m.cols) || n != m.n || slices.Min(drawn.Counts) < 0 {
			t.Fatalf("%v has totals %v and %v, want %v and %v", drawn, rows, cols, m.rows, m.cols)
		}
	})
}

// The draws have the probabilities of their distributions: χ² of the draws against them, at one in a thousand.
func TestDrawsHaveTheirDistribution(t *testing.T) {
	const draws = 200_000
	logs := newFactorials(9000)
	random := stream(9, 0)
	check := func(name string, most int64, draw func() int64, log func(k int64) float64) {
		counts := make([]float64, most+1)
		for range draws {
			counts[draw()]++
		}
		var chi, pooled, pooledCount float64
		cells := 0
		for k, n := range counts {
			e := draws * math.Exp(log(int64(k)))
			if e < 10 {
				pooled, pooledCount = pooled+e, pooledCount+n
				continue
			}
			chi += (n - e) * (n - e) / e
			cells++
		}
		if pooled > 1 {
			chi += (pooledCount - pooled) * (pooledCount - pooled) / pooled
			cells++
		}
		if p := math.Exp(ChiSquaredTail(chi, cells-1)); p < .001 {
			t.Errorf("%s: p %g", name, p)
		}
	}
	for _, c := range []struct{ a, k, n int64 }{{10, 20, 50}, {100, 300, 900}, {1, 3, 10}, {400, 500, 900}, {4000, 5000, 9000}, {6000, 5000, 9000}, {700, 4000, 9000}, {8000, 500, 9000}} {
		check("hypergeometric", c.a, func() int64 { return logs.hypergeometric(random, c.a, c.k, c.n) }, func(x int64) float64 {
			if x > c.k || c.a-x > c.n-c.k {
				return math.Inf(-1)
			}
			return -logs.choose(c.n, c.a) + logs.choose(c.k, x) + logs.choose(c.n-c.k, c.a-x)
		})
	}
	for _, c := range []struct {
		n int64
		p float64
	}{{10, .3}, {100, .05}, {500, .4}, {800, .97}, {30, .5}} {
		check("binomial", c.n, func() int64 { return logs.binomial(random, c.n, c.p) }, func(x int64) float64 {
			return logs.choose(c.n, x) + float64(x)*math.Log(c.p) + float64(c.n-x)*math.Log1p(-c.p)
		})
	}
}

func (f factorials) choose(n, k int64) float64 { return f.log(n) - f.log(k) - f.log(n-k) }

func TestLogarithmsOfFactorialsBeyondTheTable(t *testing.T) {
	f := newFactorials(10)
	for _, n := range []int64{256, 1000, 1 << 20, 1 << 40} {
		want, _ := math.Lgamma(float64(n) + 1)
		if got := f.log(n); math.Abs(got-want) > 1e-14*want {
			t.Errorf("log %d!: got %.17g, want %.17g", n, got, want)
		}
	}
}

func TestTablesThatAreNone(t *testing.T) {
	for _, rows := range [][][]int64{{}, {{}}, {{1, 2}, {3}}, {{-1, 2}}, {{math.MaxInt64, math.MaxInt64}}} {
		if _, err := TableOf(rows); err == nil {
			t.Errorf("%v is accepted", rows)
		}
	}
	empty, err := Associate(Table{2, 2, make([]int64, 4)})
	if err != nil || empty.P != 1 || empty.V != 0 {
		t.Errorf("an empty table gives %+v, %v", empty, err)
	}
}

// Whatever is random is the same on one core and on many.
func TestResultsDoNotDependOnTheNumberOfCores(t *testing.T) {
	table := Table{5, 6, nil}
	random := rand.New(rand.NewPCG(1, 1))
	for range 30 {
		table.Counts = append(table.Counts, int64(random.IntN(12)))
	}
	run := func(cores int) (Permuted, Bootstrapped, Permuted, LocalityTested) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		ctx := context.Background()
		p, err1 := PermutationTest(ctx, table, 2000, 5)
		b, err2 := BootstrapV(ctx, 5, 6, UnitsOf(table), Resampling{Seed: 5})
		s, err3 := permuteSources(ctx, 6, sortedPresence(visitors(stream(1, 1), 100, true, .1, .2)), 500, 5)
		l, err4 := CheckLocality(ctx, 4, world(stream(2, 2), 60, 6, .5), TransferOptions{}, 20, 5)
		for _, err := range []error{err1, err2, err3, err4} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return p, b, s, l
	}
	p1, b1, s1, l1 := run(1)
	p4, b4, s4, l4 := run(4)
	if p1 != p4 || b1 != b4 || s1 != s4 || l1 != l4 {
		t.Errorf("one core: %v %v %v %v; four: %v %v %v %v", p1, b1, s1, l1, p4, b4, s4, l4)
	}
}

func TestLongWorkEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := PermutationTest(ctx, Table{2, 2, []int64{5, 6, 7, 8}}, 10_000_000, 0); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	for _, draws := range []int{0, -1, 1 << 40} {
		if _, err := PermutationTest(context.Background(), Table{2, 2, []int64{5, 6, 7, 8}}, draws, 0); err == nil {
			t.Errorf("%d draws are accepted", draws)
		}
	}
}
