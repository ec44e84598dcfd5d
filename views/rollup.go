package views

import (
	"slices"
	"strings"
	"time"
)

// A Rollup is a relation that stands for the table events where a view needs sums alone: the events that are the same in Keys
// and in one Unit of time are one row. It has the columns Keys, ts and last_ts (those of the first and of the last of them),
// attempts and events (how many).
//
// A statement that reads scope with a rollup gives the same over events, each of which then has last_ts = ts and events = 1. So
// what counts rows must say sum(events), what looks for the last of them max(last_ts), and nothing else may depend on times within
// a unit.
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

// File names the files of the rollup, which are known by it: other columns take another name.
func (r *Rollup) File() string { return r.Name + "-2" }

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

// RenderDuck is Render for DuckDB where it has the relations of Rollups: the same rows, sooner. The view's rollup stands for events if
// it has one and the window is made of its units.
func (v *View) RenderDuck(given map[string]string) (sql string, values map[string]string, err error) {
	if values, err = v.values(given); err != nil {
		return "", nil, err
	}
	columns, relation := v.overEvents()
	if r := rollupNamed(v.Rollup); r != nil && r.fits(values) {
		columns, relation = r.Relation()+".*", r.Relation()
	}
	sql, err = v.statement(values, columns, relation)
	// Files are read again faster than DuckDB keeps what is named twice. Trino does not know the words.
	return strings.Replace(sql, "scope AS (", "scope AS NOT MATERIALIZED (", 1), values, err
}
