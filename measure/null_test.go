package measure

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// worlds is the number of simulated worlds without a regional effect.
const worlds = 1000

// mostFalse is what the number of false positives at a level stays below, but for one seed in a thousand.
func mostFalse(level float64) int {
	return int(worlds*level + 3.1*math.Sqrt(worlds*level*(1-level)))
}

// checkUniform is the test of Kolmogorov and Smirnov, at one in a thousand.
func checkUniform(t *testing.T, p []float64) {
	t.Helper()
	slices.Sort(p)
	var off float64
	for i, x := range p {
		off = max(off, math.Abs(x-float64(i)/float64(len(p))), math.Abs(x-float64(i+1)/float64(len(p))))
	}
	if limit := 1.95 / math.Sqrt(float64(len(p))); off > limit {
		t.Errorf("p-values are off a uniform distribution by %.4f, more than %.4f", off, limit)
	}
}

// checkLevel is that there are no more false positives than promised.
func checkLevel(t *testing.T, p []float64) {
	t.Helper()
	for _, level := range []float64{.01, .05, .2} {
		positive := 0
		for _, x := range p {
			if x <= level {
				positive++
			}
		}
		if positive > mostFalse(level) {
			t.Errorf("%d of %d false positives at level %g", positive, len(p), level)
		}
		t.Logf("level %g: %d of %d false positives", level, positive, len(p))
	}
}

func TestTablesWithoutAnEffect(t *testing.T) {
	random := stream(1, 0)
	weights := []int64{10, 20, 30, 15, 25}
	logs := newFactorials(10_000)
	var chi, g, shuffled []float64
	for world := range worlds {
		table := Table{Rows: 3, Cols: 5, Counts: make([]int64, 15)}
		for i, n := range []int64{300, 150, 400} {
			logs.multinomial(random, n, weights, 100, table.Counts[i*5:i*5+5])
		}
		a, err := Associate(table)
		if err != nil {
			t.Fatal(err)
		}
		p, err := PermutationTest(context.Background(), table, 199, uint64(world))
		if err != nil {
			t.Fatal(err)
		}
		chi, g, shuffled = append(chi, a.P), append(g, a.GP), append(shuffled, p.P)
	}
	for _, p := range [][]float64{chi, g, shuffled} {
		checkLevel(t, p)
		checkUniform(t, p)
	}
}

func TestSmallTablesWithoutAnEffect(t *testing.T) {
	random := stream(2, 0)
	logs := newFactorials(1000)
	var p []float64
	for world := range worlds {
		table := Table{Rows: 2, Cols: 5, Counts: make([]int64, 10)}
		logs.multinomial(random, 8, []int64{1, 1, 1, 1, 6}, 10, table.Counts[:5])
		logs.multinomial(random, 60, []int64{1, 1, 1, 1, 6}, 10, table.Counts[5:])
		got, err := PermutationTest(context.Background(), table, 199, uint64(world))
		if err != nil {
			t.Fatal(err)
		}
		p = append(p, got.P)
	}
	checkLevel(t, p)
}

// visitors makes sources of six regions, seen in one or, when clumped, always in the same three; each does the thing with
// the given probability, or with another one in region 0 alone.
func visitors(random *rand.Rand, n int, clumped bool, rate, rateIn0 float64) []Presence {
	counts := map[[2]uint64]int64{}
	for range n {
		seen := uint64(1) << random.IntN(6)
		if clumped {
			seen = uint64(0b111) << (3 * random.IntN(2))
		}
		q := rate
		if seen == 1 || clumped && seen&1 != 0 {
			q = rateIn0
		}
		var did uint64
		if random.Float64() < q {
			did = seen
		}
		counts[[2]uint64{seen, did}]++
	}
	var list []Presence
	for k, n := range counts {
		list = append(list, Presence{Seen: k[0], Did: k[1], Sources: n})
	}
	return list
}

func TestThingsWithoutRegionality(t *testing.T) {
	for _, c := range []struct {
		name    string
		clumped bool
		sources int
		rate    float64
		method  Method
	}{
		{"each source in one region", false, 600, .2, MethodChiSquared},
		{"sources in three regions", true, 400, .2, MethodClustered},
		{"a rare thing", false, 120, .05, MethodPermutation},
		{"a rare thing, sources in three regions", true, 60, .05, MethodPermutation},
	} {
		t.Run(c.name, func(t *testing.T) {
			random := stream(3, 0)
			var p []float64
			methods := map[Method]int{}
			for world := range worlds {
				found, err := MeasureRegionality(context.Background(), 6, []Thing{{"it", visitors(random, c.sources, c.clumped, c.rate, c.rate)}},
					RegionalityOptions{Permutations: 199, Interval: Resampling{Draws: 2, Seed: uint64(world)}})
				if err != nil {
					t.Fatal(err)
				}
				methods[found[0].Method]++
				if found[0].Method != MethodNone {
					p = append(p, found[0].Tested)
				}
			}
			if methods[c.method] < worlds*8/10 {
				t.Errorf("methods %v, want mostly %s", methods, c.method)
			}
			checkLevel(t, p)
		})
	}
}

