package measure

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Share is a share with its bootstrap interval (percentile, drawing sources). NaN where there was nothing to share.
type Share struct {
	Value    float64
	Interval Interval
}

// Lossiness is how much a group of sources tried that the configuration did not listen to. L are the pairs (source,
// transport and port, day) that met a listener, F those that did not.
type Lossiness struct {
	Sources          int
	Served, Unserved int64
	// Pair is |F| / (|F| + |L|); Attempt is the same of the attempts in them, which a single busy source may decide.
	Pair, Attempt Share
	// Source is the share of sources that have only F: they were never heard.
	Source Share
	// Payload is the expected share of the pairs with a payload that were lost: Σ chance over F, over the same and the pairs
	// heard. The interval takes the chances as given.
	Payload Share
	// Lower is Payload when no irregular SYN would have come to a payload (addresses of SYNs can be forged), Upper when every
	// unserved pair would have.
	Lower, Upper float64
}

// MeasureLossiness computes the lossiness of a group of sources, whose chances were estimated before from all sources. It
// fails on negative counts.
//
// The definitions are this project's own; no earlier ones were found. The bootstrap is over sources, because the pairs of one
// source are not independent.
func MeasureLossiness(ctx context.Context, sources []SourceLoss, how Resampling) (Lossiness, error) {
	l := Lossiness{Sources: len(sources)}
	var heard float64
	var regular []float64
	parts := [4][]part{}
	for _, s := range sources {
		if min(s.Served, s.Unserved, s.ServedAttempts, s.UnservedAttempts, s.Heard) < 0 || !(s.Chance >= 0 && s.Chance <= 1) {
			return l, fmt.Errorf("lossiness of counts that are out of range: %+v", s)
		}
		l.Served += s.Served
		l.Unserved += s.Unserved
		f, n := float64(s.Unserved), float64(s.Unserved+s.Served)
		lost := s.Chance * f
		if !s.Irregular {
			regular = append(regular, lost)
		}
		heard += float64(s.Heard)
		parts[0] = append(parts[0], part{f, n})
		parts[1] = append(parts[1], part{float64(s.UnservedAttempts), float64(s.UnservedAttempts + s.ServedAttempts)})
		parts[3] = append(parts[3], part{lost, lost + float64(s.Heard)})
		switch {
		case s.Served == 0 && s.Unserved > 0:
			parts[2] = append(parts[2], part{1, 1})
		case n > 0:
			parts[2] = append(parts[2], part{0, 1})
		}
	}
	// Sorted, so that the order of the sources does not show in the last digit.
	slices.Sort(regular)
	var kept float64
	for _, lost := range regular {
		kept += lost
	}
	l.Lower, l.Upper = kept/(kept+heard), float64(l.Unserved)/(float64(l.Unserved)+heard)
	for i, into := range []*Share{&l.Pair, &l.Attempt, &l.Source, &l.Payload} {
		var err error
		if *into, err = shareOf(ctx, parts[i], how); err != nil {
			return l, err
		}
	}
	// Where all SYNs are regular they are the same but for rounding.
	l.Lower = min(l.Lower, l.Payload.Value)
	return l, nil
}

// shareOf is Σ part / Σ whole.
func shareOf(ctx context.Context, parts []part, how Resampling) (Share, error) {
	b, err := bootstrapParts(ctx, parts, func(part, whole float64) float64 {
		if whole == 0 {
			return math.NaN()
		}
		return part / whole
	}, how)
	return Share{b.Value, b.Percentile}, err
}
