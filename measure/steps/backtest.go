package steps

import (
	"context"
	"fmt"
	"math"
	"slices"

	"terroir/measure"
)

const (
	// strategyWorld are the most tried ports of all places, strategyAsIs the ports that are served.
	strategyWorld, strategyAsIs = "world", "as it is"
)

// backtest chooses from the first part of the window and scores on the rest.
func backtest(ctx context.Context, in *input) (*table, error) {
	t := newTable("place", "k", "strategy", "gain", "share", "ports", "days", "verdict")
	g, err := in.gaps()
	if err != nil {
		return nil, err
	}
	span := g.last - g.first + 1
	fit := int(math.Ceil(float64(span*in.int("fit", 50)) / 100)) // The days that the statement takes for the world's ports.
	for _, p := range g.places {
		wants := make([]measure.DayWant, len(p.wants))
		for i, w := range p.wants {
			wants[i] = w.DayWant
		}
		exclude := g.excluded(p)
		scores, err := measure.Backtest(ctx, p.values, wants, measure.BacktestOptions{LastFit: g.first + fit - 1, Exclude: exclude, Seed: uint64(in.int("seed", 1)),
			Lists: map[string][]measure.Port{strategyWorld: without(g.world, exclude), strategyAsIs: sorted(g.served[p.place], comparePorts)}})
		if err != nil {
			return nil, err
		}
		gained := map[string]float64{}
		for _, s := range scores {
			gained[fmt.Sprint(s.K, s.Strategy)] = s.Gain
		}
		for _, s := range scores {
			var said any
			if s.Strategy == measure.StrategyGreedy {
				said = compared(s.Gain, gained[fmt.Sprint(s.K, strategyWorld)])
			}
			t.add(p.place, int64(s.K), s.Strategy, float(s.Gain), float(s.Share), optional(portNames(s.Ports)), fmt.Sprintf("%d + %d", fit, span-fit), said)
		}
	}
	return t, nil
}

// without leaves out the ports that are served already, which the world's list cannot open either.
func without(ports []measure.Port, exclude map[measure.Port]string) []measure.Port {
	return slices.DeleteFunc(slices.Clone(ports), func(p measure.Port) bool { return exclude[p] != "" })
}

// compared is the verdict on a recommendation; sums that differ by rounding are equal.
func compared(gain, world float64) string {
	switch {
	case gain == 0 && world == 0:
		return "nothing to gain"
	case gain > world*(1+1e-9):
		return "beats the world's most tried ports"
	case gain < world*(1-1e-9):
		return "does not beat the world's most tried ports: open those instead"
	}
	return "does not beat the world's most tried ports: it is as good as they are"
}
