package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"terroir"
	"terroir/config"
	"terroir/rollout/signed"
)

// Step is what an entry of the history tells.
type Step string

// The steps of a rollout.
const (
	// Begun: an overlay is to be rolled out; nobody has it yet.
	Begun Step = "begun"
	// Published: a sensor is to serve something, from now on.
	Published Step = "published"
	// Confirmed: the sensor serves it.
	Confirmed Step = "confirmed"
	// Passed: the canaries did well for the time that was asked for; the others follow.
	Passed Step = "canary_passed"
	// Done: all sensors serve it. Partial: some have not confirmed it, which Reason names.
	Done    Step = "done"
	Partial Step = "partial"
	// Returning: whoever has the overlay returns to what was served without it, for a Reason. Returned: they were told.
	Returning Step = "returning"
	Returned  Step = "rolled_back"
)

// Entry is one line of the history.
type Entry struct {
	Time time.Time `json:"time"`
	// Rollout numbers the rollout, from 1.
	Rollout int    `json:"rollout"`
	Step    Step   `json:"step"`
	Region  string `json:"region,omitempty"`
	// Overlay, Until, Canary and Wait are those of a rollout that begins. Until is when the overlay ends; zero is never.
	Overlay *config.Overlay `json:"overlay,omitempty"`
	Until   time.Time       `json:"until,omitzero"`
	Canary  int             `json:"canary,omitempty"`
	Wait    time.Duration   `json:"wait,omitempty"`
	// Sensor, Serial and Periods are what was published or confirmed.
	Sensor  string          `json:"sensor,omitempty"`
	Serial  uint64          `json:"serial,omitempty"`
	Periods []signed.Period `json:"periods,omitempty"`
	Reason  string          `json:"reason,omitempty"`
}

// Rollout is what the history tells of one.
type Rollout struct {
	ID      int             `json:"id"`
	Region  string          `json:"region"`
	Overlay *config.Overlay `json:"overlay"`
	Until   time.Time       `json:"until,omitzero"`
	Canary  int             `json:"canary"`
	Wait    time.Duration   `json:"wait"`
	// State is the last step that concerns all of it: begun, canary_passed, done, partial, returning or rolled_back.
	State Step `json:"state"`
	// Reason is why it is partial, or was rolled back.
	Reason string    `json:"reason,omitempty"`
	Begun  time.Time `json:"begun"`
	Ended  time.Time `json:"ended,omitzero"`
	// Sensors are those that were told something, in that order.
	Sensors []Told `json:"sensors"`
}

// Told is what a rollout told a sensor last.
type Told struct {
	Sensor    string    `json:"sensor"`
	Serial    uint64    `json:"serial"`
	At        time.Time `json:"at"`
	Confirmed time.Time `json:"confirmed,omitzero"`
	// Returned says that this is without the overlay again.
	Returned bool `json:"returned,omitempty"`

	periods []signed.Period
}

// Open reports whether something of the rollout is still to be done.
func (r *Rollout) Open() bool { return r.State == Begun || r.State == Passed || r.State == Returning }

// InForce reports whether the overlay lies over what the region's sensors serve.
func (r *Rollout) InForce(now time.Time) bool {
	return (r.State == Done || r.State == Partial) && (r.Until.IsZero() || now.Before(r.Until))
}

// told is what the sensor was told, or nil.
func (r *Rollout) told(sensor string) *Told {
	for i := range r.Sensors {
		if r.Sensors[i].Sensor == sensor {
			return &r.Sensors[i]
		}
	}
	return nil
}

// History lists the rollouts, the oldest first.
//
// A history that is damaged, other than by a last entry that was not written in full, yields an EUNREACHABLE error.
func (f *Folder) History() ([]Rollout, error) {
	entries, err := f.entries()
	if err != nil {
		return nil, err
	}
	return fold(entries)
}

func (f *Folder) entries() ([]Entry, error) {
	text, err := os.ReadFile(f.path("history.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, f.broken(err)
	}
	var list []Entry
	for n := 1; ; n++ {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole { // Whoever wrote it was killed, and had done nothing of it yet.
			return list, nil
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: f.path("history.jsonl") + ":" + strconv.Itoa(n), Message: "cannot read the history", Err: err,
				Hint: "put the file back from a backup, or move it away: documents and sensors stay"}
		}
		list, text = append(list, e), rest
	}
}

// append adds an entry and has it on disk. A rollout that begins gets its number.
func (f *Folder) append(e *Entry) error {
	release, err := f.hold(true, "lock")
	if err != nil {
		return err
	}
	defer release()
	if e.Step == Begun {
		all, err := f.History()
		if err != nil {
			return err
		}
		e.Rollout = len(all) + 1
	}
	e.Time = time.Now().UTC()
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := f.write(append(text, '\n')); err != nil {
		return f.broken(err)
	}
	return nil
}

// write appends a line, in the place of one that was not written in full.
func (f *Folder) write(line []byte) error {
	file, err := os.OpenFile(f.path("history.jsonl"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	end, err := wholeLines(file)
	if err == nil {
		if err = file.Truncate(end); err == nil {
			_, err = file.WriteAt(line, end)
		}
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return syncDir(f.dir)
}

// wholeLines is the length of the file up to its last line's end.
func wholeLines(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return 0, err
	}
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, info.Size()-1); err != nil || last[0] == '\n' {
		return info.Size(), err
	}
	text, err := io.ReadAll(file)
	return int64(bytes.LastIndexByte(text, '\n') + 1), err
}

// fold makes rollouts of entries.
func fold(entries []Entry) (list []Rollout, err error) {
	for i := range entries {
		e := &entries[i]
		if e.Step == Begun {
			if e.Rollout != len(list)+1 || e.Overlay == nil {
				return nil, fmt.Errorf("entry %d of the history begins rollout %d after %d", i+1, e.Rollout, len(list))
			}
			list = append(list, Rollout{ID: e.Rollout, Region: e.Region, Overlay: e.Overlay, Until: e.Until, Canary: e.Canary, Wait: e.Wait,
				State: Begun, Begun: e.Time, Sensors: []Told{}})
			continue
		}
		if e.Rollout < 1 || e.Rollout > len(list) {
			return nil, fmt.Errorf("entry %d of the history is of rollout %d, which did not begin", i+1, e.Rollout)
		}
		list[e.Rollout-1].take(e)
	}
	return list, nil
}

// take adds what an entry tells.
func (r *Rollout) take(e *Entry) {
	switch e.Step {
	case Published:
		t := r.told(e.Sensor)
		if t == nil {
			r.Sensors = append(r.Sensors, Told{})
			t = &r.Sensors[len(r.Sensors)-1]
		}
		*t = Told{Sensor: e.Sensor, Serial: e.Serial, At: e.Time, Returned: r.State == Returning, periods: e.Periods}
	case Confirmed:
		if t := r.told(e.Sensor); t != nil && t.Serial == e.Serial {
			t.Confirmed = e.Time
		}
	case Passed:
		r.State = e.Step
	case Returning:
		r.State, r.Reason, r.Ended = e.Step, e.Reason, time.Time{}
	case Done, Partial, Returned:
		r.State, r.Ended = e.Step, e.Time
		if e.Reason != "" {
			r.Reason = e.Reason
		}
	}
}
