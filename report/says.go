package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"terroir/encode"
	"terroir/views"
)

// Says is one sentence that the result allows: what leads, and its share. It is "" where the chart's type has no such
// sentence, and claims nothing about differences: that needs a test.
func Says(s Section) string {
	if s.Err != nil || s.Result == nil || len(s.Result.Rows) == 0 {
		return ""
	}
	if said := sentence(s.View, s.Result); said != "" {
		return said
	}
	switch s.View.Chart.Type {
	case "heatmap", "dots":
		return leader(s.View, s.Result)
	case "bars":
		return largest(s.View, s.Result)
	}
	return ""
}

// sentence is what the view itself says: its column "sentence", or "verdict" with what it is about. Of several rows it is that of
// the first one that does not compare a thing with itself.
func sentence(v *views.View, r *views.Result) string {
	x, y := r.Index(v.Chart.X), r.Index(v.Chart.Y)
	for _, column := range []string{"sentence", "verdict"} {
		i := r.Index(column)
		if i < 0 {
			continue
		}
		for _, row := range r.Rows {
			said, ok := row[i].(string)
			if !ok || said == "" || (x >= 0 && y >= 0 && row[x] == row[y]) {
				continue
			}
			if column == "verdict" && y >= 0 {
				said = encode.Shown(r.Columns, row, y) + ": " + said
			}
			return encode.Plain(strings.TrimRight(said, ".") + ".")
		}
	}
	return ""
}

type sum struct {
	key   string
	total int64
}

// sums adds the chart's value up by a column, the greatest first.
func sums(r *views.Result, by, value int, name string) (list []sum, all int64) {
	at := map[string]int{}
	for _, row := range r.Rows {
		n, ok := row[value].(int64)
		if !ok {
			continue
		}
		key := encode.Human(row[by], name)
		i, ok := at[key]
		if !ok {
			i = len(list)
			at[key] = i
			list = append(list, sum{key: key})
		}
		list[i].total += n
		all += n
	}
	slices.SortStableFunc(list, func(a, b sum) int { return cmp.Compare(b.total, a.total) })
	return list, all
}

func leader(v *views.View, r *views.Result) string {
	y, value := r.Index(v.Chart.Y), r.Index(v.Chart.Value)
	if y < 0 || value < 0 {
		return ""
	}
	list, all := sums(r, y, value, v.Chart.Y)
	if len(list) < 2 || all == 0 {
		return ""
	}
	first, second := list[0], list[1]
	return fmt.Sprintf("Of the %s %s shown, %s %s has %s (%.0f %%), before %s with %s.", encode.Thousands(all), v.Chart.Value, v.Chart.Y, first.key,
		encode.Thousands(first.total), 100*float64(first.total)/float64(all), second.key, encode.Thousands(second.total))
}

func largest(v *views.View, r *views.Result) string {
	y, value := r.Index(v.Chart.Y), r.Index(v.Chart.Value)
	if y < 0 || value < 0 || r.Columns[y].Type != "int" {
		return "" // Only of a number is it something to have it.
	}
	list, all := sums(r, y, value, v.Chart.Y)
	if len(list) < 2 || all == 0 {
		return ""
	}
	return fmt.Sprintf("Most have a %s of %s: %s of %s (%.0f %%).", v.Chart.Y, list[0].key, encode.Thousands(list[0].total), encode.Thousands(all),
		100*float64(list[0].total)/float64(all))
}
