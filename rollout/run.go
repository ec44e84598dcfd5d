package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"terroir"
	"terroir/config"
)

// Options of a rollout.
type Options struct {
	// Canary is how many sensors get the overlay first; 0 is all at once. Wait is how long they are watched; when a rollout goes
	// on, less than 0 stands for what it began with.
	Canary int
	Wait   time.Duration
	// Confirm is how long a sensor may take to serve what it was told; default 2 minutes.
	Confirm time.Duration
	// Limits say when a canary fails.
	Limits Limits
	// Say is told what happens, a line each; Watched how much of the wait is over. Both may be nil.
	Say     func(line string)
	Watched func(done, all time.Duration)
}

// poll is how often the state of sensors is looked at.
const poll = 200 * time.Millisecond

func (o *Options) defaults() {
	if o.Confirm == 0 {
		o.Confirm = 2 * time.Minute
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Watched == nil {
		o.Watched = func(time.Duration, time.Duration) {}
	}
}

// work is a rollout under way.
type work struct {
	*Folder
	Options
	history []Rollout
	r       *Rollout // in history
}

// Apply rolls the overlay out: to the canaries, and when they did well for the wait, to the others.
//
// A canary that fails has everything rolled back and yields an ECHECK error. Sensors that do not confirm are named in an
// EPARTIAL error. A region in which something is under way yields an ECONFIG error; other errors are those of Diff. What
// ends before, because ctx does, can be resumed.
func (f *Folder) Apply(ctx context.Context, o *config.Overlay, opt Options) error {
	opt.defaults()
	now := time.Now().UTC()
	r, _, err := f.prospect(o, now)
	if err != nil {
		return err
	}
	_, release, err := f.begin(r.Region, 0)
	if err != nil {
		return err
	}
	defer release()
	if _, err := f.Diff(o, now); err != nil {
		return err
	}
	e := &Entry{Step: Begun, Region: r.Region, Overlay: o, Until: r.Until, Canary: opt.Canary, Wait: opt.Wait}
	if err := f.append(e); err != nil {
		return err
	}
	history, err := f.History()
	if err != nil {
		return err
	}
	w := &work{f, opt, history, &history[e.Rollout-1]}
	opt.Say(fmt.Sprintf("rollout %d in %s begins", w.r.ID, w.r.Region))
	return w.run(ctx)
}

// Resume goes on with the rollout of the region that was not finished. The wait begins anew, as nobody watched meanwhile.
//
// A region in which nothing is unfinished yields an ENOTFOUND error; others are those of Apply. With region "" it is the only
// unfinished one.
func (f *Folder) Resume(ctx context.Context, region string, opt Options) error {
	opt.defaults()
	history, err := f.History()
	if err != nil {
		return err
	}
	var open []*Rollout
	for i := range history {
		if r := &history[i]; r.Open() && (region == "" || r.Region == region) {
			open = append(open, r)
		}
	}
	switch {
	case len(open) == 0:
		return &terroir.Error{Code: terroir.ENOTFOUND, Where: region, Message: "there is no unfinished rollout", Hint: "terroir config history"}
	case len(open) > 1:
		return &terroir.Error{Code: terroir.EUSAGE, Message: "several regions have an unfinished rollout", Hint: "name one with --region"}
	}
	id := open[0].ID
	history, release, err := f.begin(open[0].Region, id)
	if err != nil {
		return err
	}
	defer release()
	w := &work{f, opt, history, &history[id-1]}
	if !w.r.Open() {
		return nil // Whoever had the region finished it meanwhile.
	}
	for i := range w.r.Sensors {
		w.r.Sensors[i].Confirmed = time.Time{} // Who knows what happened meanwhile: they confirm again.
	}
	if w.Canary = w.r.Canary; w.Wait < 0 {
		w.Wait = w.r.Wait
	}
	opt.Say(fmt.Sprintf("rollout %d in %s goes on", id, w.r.Region))
	return w.run(ctx)
}

// Rollback takes the overlay of a rollout away again, from whoever has it; id 0 is the last one in the region that has not
// been, or, with region "", of all.
//
// One that does not exist, or was rolled back, yields an ENOTFOUND error; sensors that do not confirm are named in an EPARTIAL
// error.
func (f *Folder) Rollback(ctx context.Context, id int, region string, opt Options) error {
	opt.defaults()
	history, err := f.History()
	if err != nil {
		return err
	}
	for i := len(history) - 1; i >= 0 && id == 0; i-- {
		if r := &history[i]; r.State != Returned && (region == "" || r.Region == region) {
			id = r.ID
		}
	}
	if id < 1 || id > len(history) || history[id-1].State == Returned {
		return &terroir.Error{Code: terroir.ENOTFOUND, Message: "there is no such rollout in force", Hint: "terroir config history"}
	}
	history, release, err := f.begin(history[id-1].Region, id)
	if err != nil {
		return err
	}
	defer release()
	w := &work{f, opt, history, &history[id-1]}
	return w.giveBack(ctx, byHand)
}

// byHand is the reason of a rollback that somebody asked for.
const byHand = "by hand"

// run does what is left to do.
func (w *work) run(ctx context.Context) error {
	if w.r.State == Returning {
		reason, err := w.r.Reason, w.giveBack(ctx, w.r.Reason)
		if reason == byHand {
			return err
		}
		return partly(w.failed(reason), err)
	}
	if w.r.State == Begun {
		reason, err := w.canaries(ctx)
		if err != nil {
			return err
		}
		if reason != "" {
			w.Say("failed: " + reason + "; rolling back")
			return partly(w.failed(reason), w.giveBack(ctx, reason))
		}
		if err := w.note(Entry{Step: Passed}); err != nil {
			return err
		}
	}
	return w.others(ctx)
}

func (w *work) failed(reason string) error {
	return &terroir.Error{Code: terroir.ECHECK, Where: fmt.Sprintf("rollout %d in %s", w.r.ID, w.r.Region), Message: reason,
		Hint: "it was rolled back: terroir config history"}
}

// partly is the failure, and what went wrong with rolling back, in one line.
func partly(failed, back error) error {
	if back == nil {
		return failed
	}
	var e *terroir.Error
	if errors.As(failed, &e) {
		e.Hint = "rolling back: " + back.Error()
	}
	return failed
}

// note adds to the history, on disk first.
func (w *work) note(e Entry) error {
	e.Rollout, e.Region = w.r.ID, w.r.Region
	if err := w.append(&e); err != nil {
		return err
	}
	w.r.take(&e)
	return nil
}

// tell has the sensor serve the rollout's overlay, or the rest without it. What was told before, by a command that was killed,
// is told again.
func (w *work) tell(s *Sensor, with bool) error {
	if t := w.r.told(s.Name); t != nil && t.Returned != with {
		return w.want(&Wanted{Sensor: s.Name, Serial: t.Serial, Periods: t.periods})
	}
	periods, err := periodsWith(s, w.history, w.r, with, time.Now())
	if err != nil {
		return named(s, err)
	}
	serial, err := w.nextSerial(s, w.history)
	if err != nil {
		return err
	}
	if err := w.note(Entry{Step: Published, Sensor: s.Name, Serial: serial, Periods: periods}); err != nil {
		return err
	}
	return w.want(&Wanted{Sensor: s.Name, Serial: serial, Periods: periods})
}

// confirm waits until the sensors serve what they were told. It returns what is wrong with those that do not, by name.
func (w *work) confirm(ctx context.Context, names []string) (map[string]string, error) {
	wrong := map[string]string{}
	for end := time.Now().Add(w.Confirm); ; {
		for _, name := range names {
			t := w.r.told(name)
			if t == nil || !t.Confirmed.IsZero() || wrong[name] != "" {
				continue
			}
			s, err := w.sensor(name)
			if err != nil {
				return nil, err
			}
			switch {
			case s == nil:
			case s.Serial == t.Serial:
				if err := w.note(Entry{Step: Confirmed, Sensor: name, Serial: t.Serial}); err != nil {
					return nil, err
				}
				w.Say(fmt.Sprintf("%s serves serial %d, revision %d", name, s.Serial, s.Revision))
			case s.Refusal.Serial == t.Serial:
				wrong[name] = "it refuses the configuration: " + s.Refusal.Reason
			}
		}
		left := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return wrong[n] != "" || !w.r.told(n).Confirmed.IsZero() })
		if len(left) == 0 {
			return wrong, nil
		}
		if time.Now().After(end) {
			for _, n := range left {
				wrong[n] = fmt.Sprintf("it did not confirm serial %d within %s", w.r.told(n).Serial, w.Confirm)
			}
			return wrong, nil
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(poll):
		return nil
	}
}

