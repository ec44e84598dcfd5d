package steps

import (
	"cmp"
	"context"
	"slices"

	"terroir/measure"
)

// lossGroup are the sources of a group.
type lossGroup struct {
	key, name string
	unserved  int64
	sources   []measure.SourceLoss
}

// lossiness measures what each group tried and nobody listened to.
func lossiness(ctx context.Context, in *input) (*table, error) {
	t := newTable("group", "name", "sources", "served", "unserved", "pair", "pair_low", "pair_high", "attempt", "attempt_low", "attempt_high",
		"source", "source_low", "source_high", "payload", "payload_low", "payload_high", "payload_least", "payload_most", "coverage")
	groups, watched, err := in.lossGroups()
	if err != nil {
		return nil, err
	}
	for _, g := range groups[:min(len(groups), in.int("top", 50))] {
		l, err := measure.MeasureLossiness(ctx, g.sources, in.resampling())
		if err != nil {
			return nil, err
		}
		row := []any{g.key, optional(g.name), int64(l.Sources), l.Served, l.Unserved}
		for _, s := range []measure.Share{l.Pair, l.Attempt, l.Source, l.Payload} {
			row = append(row, float(s.Value), float(s.Interval.Low), float(s.Interval.High))
		}
		t.add(append(row, float(l.Lower), float(l.Upper), watched.coverage(g.key, in.values["by"] == "region"))...)
	}
	return t, nil
}

// lossGroups are the groups, those of most unserved pairs first, with chances that come from all of them.
func (in *input) lossGroups() (groups []lossGroup, w watching, err error) {
	at, err := in.at("what", "group", "name", "network", "block", "class", "crafted", "served", "unserved", "served_attempts", "unserved_attempts", "heard", "hours", "source")
	if err != nil {
		return nil, w, err
	}
	w = watching{map[string]float64{}, map[string]float64{}}
	names := map[string]string{}
	var rows [][]any
	for _, row := range in.rows {
		hours, _ := row[at[12]].(float64)
		switch row[at[0]] {
		case "source":
			rows = append(rows, row)
		case "name":
			names[text(row[at[1]])] = text(row[at[2]])
		case "watched":
			w.hours[text(row[at[1]])] = hours
		case "window":
			w.window[text(row[at[1]])] = hours
		}
	}
	order(rows, func(a, b *[]any) int {
		return cmp.Or(cmp.Compare(text((*a)[at[1]]), text((*b)[at[1]])), cmp.Compare(text((*a)[at[13]]), text((*b)[at[13]])))
	})
	sources := make([]measure.SourceLoss, len(rows))
	for i, row := range rows {
		sources[i] = measure.SourceLoss{Class: text(row[at[5]]), Network: text(row[at[3]]), Block: text(row[at[4]]), Served: count(row[at[7]]), Unserved: count(row[at[8]]),
			ServedAttempts: count(row[at[9]]), UnservedAttempts: count(row[at[10]]), Heard: count(row[at[11]]), Irregular: yes(row[at[6]])}
	}
	measure.EstimateChances(sources)
	for i, s := range sources {
		key := text(rows[i][at[1]])
		if in.values["set"] == "senders" && s.Heard == 0 {
			continue
		}
		if n := len(groups); n == 0 || groups[n-1].key != key {
			groups = append(groups, lossGroup{key: key, name: names[key]})
		}
		g := &groups[len(groups)-1]
		g.sources = append(g.sources, s)
		g.unserved += s.Unserved
	}
	slices.SortStableFunc(groups, func(a, b lossGroup) int { return cmp.Compare(b.unserved, a.unserved) })
	return groups, w, nil
}

// watching is how long places watched, and how long they could have, in sensor hours.
type watching struct{ hours, window map[string]float64 }

// coverage is the share of the window that the place, or all together, watched; none where a place has no heartbeats.
func (w watching) coverage(key string, place bool) any {
	if len(w.hours) == 0 {
		return nil
	}
	var hours, window float64
	for _, p := range sorted(w.window, cmp.Compare[string]) {
		if !place || p == key {
			hours += w.hours[p]
			window += w.window[p]
		}
	}
	if window == 0 || hours == 0 {
		return nil
	}
	return float(min(hours/window, 1))
}
