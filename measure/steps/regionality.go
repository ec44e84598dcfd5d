package steps

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"terroir"
	"terroir/measure"
)

// correction is the one that the parameter correction names.
func (in *input) correction() measure.Correction {
	switch in.values["correction"] {
	case "holm":
		return measure.Holm
	case "bh":
		return measure.BenjaminiHochberg
	}
	return measure.Bonferroni
}

// masks are the places of the rows by their bits, and the sources (or events) seen in each set of places.
type masks struct {
	names  []string
	seen   map[uint64]int64
	things map[string][]measure.Presence
}

func (in *input) masks() (*masks, error) {
	at, err := in.at("what", "name", "did", "seen", "n")
	if err != nil {
		return nil, err
	}
	m := &masks{seen: map[uint64]int64{}, things: map[string][]measure.Presence{}}
	places := map[int]string{}
	for _, row := range in.rows {
		did, seen, n := uint64(count(row[at[2]])), uint64(count(row[at[3]])), count(row[at[4]])
		switch row[at[0]] {
		case "place":
			places[bits.TrailingZeros64(did)] = text(row[at[1]])
		case "all":
			m.seen[seen] += n
		case "thing":
			name := text(row[at[1]])
			m.things[name] = append(m.things[name], measure.Presence{Seen: seen, Did: did, Sources: n})
		}
	}
	m.names = make([]string, len(places))
	for i := range m.names {
		name, ok := places[i]
		if !ok {
			return nil, terroir.Errorf(terroir.EINVALID, "the step needs places that are numbered from 0")
		}
		m.names[i] = name
	}
	return m, nil
}

// list are the things with those that did them, and all others.
func (m *masks) list() []measure.Thing {
	var things []measure.Thing
	for _, name := range sorted(m.things, cmp.Compare[string]) {
		rest := map[uint64]int64{}
		for seen, n := range m.seen {
			rest[seen] = n
		}
		t := measure.Thing{Name: name, Sources: m.things[name]}
		for _, p := range t.Sources {
			rest[p.Seen] -= p.Sources
		}
		for _, seen := range sorted(rest, cmp.Compare[uint64]) {
			if n := rest[seen]; n > 0 {
				t.Sources = append(t.Sources, measure.Presence{Seen: seen, Sources: n})
			}
		}
		things = append(things, t)
	}
	return things
}

// regionality tests things, each against the rest.
func regionality(ctx context.Context, in *input) (*table, error) {
	t := newTable("thing", "sources", "n", "v", "v_low", "v_high", "chi2", "dof", "method", "p", "p_corrected", "significant", "strongest", "quotient", "places", "verdict")
	m, err := in.masks()
	if err != nil || len(m.names) == 0 {
		return t, err
	}
	found, err := measure.MeasureRegionality(ctx, len(m.names), m.list(), measure.RegionalityOptions{Alpha: in.number("alpha", .05), Correct: in.correction(),
		Permutations: in.int("permutations", measure.Permutations), Interval: in.resampling(), MinSources: int64(in.int("min_sources", 5))})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b measure.Regionality) int {
		return cmp.Or(yesFirst(a.Significant, b.Significant), cmp.Compare(b.Corrected, a.Corrected), cmp.Compare(b.Did, a.Did), cmp.Compare(a.Name, b.Name))
	})
	for _, f := range found {
		var strongest, quotient any
		if f.Did > 0 {
			strongest, quotient = m.names[f.Locality.Strongest], float(f.Locality.Quotient[f.Locality.Strongest])
		}
		t.add(f.Name, f.Did, f.N, float(f.Corrected), float(f.Interval.Low), float(f.Interval.High), float(f.ChiSquared), int64(f.DOF), string(f.Method),
			float(f.Tested), float(f.Adjusted), f.Significant, strongest, quotient, quotients(m.names, f), verdict(f, m.names))
	}
	return t, nil
}