func TestFamilyOfThingsWithoutRegionality(t *testing.T) {
	random := stream(4, 0)
	any := 0
	for range worlds {
		var things []Thing
		for i := range 10 {
			things = append(things, Thing{fmt.Sprint(i), visitors(random, 300, false, .3, .3)})
		}
		found, err := MeasureRegionality(context.Background(), 6, things, RegionalityOptions{Interval: Resampling{Draws: 2}})
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(found, func(f Regionality) bool { return f.Significant }) {
			any++
		}
	}
	if any > mostFalse(.05) {
		t.Errorf("%d of %d families have a false positive", any, worlds)
	}
	t.Logf("%d of %d families have a false positive", any, worlds)
}

func TestPlantedRegionalityIsFound(t *testing.T) {
	random := stream(5, 0)
	things := []Thing{
		{"planted", visitors(random, 600, false, .1, .5)},
		{"planted on many", visitors(random, 600, true, .1, .4)},
		{"rare, planted", visitors(random, 150, false, .005, .5)},
	}
	for i := range 17 {
		things = append(things, Thing{fmt.Sprint(i), visitors(random, 600, false, .1, .1)})
	}
	found, err := MeasureRegionality(context.Background(), 6, things, RegionalityOptions{Interval: Resampling{Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range found {
		if f.Significant != (i < 3) {
			t.Errorf("%s: significant %v, V %.3f, p %.2g by %s", f.Name, f.Significant, f.Corrected, f.Adjusted, f.Method)
		}
		if i < 3 && !(f.Interval.Low > 0 && f.Interval.Low <= f.Corrected && f.Corrected <= f.Interval.High) {
			t.Errorf("%s: V %.3f in %v", f.Name, f.Corrected, f.Interval)
		}
		if (i == 0 || i == 2) && f.Locality.Strongest != 0 {
			t.Errorf("%s: strongest in region %d", f.Name, f.Locality.Strongest)
		}
	}
}

// The intervals of V hold the true V about as often as they promise.
func TestBootstrapIntervalsHoldTheTruth(t *testing.T) {
	random := stream(6, 0)
	// A known world: the V of its probabilities.
	world := mustTable(t, [][]int64{{300, 50, 50}, {100, 200, 100}, {50, 50, 100}})
	truth, err := Associate(world)
	if err != nil {
		t.Fatal(err)
	}
	logs := newFactorials(1000)
	held := map[string]int{}
	const runs = 300
	for run := range runs {
		table := Table{Rows: 3, Cols: 3, Counts: make([]int64, 9)}
		logs.multinomial(random, 400, world.Counts, truth.N, table.Counts)
		b, err := BootstrapV(context.Background(), 3, 3, UnitsOf(table), Resampling{Draws: 400, Seed: uint64(run)})
		if err != nil {
			t.Fatal(err)
		}
		for name, i := range map[string]Interval{"percentile": b.Percentile, "BCa": b.BCa} {
			if i.Low <= truth.V && truth.V <= i.High {
				held[name]++
			}
		}
	}
	t.Logf("of %d intervals at 95 %%: %v", runs, held)
	if held["BCa"] < runs*91/100 {
		t.Errorf("%d of %d intervals hold the truth", held["BCa"], runs)
	}
}

// Units of very many kinds are drawn in random groups, which must not change the intervals by much.
func TestUnitsInRandomGroupsHaveTheSameIntervals(t *testing.T) {
	table := mustTable(t, [][]int64{{400, 100, 50, 50}, {100, 400, 100, 100}, {50, 100, 300, 250}})
	var single []Units
	for _, u := range UnitsOf(table) {
		single = append(single, slices.Repeat([]Units{{u.Cells, 1}}, int(u.N))...)
	}
	how := Resampling{Draws: 4000, Seed: 1}
	together, err := BootstrapV(context.Background(), 3, 4, UnitsOf(table), how)
	if err != nil {
		t.Fatal(err)
	}
	grouped, err := BootstrapV(context.Background(), 3, 4, single, how)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]Interval{"percentile": {together.Percentile, grouped.Percentile}, "BCa": {together.BCa, grouped.BCa}} {
		near(t, name+" low", pair[1].Low, pair[0].Low, .01)
		near(t, name+" high", pair[1].High, pair[0].High, .01)
	}

	random := stream(14, 0)
	var parts []part
	var mean, square float64
	for range 20_000 {
		x := random.NormFloat64()
		parts = append(parts, part{x, 1})
		mean += x / 20_000
		square += x * x / 20_000
	}
	s, err := shareOf(context.Background(), parts, how)
	if err != nil {
		t.Fatal(err)
	}
	half := 1.96 * math.Sqrt((square-mean*mean)/20_000)
	near(t, "low end of a mean", s.Interval.Low, mean-half, half/10)
	near(t, "high end of a mean", s.Interval.High, mean+half, half/10)
}
