package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"terroir"
	"terroir/config"
	"terroir/rollout/signed"
)

// layer is an overlay in force, and when it ends; zero is never.
type layer struct {
	overlay *config.Overlay
	until   time.Time
}

// compose is what a sensor is to serve from now on: its own configuration with the layers over it, the first one first, and
// each until it ends.
//
// When nothing is served at some time, or more than a document can say, that is an ECONFIG error.
func compose(base terroir.Configuration, layers []layer, now time.Time) ([]signed.Period, error) {
	layers = slices.DeleteFunc(slices.Clone(layers), func(l layer) bool { return !l.until.IsZero() && !l.until.After(now) })
	var ends []time.Time
	for _, l := range layers {
		if !l.until.IsZero() {
			ends = append(ends, l.until)
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	ends = append(slices.CompactFunc(ends, time.Time.Equal), time.Time{})
	var periods []signed.Period
	from := now
	for _, until := range ends {
		p, err := period(base, layers, from, until)
		if err != nil {
			return nil, err
		}
		if n := len(periods); n > 0 && periods[n-1].Theme == p.Theme && slices.Equal(periods[n-1].Ports, p.Ports) {
			periods[n-1].Until = until
		} else {
			periods = append(periods, p)
		}
		from = until
	}
	if len(periods) > signed.MaxPeriods {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Message: fmt.Sprintf("%d overlays that end at different times", len(periods)-1), Hint: "roll some of them back"}
	}
	return periods, nil
}

// period is what holds from one time until another.
func period(base terroir.Configuration, layers []layer, from, until time.Time) (signed.Period, error) {
	c := base
	for _, l := range layers {
		if l.until.IsZero() || l.until.After(from) {
			c = l.overlay.Over(c)
		}
	}
	c.Ports = slices.Clone(c.Ports)
	slices.SortFunc(c.Ports, func(a, b terroir.ServedPort) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Transport, b.Transport))
	})
	p := signed.PeriodOf(c, until)
	if _, err := p.Configuration(); err != nil {
		return p, err
	}
	return p, nil
}

// concerns reports whether the rollout's overlay is for the sensor.
func (r *Rollout) concerns(s *Sensor) bool {
	return r.Region == s.Region && (len(r.Overlay.Sensors) == 0 || slices.Contains(r.Overlay.Sensors, s.Name))
}

// layersOf are the overlays that lie over what the sensor serves, in the order in which they were rolled out. with is one
// that counts whatever its state is, 0 for none.
func layersOf(s *Sensor, history []Rollout, with int, now time.Time) (list []layer) {
	for i := range history {
		r := &history[i]
		if r.concerns(s) && (r.InForce(now) || r.ID == with) {
			list = append(list, layer{r.Overlay, r.Until})
		}
	}
	return list
}
