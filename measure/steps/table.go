package steps

import (
	"math"
	"slices"
	"strconv"

	"terroir"
	"terroir/measure"
	"terroir/views"
)

// input is what a step works on: typed rows, and the values of the view's parameters.
type input struct {
	rows   [][]any
	result *views.Result
	values map[string]string
}

// at is the position of a column; a row that lacks it is the fault of the view.
func (in *input) at(names ...string) ([]int, error) {
	at := make([]int, len(names))
	for i, n := range names {
		if at[i] = in.result.Index(n); at[i] < 0 {
			return nil, terroir.Errorf(terroir.EINVALID, "the step needs a column %q", n)
		}
	}
	return at, nil
}

// int is a parameter's value, or the other number where the view has no such parameter.
func (in *input) int(name string, otherwise int) int {
	n, err := strconv.Atoi(in.values[name])
	if err != nil {
		return otherwise
	}
	return n
}

// number is the value of an enum of numbers, like alpha.
func (in *input) number(name string, otherwise float64) float64 {
	x, err := strconv.ParseFloat(in.values[name], 64)
	if err != nil {
		return otherwise
	}
	return x
}

// resampling is how intervals are drawn.
func (in *input) resampling() measure.Resampling {
	return measure.Resampling{Draws: in.int("draws", 1000), Seed: uint64(in.int("seed", 1))}
}

// table is what a step returns.
type table struct {
	columns []views.Column
	rows    [][]any
}

func newTable(names ...string) *table {
	t := &table{rows: [][]any{}}
	for _, n := range names {
		t.columns = append(t.columns, views.Column{Name: n})
	}
	return t
}

func (t *table) add(values ...any) { t.rows = append(t.rows, values) }

// text is a value's text, "" for none.
func text(x any) string {
	s, _ := x.(string)
	return s
}

func count(x any) int64 {
	n, _ := x.(int64)
	return n
}

func yes(x any) bool {
	b, _ := x.(bool)
	return b
}

// optional is nil for the empty text.
func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// float is a number as results have it: to ten digits, so that processors which round otherwise show the same; none where
// there is none.
func float(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	if x == 0 {
		return 0.
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 10, 64), 64)
	if err != nil {
		return nil
	}
	return r
}

// index numbers texts in their order.
type index struct {
	names []string
	at    map[string]int
}

func newIndex(names []string) index {
	slices.Sort(names)
	x := index{names: slices.Compact(names), at: map[string]int{}}
	for i, n := range x.names {
		x.at[n] = i
	}
	return x
}

// indexOf numbers what stands in a column.
func (in *input) indexOf(column int) index {
	seen := map[string]bool{}
	var names []string
	for _, row := range in.rows {
		if s, ok := row[column].(string); ok && !seen[s] {
			seen[s] = true
			names = append(names, s)
		}
	}
	return newIndex(names)
}

// places numbers the places, of which there may be as many as measure tells apart.
func (in *input) places(column int) (index, error) {
	x := in.indexOf(column)
	if len(x.names) > measure.MaxRegions {
		return x, terroir.Errorf(terroir.EINVALID, "%d places: at most %d can be compared, choose some by regions or sensors", len(x.names), measure.MaxRegions)
	}
	return x, nil
}

// order puts rows in order. Statements that return many hand them over in order: an engine sorts them sooner.
func order[R any](rows []R, compare func(a, b *R) int) {
	for i := 1; i < len(rows); i++ {
		if compare(&rows[i-1], &rows[i]) > 0 {
			slices.SortFunc(rows, func(a, b R) int { return compare(&a, &b) })
			return
		}
	}
}

// sorted are the keys in order.
func sorted[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compare)
	return keys
}