// canaries has the overlay on the first sensors, and watches them. reason is why they failed, or "".
func (w *work) canaries(ctx context.Context) (reason string, err error) {
	chosen, err := w.choose()
	if err != nil || len(chosen) == 0 {
		return "", err
	}
	var names []string
	before := map[string]sample{}
	for i := range chosen {
		s := &chosen[i]
		before[s.Name] = sample{time.Now(), *s}
		names = append(names, s.Name)
		w.Say("canary " + s.Name)
		if err := w.tell(s, true); err != nil {
			return "", err
		}
	}
	wrong, err := w.confirm(ctx, names)
	if err != nil {
		return "", err
	}
	for _, n := range names {
		if wrong[n] != "" {
			return "canary " + n + ": " + wrong[n], nil
		}
	}
	return w.watch(ctx, names, before)
}

// choose picks the canaries: those that have the overlay already, then others that are alive, by name.
func (w *work) choose() ([]Sensor, error) {
	all, err := w.concerned(w.r)
	if err != nil {
		return nil, err
	}
	var chosen, alive []Sensor
	for _, s := range all {
		if w.r.told(s.Name) != nil {
			chosen = append(chosen, s)
		} else if s.alive(time.Now()) {
			alive = append(alive, s)
		}
	}
	for len(chosen) < w.Canary && len(alive) > 0 {
		chosen, alive = append(chosen, alive[0]), alive[1:]
	}
	if w.Canary > 0 && len(chosen) == 0 {
		return nil, &terroir.Error{Code: terroir.ENOTFOUND, Where: w.r.Region, Message: "no sensor of the region is alive: none can be the canary",
			Hint: fmt.Sprintf("start one and terroir config apply --resume, or terroir config rollback %d", w.r.ID)}
	}
	return chosen, nil
}

