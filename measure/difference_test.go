package measure

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
)

// fleet is a region that was treated and others that were not, on fourteen days with a common trend.
func fleet(random *rand.Rand, others int, effect float64) []Series {
	days := make([]float64, 14)
	for d := range days {
		days[d] = 1 + .05*float64(d) + .3*random.Float64()
	}
	var list []Series
	for r := range others + 1 {
		s := Series{Region: string(rune('a' + r)), Treated: r == 0}
		level := 200 + 100*random.Float64()
		for d, common := range days {
			mean := level * common
			if r == 0 && d >= 7 {
				mean *= effect
			}
			count := math.Max(0, math.Round(mean+math.Sqrt(mean)*random.NormFloat64()))
			if d < 7 {
				s.Before = append(s.Before, count)
			} else {
				s.After = append(s.After, count)
			}
		}
		list = append(list, s)
	}
	return list
}

func TestDifferenceOfARollout(t *testing.T) {
	list := []Series{{"a", true, []float64{10, 10}, []float64{40, 40}}, {"b", false, []float64{20, 20}, []float64{30, 30}}}
	d, err := DifferenceInDifferences(context.Background(), list, Resampling{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "absolute", d.Absolute, 20, 1e-12)
	near(t, "ratio", d.Ratio, (80.5/20.5)/(60.5/40.5), 1e-12)
	if d.Placebo != 1 {
		t.Errorf("a placebo test of two regions gives %g", d.Placebo)
	}
}

func TestDifferencesHoldTheTruth(t *testing.T) {
	for _, effect := range []float64{1, 2} {
		random := stream(20, uint64(effect))
		held, placebo := 0, 0
		const runs = 300
		for run := range runs {
			d, err := DifferenceInDifferences(context.Background(), fleet(random, 19, effect), Resampling{Draws: 200, Seed: uint64(run)})
			if err != nil {
				t.Fatal(err)
			}
			if d.RatioInterval.Low <= effect && effect <= d.RatioInterval.High {
				held++
			}
			if d.Placebo <= .05 {
				placebo++
			}
		}
		t.Logf("effect %g: %d of %d intervals hold it, %d placebo tests at 0.05", effect, held, runs, placebo)
		if held < runs*85/100 {
			t.Errorf("effect %g: %d of %d intervals hold it", effect, held, runs)
		}
		if effect == 1 && placebo > runs*9/100 || effect == 2 && placebo < runs {
			t.Errorf("effect %g: %d of %d placebo tests are significant", effect, placebo, runs)
		}
	}
}

func TestRegionsThatCannotBeCompared(t *testing.T) {
	for _, list := range [][]Series{
		nil, {{"a", true, []float64{1}, []float64{1}}}, {{"a", true, []float64{1}, nil}, {"b", false, []float64{1}, nil}},
		{{"a", true, []float64{1}, []float64{1}}, {"b", false, []float64{1, 2}, []float64{1}}},
		{{"a", true, []float64{-1}, []float64{1}}, {"b", false, []float64{1}, []float64{1}}},
	} {
		if _, err := DifferenceInDifferences(context.Background(), list, Resampling{}); err == nil {
			t.Errorf("%+v are compared", list)
		}
	}
}
