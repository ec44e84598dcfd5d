package measure

import (
	"context"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func tcp(n uint16) Port { return Port{"tcp", n} }

func anyDemand(t *rapid.T) (*Demand, []Want) {
	n := rapid.IntRange(1, 12).Draw(t, "sources")
	values := rapid.SliceOfN(rapid.SampledFrom([]float64{0, .5, 1}), n, n).Draw(t, "values")
	wants := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Want {
		return Want{rapid.IntRange(0, n-1).Draw(t, "source"), tcp(uint16(rapid.IntRange(1, 9).Draw(t, "port"))),
			rapid.SampledFrom([]float64{.1, .5, .9, 1}).Draw(t, "chance")}
	}), 1, 40).Draw(t, "wants")
	d, err := NewDemand(values, wants)
	if err != nil {
		t.Fatal(err)
	}
	return d, wants
}

func TestGreedyIsNearTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, _ := anyDemand(t)
		k := rapid.IntRange(1, 5).Draw(t, "k")
		best, most, err := d.Best(k)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(d.Gain(best)-most) > 1e-9 {
			t.Fatalf("the best %v gain %g, not %g", best, d.Gain(best), most)
		}
		greedy := d.Gain(d.greedy(RecommendOptions{K: k}, false))
		if greedy < (1-1/math.E)*most-1e-9 || greedy > most+1e-9 {
			t.Fatalf("greedy gains %g, the best %g", greedy, most)
		}
	})
}

func TestCostsAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, _ := anyDemand(t)
		o := RecommendOptions{K: 9, Cost: map[Port]float64{}, Budget: rapid.Float64Range(.5, 8).Draw(t, "budget"), Interval: Resampling{Draws: 5}}
		for _, p := range d.Ports() {
			o.Cost[p] = rapid.SampledFrom([]float64{.5, 1, 3}).Draw(t, "cost")
		}
		r, err := d.Recommend(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		var spent, gained float64
		for _, p := range r.Picks {
			spent += p.Cost
			gained = p.Total
		}
		if spent > o.Budget+1e-9 {
			t.Fatalf("%g of %g are spent", spent, o.Budget)
		}
		var most float64
		ports := d.Ports()
		for set := range 1 << len(ports) {
			var chosen []Port
			cost := 0.
			for i, p := range ports {
				if set>>i&1 != 0 {
					chosen = append(chosen, p)
					cost += o.Cost[p]
				}
			}
			if cost <= o.Budget {
				most = max(most, d.Gain(chosen))
			}
		}
		if gained < (1-1/math.E)/2*most-1e-9 {
			t.Fatalf("%g is gained, the best is %g", gained, most)
		}
	})
}

func TestGainDiminishesAndDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, wants := anyDemand(t)
		shuffled, err := NewDemand(d.values, rapid.Permutation(wants).Draw(t, "order"))
		if err != nil {
			t.Fatal(err)
		}
		o := RecommendOptions{K: 5, Interval: Resampling{Draws: 20}}
		a, err := d.Recommend(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		b, err := shuffled.Recommend(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Picks, b.Picks) || !slices.Equal(a.LeftOut, b.LeftOut) {
			t.Fatalf("%+v, in another order %+v", a, b)
		}
		for i := 1; i < len(a.Picks); i++ {
			if a.Picks[i].Gain > a.Picks[i-1].Gain+1e-8 {
				t.Fatalf("pick %d gains more than the one before: %+v", i, a.Picks)
			}
		}
	})
}

