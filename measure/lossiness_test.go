package measure

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The example of the analysis: the networks of one provider tried twelve unserved ports and a served one.
func TestLossinessOfTheNigerianPair(t *testing.T) {
	sources := []SourceLoss{{Unserved: 6, Served: 1, UnservedAttempts: 60, ServedAttempts: 10, Heard: 1, Chance: .5},
		{Unserved: 6, UnservedAttempts: 20, Chance: .25, Irregular: true}}
	l, err := MeasureLossiness(context.Background(), sources, Resampling{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "pairs", l.Pair.Value, .923, .0005)
	near(t, "attempts", l.Attempt.Value, 80./90, 1e-12)
	near(t, "sources", l.Source.Value, .5, 1e-12)
	near(t, "payloads", l.Payload.Value, 4.5/5.5, 1e-12)
	near(t, "lower bound", l.Lower, 3./4, 1e-12)
	near(t, "upper bound", l.Upper, 12./13, 1e-12)
}

// many are sources of networks that send payloads with probabilities of their own.
func many(random *rand.Rand, n int) (sources []SourceLoss, truth []float64) {
	for i := range n {
		network := i % 20
		p := []float64{.02, .9}[network%2]
		s := SourceLoss{
			Class: []string{"scanner", "stack"}[network%2], Network: fmt.Sprint(network), Block: fmt.Sprint(i % 200),
			Served: int64(random.IntN(4)), Unserved: int64(random.IntN(4)),
		}
		for range s.Served {
			if random.Float64() < p {
				s.Heard++
			}
		}
		s.ServedAttempts, s.UnservedAttempts = 2*s.Served, 3*s.Unserved
		sources, truth = append(sources, s), append(truth, p)
	}
	return sources, truth
}

func TestChancesAreThoseOfTheLike(t *testing.T) {
	sources, truth := many(stream(1, 9), 2000)
	EstimateChances(sources)
	var shrunk, own float64
	for i, s := range sources {
		if !(s.Chance >= 0 && s.Chance <= 1) {
			t.Fatalf("a chance of %g", s.Chance)
		}
		shrunk += math.Abs(s.Chance - truth[i])
		naive := .5
		if s.Served > 0 {
			naive = float64(s.Heard) / float64(s.Served)
		}
		own += math.Abs(naive - truth[i])
	}
	shrunk, own = shrunk/float64(len(sources)), own/float64(len(sources))
	if shrunk > .03 || shrunk > own/3 {
		t.Errorf("chances are off by %.3f, the sources' own shares by %.3f", shrunk, own)
	}
	t.Logf("chances are off by %.4f on average, the sources' own shares by %.3f", shrunk, own)

	again := slices.Clone(sources)
	slices.Reverse(again)
	EstimateChances(again)
	a, err := MeasureLossiness(context.Background(), again, Resampling{Draws: 100})
	if err != nil {
		t.Fatal(err)
	}
	b, err := MeasureLossiness(context.Background(), sources, Resampling{Draws: 100})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Reverse(again); !slices.Equal(sources, again) || a != b {
		t.Errorf("in another order the estimate differs: %+v, %+v", a, b)
	}
	none := []SourceLoss{{Unserved: 1}}
	if EstimateChances(none); none[0].Chance != .5 {
		t.Errorf("of nothing, a chance of %g", none[0].Chance)
	}
}

func TestLossinessIsBounded(t *testing.T) {
	sources, _ := many(stream(2, 9), 500)
	EstimateChances(sources)
	l, err := MeasureLossiness(context.Background(), sources, Resampling{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Share{"pair": l.Pair, "attempt": l.Attempt, "source": l.Source, "payload": l.Payload} {
		if !(0 <= s.Interval.Low && s.Interval.Low < s.Value && s.Value < s.Interval.High && s.Interval.High <= 1) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if !(l.Lower <= l.Payload.Value && l.Payload.Value <= l.Upper) {
		t.Errorf("payload %g is not in %g to %g", l.Payload.Value, l.Lower, l.Upper)
	}
	none, err := MeasureLossiness(context.Background(), nil, Resampling{})
	if err != nil || !math.IsNaN(none.Pair.Value) || !math.IsNaN(none.Pair.Interval.Low) {
		t.Errorf("of nothing: %+v, %v", none, err)
	}
	if _, err := MeasureLossiness(context.Background(), []SourceLoss{{Served: -1}}, Resampling{}); err == nil {
		t.Error("a negative count is accepted")
	}
}