func yesFirst(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return 1
	}
	return 0
}

// quotients says the location quotient and the count of each place.
func quotients(names []string, f measure.Regionality) string {
	parts := make([]string, len(names))
	for r, n := range names {
		parts[r] = fmt.Sprintf("%s ×%s (%d)", n, short(f.Locality.Quotient[r]), f.Counts[r])
	}
	return strings.Join(parts, ", ")
}

func verdict(f measure.Regionality, names []string) string {
	switch {
	case f.Method == measure.MethodNone:
		return "too few to tell"
	case !f.Significant:
		return "n.s."
	}
	return fmt.Sprintf("%s, V %s (%s to %s), most in %s", strength(f.Corrected), short(f.Corrected), short(f.Interval.Low), short(f.Interval.High),
		names[f.Locality.Strongest])
}

// strength is a word for a V of a table with two rows (Cohen 1988, Statistical power analysis: w of 0.1, 0.3, 0.5).
func strength(v float64) string {
	switch {
	case v >= .5:
		return "large"
	case v >= .3:
		return "medium"
	case v >= .1:
		return "small"
	}
	return "negligible"
}

// short is a number for a sentence.
func short(x float64) string {
	if math.IsNaN(x) {
		return "?"
	}
	return strconv.FormatFloat(x, 'g', 2, 64)
}

// regionalityOverall is the association of all things together with the places.
func regionalityOverall(ctx context.Context, in *input) (*table, error) {
	t := newTable("things", "places", "n", "chi2", "dof", "p", "log10_p", "v", "v_low", "v_high", "v_uncorrected", "min_expected", "verdict")
	at, err := in.at("what", "name", "number", "n")
	if err != nil {
		return nil, err
	}
	var things, places int
	for _, row := range in.rows {
		switch row[at[0]] {
		case "thing":
			things++
		case "place":
			places++
		}
	}
	units, several, err := in.units(at, things*places)
	if err != nil || len(units) == 0 {
		return t, err
	}
	counts, err := measure.TableOfUnits(things, places, units)
	if err != nil {
		return nil, err
	}
	a, err := measure.Associate(counts)
	if err != nil {
		return nil, err
	}
	b, err := measure.BootstrapV(ctx, things, places, units, in.resampling())
	if err != nil {
		return nil, err
	}
	var p, logP any = float(a.P), float(a.LogP / math.Ln10)
	if several {
		p, logP = nil, nil // The units are not independent: a source in three places is three observations.
	}
	t.add(int64(a.Rows), int64(a.Cols), a.N, float(a.ChiSquared), int64(a.DOF), p, logP, float(a.Corrected), float(b.BCa.Low), float(b.BCa.High), float(a.V),
		float(a.MinExpected), fmt.Sprintf("%s effect: V %s (%s to %s), n %d", strength(a.Corrected*math.Sqrt(float64(max(min(a.Rows, a.Cols)-1, 1)))),
			short(a.Corrected), short(b.BCa.Low), short(b.BCa.High), a.N))
	return t, nil
}

// units are the rows of a table's cells; several says that some are in more than one of them.
func (in *input) units(at []int, cells int) (units []measure.Units, several bool, err error) {
	for _, row := range in.rows {
		if row[at[0]] != "unit" {
			continue
		}
		u := measure.Units{N: count(row[at[3]])}
		for _, s := range strings.Split(text(row[at[1]]), ",") {
			c, err := strconv.Atoi(s)
			if err != nil || c < 0 || c >= cells {
				return nil, false, terroir.Errorf(terroir.EINVALID, "cell %q is not one of %d", s, cells)
			}
			u.Cells = append(u.Cells, c)
		}
		slices.Sort(u.Cells)
		several = several || len(u.Cells) > 1
		units = append(units, u)
	}
	slices.SortFunc(units, func(a, b measure.Units) int { return slices.Compare(a.Cells, b.Cells) })
	return units, several, nil
}