func TestRecommendationWithItsEvidence(t *testing.T) {
	// Port 10 has all of 22's sources and one more; port 9 has others, as many as 8; 5 must not be opened.
	var wants []Want
	add := func(port uint16, sources ...int) {
		for _, s := range sources {
			wants = append(wants, Want{s, tcp(port), 1})
		}
	}
	add(10, 0, 1, 2, 3, 4)
	add(22, 0, 1, 2, 3)
	add(9, 5, 6)
	add(8, 7, 8)
	add(5, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	values := slices.Repeat([]float64{1}, 9)
	d, err := NewDemand(values, wants)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Recommend(context.Background(), RecommendOptions{K: 3, Exclude: map[Port]string{tcp(5): "forbidden"}, Interval: Resampling{Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var ports []uint16
	for _, p := range r.Picks {
		ports = append(ports, p.Port.Number)
		if !(p.Interval.Low <= p.Gain && p.Gain <= p.Interval.High) {
			t.Errorf("port %d: gain %g in %v", p.Port.Number, p.Gain, p.Interval)
		}
	}
	if !slices.Equal(ports, []uint16{10, 8, 9}) {
		t.Errorf("recommended %v, want the lower of equals first", ports)
	}
	if last := r.Picks[2]; last.Total != 9 || last.Share != 1 || last.Sources != 2 {
		t.Errorf("all together: %+v", last)
	}
	want := []LeftOut{
		{Port: tcp(5), Frequency: 1, Sources: 9, Alone: 9, By: tcp(10), Taken: 5, Reason: "forbidden"},
		{Port: tcp(22), Frequency: 3, Sources: 4, Alone: 4, By: tcp(10), Taken: 4},
	}
	if !slices.Equal(r.LeftOut, want) {
		t.Errorf("left out %+v, want %+v", r.LeftOut, want)
	}
	if _, _, err := d.Best(1000); err != nil {
		t.Errorf("the best of all: %v", err)
	}
}

// campaigns is a world of some campaigns that want one port each, the early ones of which end, and of scanners that want
// all of a range.
func campaigns() (values []float64, wants []DayWant, of []string) {
	random := stream(3, 9)
	for c := range 40 {
		first, last := 0, 9
		if c%4 == 3 {
			last = 4
		}
		for range 10 + 200/(c+1) {
			s := len(values)
			values, of = append(values, 1), append(of, "one")
			for range 3 {
				day := first + random.IntN(last-first+1)
				wants = append(wants, DayWant{Want{s, tcp(uint16(1000 + c)), 1}, day})
			}
		}
	}
	for range 30 {
		s := len(values)
		values, of = append(values, Novelty(false, false, 300)), append(of, "scan")
		for p := range 300 {
			wants = append(wants, DayWant{Want{s, tcp(uint16(5600 + p)), 1}, random.IntN(10)})
		}
	}
	return values, wants, of
}

func TestBacktest(t *testing.T) {
	values, wants, of := campaigns()
	o := BacktestOptions{LastFit: 5, K: []int{1, 5, 20}, Lists: map[string][]Port{"nothing of use": {tcp(1), tcp(2)}}, Seed: 1}
	scores, err := Backtest(context.Background(), values, wants, o)
	if err != nil {
		t.Fatal(err)
	}
	share := map[string]map[int]float64{}
	for _, s := range scores {
		if share[s.Strategy] == nil {
			share[s.Strategy] = map[int]float64{}
		}
		share[s.Strategy][s.K] = s.Share
	}
	for _, k := range o.K {
		greedy := share[StrategyGreedy][k]
		if greedy < share[StrategyFrequent][k] || greedy < 2*share[StrategyRandom][k] || share[StrategyHindsight][k] < greedy || share["nothing of use"][k] != 0 {
			t.Errorf("%d ports: %v", k, share)
		}
	}
	t.Logf("%v", share)
	again, err := Backtest(context.Background(), values, wants, o)
	if err != nil || len(again) != len(scores) || again[2].Gain != scores[2].Gain {
		t.Error("the same backtest differs")
	}

	var all []Want
	for _, w := range wants {
		all = append(all, w.Want)
	}
	d, err := NewDemand(values, all)
	if err != nil {
		t.Fatal(err)
	}
	found, err := d.Campaigns(of, 50, .001)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Name != "scan" || found[0].Ports != 300 || found[0].Low != 5600 || found[0].High != 5899 || found[0].Sources != 30 {
		t.Errorf("campaigns %+v", found)
	}
}

func TestDemandThatIsNone(t *testing.T) {
	for _, w := range []Want{{-1, tcp(1), 1}, {1, tcp(1), 1}, {0, tcp(1), 2}, {0, tcp(1), math.NaN()}} {
		if _, err := NewDemand([]float64{1}, []Want{w}); err == nil {
			t.Errorf("%+v is accepted", w)
		}
	}
	if _, err := NewDemand([]float64{-1}, nil); err == nil {
		t.Error("a negative value is accepted")
	}
	d, err := NewDemand(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Recommend(context.Background(), RecommendOptions{K: 5})
	if err != nil || len(r.Picks) != 0 {
		t.Errorf("of nothing: %+v, %v", r, err)
	}
}