// watch looks at the canaries until the wait is over.
func (w *work) watch(ctx context.Context, names []string, before map[string]sample) (reason string, err error) {
	begun := time.Now()
	for n, b := range before {
		b.at = begun // Heartbeats are waited for from now on.
		before[n] = b
	}
	for {
		over := time.Since(begun)
		w.Watched(min(over, w.Wait), w.Wait)
		for _, n := range names {
			s, err := w.sensor(n)
			if err != nil || s == nil {
				return "", err
			}
			if reason := w.Limits.verdict(before[n], sample{time.Now(), *s}, w.r.told(n).Serial); reason != "" {
				return "canary " + n + ": " + reason, nil
			}
		}
		if over >= w.Wait {
			return "", nil
		}
		if err := pause(ctx); err != nil {
			return "", err
		}
	}
}

// others has the overlay on the rest of the sensors that it is for.
func (w *work) others(ctx context.Context) error {
	all, err := w.concerned(w.r)
	if err != nil {
		return err
	}
	var names, missing []string
	for i := range all {
		s := &all[i]
		if err := w.tell(s, true); err != nil {
			return err
		}
		if s.alive(time.Now()) {
			names = append(names, s.Name)
		} else if w.r.told(s.Name).Confirmed.IsZero() {
			missing = append(missing, s.Name+" (not heard of since "+later(s.Beat, s.Announced).UTC().Format(time.RFC3339)+")")
		}
	}
	wrong, err := w.confirm(ctx, names)
	if err != nil {
		return err
	}
	for _, n := range names {
		if wrong[n] != "" {
			missing = append(missing, n+" ("+wrong[n]+")")
		}
	}
	if len(missing) == 0 {
		w.Say(fmt.Sprintf("rollout %d is done: %d sensors", w.r.ID, len(all)))
		return w.note(Entry{Step: Done})
	}
	reason := "not confirmed by " + listed(missing)
	if err := w.note(Entry{Step: Partial, Reason: reason}); err != nil {
		return err
	}
	return &terroir.Error{Code: terroir.EPARTIAL, Where: fmt.Sprintf("rollout %d in %s", w.r.ID, w.r.Region), Message: reason,
		Hint: fmt.Sprintf("they serve it once they can; or terroir config rollback %d", w.r.ID)}
}

// giveBack has whoever was told of the overlay serve what is left without it.
func (w *work) giveBack(ctx context.Context, reason string) error {
	if w.r.State != Returning {
		if err := w.note(Entry{Step: Returning, Reason: reason}); err != nil {
			return err
		}
	}
	var names, missing []string
	for _, t := range slices.Clone(w.r.Sensors) {
		s, err := w.sensor(t.Sensor)
		if err != nil {
			return err
		}
		if s == nil {
			missing = append(missing, t.Sensor)
			continue
		}
		if err := w.tell(s, false); err != nil {
			return err
		}
		if s.alive(time.Now()) {
			names = append(names, s.Name)
		} else {
			missing = append(missing, s.Name)
		}
	}
	wrong, err := w.confirm(ctx, names)
	if err != nil {
		return err
	}
	for _, n := range names {
		if wrong[n] != "" {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		reason = strings.TrimSuffix(reason, ".") + "; not confirmed yet by " + listed(missing)
	}
	if err := w.note(Entry{Step: Returned, Reason: reason}); err != nil {
		return err
	}
	w.Say(fmt.Sprintf("rollout %d is rolled back", w.r.ID))
	if len(missing) > 0 {
		return &terroir.Error{Code: terroir.EPARTIAL, Where: fmt.Sprintf("rollout %d in %s", w.r.ID, w.r.Region), Message: "not confirmed yet by " + listed(missing), Hint: "they return once they are there"}
	}
	return nil
}
