package views

import (
	"slices"
	"strings"
	"time"
)

// A Rollup is a relation that stands for the table events where a view needs sums alone: the events that are the same in Keys
// and in one Unit of time are one row. It has the columns Keys, ts (that of the first of them), attempts and events (how many).
//
// A statement that reads scope with a rollup gives the same over events, each of which then has events = 1. So only what counts
// rows must say sum(events), and nothing may depend on ts within a unit.
type Rollup struct {
	// Name is what front matter calls it.
	Name string
	// Keys are columns of events.
	Keys []string
	// Unit is what windows must be made of for the rollup to be of use.
	Unit time.Duration
}

var (
	hourKeys   = []string{"kind", "region", "sensor", "ip_version", "transport", "dst_port", "scanner"}
	sourceKeys = append(slices.Clip(hourKeys), "src_ip", "country", "asn", "as_name")
	rollups    = []Rollup{
		{"hour", hourKeys, time.Hour},
		{"source", sourceKeys, 24 * time.Hour},
		{"payload", append(slices.Clip(sourceKeys), "payload_id"), 24 * time.Hour},
	}
)

// Rollups are those that views may name.
func Rollups() []Rollup { return slices.Clone(rollups) }

// Relation is the relation's name in statements.
func (r *Rollup) Relation() string { return "events_by_" + r.Name }

func rollupNamed(name string) *Rollup {
	for i := range rollups {
		if rollups[i].Name == name {
			return &rollups[i]
		}
	}
	return nil
}

// fits reports whether a window of the values is made of whole units: the rollup tells no time within one.
func (r *Rollup) fits(values map[string]string) bool {
	for _, name := range []string{"from", "to"} {
		if values[name] == "" {
			continue
		}
		// What is no time is told when it is put into the statement.
		if t, err := ParseTime(values[name]); err == nil && !t.Equal(t.Truncate(r.Unit)) {
			return false
		}
	}
	return true
}

// RenderRolled is Render over the view's rollup instead of events. It returns "" where the view has none, or the window is not made
// of its units. Errors are those of Render.
func (v *View) RenderRolled(given map[string]string) (sql string, err error) {
	values, err := v.values(given)
	if err != nil {
		return "", err
	}
	r := rollupNamed(v.Rollup)
	if r == nil || !r.fits(values) {
		return "", nil
	}
	sql, err = v.statement(values, r.Relation()+".*", r.Relation())
	// A rollup is read faster than it is copied: DuckDB would keep what is named twice. Trino does not know the words.
	return strings.Replace(sql, "scope AS (", "scope AS NOT MATERIALIZED (", 1), err
}
