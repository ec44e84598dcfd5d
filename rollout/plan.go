package rollout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"terroir"
	"terroir/config"
	"terroir/rollout/signed"
)

// Diff says what the overlay would change on each sensor that it is for, if it were applied now.
//
// A region without sensors, or a sensor that the hub has not heard of, yields an ENOTFOUND error; what no sensor could
// serve an ECONFIG one.
func (f *Folder) Diff(o *config.Overlay, now time.Time) ([]Difference, error) {
	history, err := f.History()
	if err != nil {
		return nil, err
	}
	r, sensors, err := f.prospect(o, now)
	if err != nil {
		return nil, err
	}
	r.ID = len(history) + 1
	var list []Difference
	for i := range sensors {
		s := &sensors[i]
		before, err := compose(s.Base, layersOf(s, history, 0, now), now)
		if err != nil {
			return nil, named(s, err)
		}
		after, err := compose(s.Base, layersOf(s, append(slices.Clone(history), *r), r.ID, now), now)
		if err != nil {
			return nil, named(s, err)
		}
		list = append(list, differ(s, before[0], after[0], o, r.Until))
	}
	return list, nil
}

func named(s *Sensor, err error) error {
	return &terroir.Error{Code: terroir.ErrorCode(err), Where: s.Name, Message: "cannot be served", Err: err}
}

// prospect is the rollout that would apply the overlay now, and the sensors that it is for.
func (f *Folder) prospect(o *config.Overlay, now time.Time) (*Rollout, []Sensor, error) {
	until, err := o.Until(now)
	if err != nil {
		return nil, nil, &terroir.Error{Code: terroir.ECONFIG, Where: "expires", Message: err.Error()}
	}
	if !until.IsZero() && !until.After(now) {
		return nil, nil, &terroir.Error{Code: terroir.ECONFIG, Where: "expires", Message: "the overlay ended at " + until.Format(time.RFC3339), Hint: "give it a later end"}
	}
	region, err := f.regionOf(o)
	if err != nil {
		return nil, nil, err
	}
	r := &Rollout{Region: region, Overlay: o, Until: until, State: Begun, Begun: now}
	sensors, err := f.concerned(r)
	if err == nil && len(sensors) == 0 {
		err = &terroir.Error{Code: terroir.ENOTFOUND, Message: fmt.Sprintf("the hub has not heard of a sensor in region %q", region), Hint: "is the hub running on this folder, and are the sensors?"}
	}
	return r, sensors, err
}

// regionOf is the region that the overlay is for.
func (f *Folder) regionOf(o *config.Overlay) (string, error) {
	if o.Region != "" {
		return o.Region, nil
	}
	region := ""
	for _, name := range o.Sensors {
		s, err := f.sensor(name)
		switch {
		case err != nil:
			return "", err
		case s == nil:
			return "", &terroir.Error{Code: terroir.ENOTFOUND, Message: fmt.Sprintf("the hub has not heard of sensor %q", name), Hint: "is the hub running on this folder, and is the sensor?"}
		case region != "" && s.Region != region:
			return "", &terroir.Error{Code: terroir.ECONFIG, Where: "sensors", Message: fmt.Sprintf("they are in two regions, %s and %s", region, s.Region), Hint: "write an overlay for each"}
		}
		region = s.Region
	}
	return region, nil
}

// concerned are the sensors that the rollout is for, by name.
func (f *Folder) concerned(r *Rollout) ([]Sensor, error) {
	all, err := f.Sensors()
	return slices.DeleteFunc(all, func(s Sensor) bool { return !r.concerns(&s) }), err
}

// alive reports whether the sensor's heartbeats have come until now.
func (s *Sensor) alive(now time.Time) bool {
	every := s.Every
	if every == 0 {
		every = time.Minute
	}
	return now.Sub(later(s.Beat, s.Announced)) <= 3*every+DefaultLimits().Slack
}

// nextSerial is greater than any that the sensor was ever told, as far as is known here or there.
func (f *Folder) nextSerial(s *Sensor, history []Rollout) (uint64, error) {
	last := max(s.Serial, s.Refusal.Serial)
	w, err := f.wanted(s.Name)
	if err != nil {
		return 0, err
	}
	if w != nil {
		last = max(last, w.Serial)
	}
	for i := range history {
		if t := history[i].told(s.Name); t != nil {
			last = max(last, t.Serial)
		}
	}
	return last + 1, nil
}

// periodsWith are what the sensor is to serve with the rollout's overlay, or without it.
func periodsWith(s *Sensor, history []Rollout, r *Rollout, with bool, now time.Time) ([]signed.Period, error) {
	others := slices.DeleteFunc(slices.Clone(history), func(x Rollout) bool { return x.ID == r.ID })
	id := 0
	if with {
		others, id = append(others, *r), r.ID
		slices.SortFunc(others, func(a, b Rollout) int { return a.ID - b.ID })
	}
	return compose(s.Base, layersOf(s, others, id, now), now)
}

// begin takes the region, and makes sure that nothing of it is under way but the rollout with the number, 0 for none.
func (f *Folder) begin(region string, except int) (history []Rollout, release func(), err error) {
	served, err := f.Served()
	if err != nil {
		return nil, nil, err
	}
	if !served {
		return nil, nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: f.dir, Message: "no hub runs on this folder", Hint: "start it, or name its folder with --dir"}
	}
	if err := terroir.ValidateName("region", region); err != nil {
		return nil, nil, err
	}
	release, err = f.hold(false, "regions", region+".lock")
	if errors.Is(err, errHeld) {
		return nil, nil, &terroir.Error{Code: terroir.ECONFIG, Where: region, Message: "another rollout is under way in this region", Hint: "wait for it: terroir config history"}
	}
	if err != nil {
		return nil, nil, err
	}
	if history, err = f.History(); err == nil {
		for i := range history {
			if r := &history[i]; r.Region == region && r.Open() && r.ID != except {
				err = &terroir.Error{Code: terroir.ECONFIG, Where: region, Message: fmt.Sprintf("rollout %d of this region was not finished", r.ID),
					Hint: fmt.Sprintf("terroir config apply --resume --region %s, or terroir config rollback %d", region, r.ID)}
			}
		}
	}
	if err != nil {
		release()
	}
	return history, release, err
}

// listed is names in a text.
func listed(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
