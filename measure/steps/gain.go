package steps

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"terroir/measure"
)

// onDay is who tried a port on a day.
type onDay struct{ tried, unserved, heard int64 }

// regionPort is a port of a region.
type regionPort struct {
	region string
	port   measure.Port
}

// rolled is what rollouts added, and all days of all regions.
type rolled struct {
	// rollouts are the day and the revision in which a region began to serve a port.
	rollouts map[regionPort][2]int64
	services map[measure.Port]string
	days     map[string][]int64
	tried    map[regionPort]map[int64]onDay
	chance   map[string]float64
	regions  []string
}

func (in *input) rolled() (*rolled, error) {
	at, err := in.at("what", "region", "transport", "port", "service", "day", "tried", "unserved", "heard")
	if err != nil {
		return nil, err
	}
	r := &rolled{map[regionPort][2]int64{}, map[measure.Port]string{}, map[string][]int64{}, map[regionPort]map[int64]onDay{}, map[string]float64{}, nil}
	for _, row := range in.rows {
		region, day := text(row[at[1]]), count(row[at[5]])
		port := measure.Port{Transport: text(row[at[2]]), Number: uint16(count(row[at[3]]))}
		tried, unserved, heard := count(row[at[6]]), count(row[at[7]]), count(row[at[8]])
		switch row[at[0]] {
		case "rollout":
			r.rollouts[regionPort{region, port}] = [2]int64{day, tried}
			r.services[port] = text(row[at[4]])
		case "day":
			r.days[region] = append(r.days[region], day)
		case "port":
			key := regionPort{region, port}
			if r.tried[key] == nil {
				r.tried[key] = map[int64]onDay{}
			}
			r.tried[key][day] = onDay{tried, unserved, heard}
		case "chance":
			r.chance[region] = (float64(heard) + .5) / (float64(tried) + 1) // Jeffreys' prior.
		}
	}
	r.regions = sorted(r.days, cmp.Compare[string])
	return r, nil
}

// series are the sources that tried the port on the days around the rollout.
func (r *rolled) series(key regionPort, rollout int64, days int) (before, after []onDay) {
	all := slices.Sorted(slices.Values(r.days[key.region]))
	for _, d := range all {
		switch {
		case d < rollout && d >= rollout-int64(days):
			before = append(before, r.tried[key][d])
		case d > rollout && d <= rollout+int64(days):
			after = append(after, r.tried[key][d])
		}
	}
	return before, after
}

func values(list []onDay, of func(onDay) int64) []float64 {
	v := make([]float64, len(list))
	for i, x := range list {
		v[i] = float64(of(x))
	}
	return v
}

func meanOf(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// gain compares, for each port that a rollout added, what was expected with what came.
func gain(ctx context.Context, in *input) (*table, error) {
	t := newTable("region", "revision", "since", "transport", "port", "service", "days_before", "days_after", "unserved_before", "trend", "expected", "measured",
		"ratio", "ratio_low", "ratio_high", "placebo", "verdict")
	r, err := in.rolled()
	if err != nil {
		return nil, err
	}
	keys := sorted(r.rollouts, func(a, b regionPort) int {
		return cmp.Or(cmp.Compare(a.region, b.region), comparePorts(a.port, b.port))
	})
	for _, key := range keys {
		if err := r.compare(ctx, in, t, key); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (r *rolled) compare(ctx context.Context, in *input, t *table, key regionPort) error {
	rollout := r.rollouts[key]
	before, after := r.series(key, rollout[0], in.int("days", 7))
	tried := func(d onDay) int64 { return d.tried }
	list := []measure.Series{{Region: key.region, Treated: true, Before: values(before, tried), After: values(after, tried)}}
	for _, other := range r.regions {
		k := regionPort{other, key.port}
		if _, too := r.rollouts[k]; too || other == key.region {
			continue
		}
		b, a := r.series(k, rollout[0], in.int("days", 7))
		if len(b) == len(before) && len(a) == len(after) {
			list = append(list, measure.Series{Region: other, Before: values(b, tried), After: values(a, tried)})
		}
	}
	var d measure.Difference
	trend, compared := 1., false
	if len(before) > 0 && len(after) > 0 && len(list) > 1 {
		var err error
		if d, err = measure.DifferenceInDifferences(ctx, list, in.resampling()); err != nil {
			return err
		}
		// Half a source is added to each mean, so that a port nobody else tries has a trend of 1.
		trend, compared = (d.ControlAfter+.5)/(d.ControlBefore+.5), true
	}
	lost := meanOf(values(before, func(d onDay) int64 { return d.unserved }))
	expected := lost * trend * r.chance[key.region]
	measured := meanOf(values(after, func(d onDay) int64 { return d.heard }))
	row := []any{key.region, rollout[1], time.Unix(rollout[0]*86400, 0).UTC(), key.port.Transport, int64(key.port.Number), optional(r.services[key.port]),
		int64(len(before)), int64(len(after)), float(lost), float(trend), float(expected), float(measured)}
	if compared {
		row = append(row, float(d.Ratio), float(d.RatioInterval.Low), float(d.RatioInterval.High), float(d.Placebo))
	} else {
		row = append(row, nil, nil, nil, nil)
	}
	t.add(append(row, keepOrDrop(expected, measured, len(after)))...)
	return nil
}

func keepOrDrop(expected, measured float64, days int) string {
	switch {
	case days == 0:
		return "too early to tell"
	case measured == 0:
		return "drop: nothing came"
	case math.IsNaN(expected):
		return "keep: what was before is not known"
	case measured < expected/2:
		return "drop: less than half of what was expected"
	}
	return "keep"
}
