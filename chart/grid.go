// Package chart draws results: as HTML for the page and the report, and as SVG that stands alone. It knows the types of
// charts that a view may ask for, and no view.
//
// Region is a position, colour is magnitude, and the number stands in the cell. What strangers sent may be in any text:
// all of it is escaped, and control characters are taken out.
package chart

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"terroir/encode"
	"terroir/views"
)

// Bounds of what is drawn; the rest is said in a line below.
const (
	maxRows    = 40
	maxColumns = 24
	maxTable   = 200
	// steps is the number of shades.
	steps = 8
)

// grid is a result laid out in rows and columns.
type grid struct {
	columns []string
	rows    []gridRow
	max     float64
	log     bool
	// share: the values are shares; sums: adding them up means something.
	share, sums bool
	// moreRows and moreColumns are left out.
	moreRows, moreColumns int
}

type gridRow struct {
	key, label string
	cells      []cell
	total      float64
}

type cell struct {
	value float64
	there bool
}

// layOut sums the values of the chart's X and Y. Rows are in the order of their totals, columns in that of their
// names where those are numbers, else in that of their first appearance.
func layOut(v *views.View, r *views.Result) *grid {
	g := &grid{log: v.Chart.Scale == "log"}
	x, y, value, label := r.Index(v.Chart.X), r.Index(v.Chart.Y), r.Index(v.Chart.Value), r.Index(v.Chart.Label)
	if x < 0 || y < 0 || value < 0 {
		return g
	}
	g.share, g.sums = r.Columns[value].Unit == "share", r.Columns[value].Type == "int"
	if g.share {
		g.max = 1
	}
	columns, rows := map[string]int{}, map[string]int{}
	var totals []float64
	for _, row := range r.Rows {
		cx, ry := name(row[x], v.Chart.X), name(row[y], v.Chart.Y)
		if _, ok := columns[cx]; !ok {
			columns[cx] = len(g.columns)
			g.columns = append(g.columns, cx)
			totals = append(totals, 0)
		}
		key := ry
		if t := r.Index("transport"); t >= 0 && v.Chart.Y == "port" && row[t] != "tcp" {
			key += "/" + encode.Human(row[t], "")
		}
		i, ok := rows[key]
		if !ok {
			i = len(g.rows)
			rows[key] = i
			g.rows = append(g.rows, gridRow{key: key})
		}
		if label >= 0 && row[label] != nil {
			g.rows[i].label = encode.Human(row[label], v.Chart.Label)
		}
		g.rows[i].put(columns[cx], number(row[value]))
		totals[columns[cx]] += number(row[value])
	}
	g.order(totals)
	return g
}

// name is a value as the head of a row or column: countries by their English names.
func name(x any, column string) string {
	if code, ok := x.(string); ok && column == "country" {
		if r, err := language.ParseRegion(code); err == nil {
			return display.English.Regions().Name(r)
		}
	}
	return encode.Human(x, column)
}

func (r *gridRow) put(column int, n float64) {
	for len(r.cells) <= column {
		r.cells = append(r.cells, cell{})
	}
	r.cells[column].value += n
	r.cells[column].there = true
	r.total += n
}

// order sorts rows and columns and cuts both to what is drawn.
func (g *grid) order(totals []float64) {
	slices.SortStableFunc(g.rows, func(a, b gridRow) int { return cmp.Compare(b.total, a.total) })
	if len(g.rows) > maxRows {
		g.moreRows = len(g.rows) - maxRows
		g.rows = g.rows[:maxRows]
	}
	perm := make([]int, len(g.columns))
	for i := range perm {
		perm[i] = i
	}
	if len(perm) > maxColumns {
		slices.SortStableFunc(perm, func(a, b int) int { return cmp.Compare(totals[b], totals[a]) })
		g.moreColumns = len(perm) - maxColumns
		perm = perm[:maxColumns]
	}
	slices.SortStableFunc(perm, func(a, b int) int { return compareNames(g.columns[a], g.columns[b]) })
	names := make([]string, len(perm))
	for i, p := range perm {
		names[i] = g.columns[p]
	}
	g.columns = names
	for i := range g.rows {
		cells := make([]cell, len(perm))
		for j, p := range perm {
			if p < len(g.rows[i].cells) {
				cells[j] = g.rows[i].cells[p]
			}
			g.max = max(g.max, cells[j].value)
		}
		g.rows[i].cells = cells
	}
}

func compareNames(a, b string) int {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	if err1 == nil && err2 == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

// text is a value in a cell.
func (g *grid) text(n float64) string {
	if g.share {
		return encode.Percent(n)
	}
	return human(n)
}

// shade is 0 for nothing to steps-1 for the greatest value.
func (g *grid) shade(n float64) int { return shade(n, g.max, g.log) }

func shade(n, most float64, logarithmic bool) int {
	if n <= 0 || most <= 0 {
		return 0
	}
	part := n / most
	if logarithmic && most > 1 {
		part = math.Log(max(n, 1)) / math.Log(most)
	}
	return min(int(part*steps), steps-1)
}

func number(x any) float64 {
	switch x := x.(type) {
	case int64:
		return float64(x)
	case float64:
		return x
	case time.Time:
		return float64(x.Unix())
	case bool:
		if x {
			return 1
		}
	}
	return 0
}

func human(n float64) string {
	if n == math.Trunc(n) && math.Abs(n) < 1e15 {
		return encode.Thousands(int64(n))
	}
	return encode.Human(n, "")
}

// series is one line of a chart of lines.
type series struct {
	key    string
	total  float64
	points []float64
}

// lines lays a result out as one series a Y over the X that occur, in order. A missing point is 0.
func lines(v *views.View, r *views.Result) (list []series, xs []string) {
	x, y, value := r.Index(v.Chart.X), r.Index(v.Chart.Y), r.Index(v.Chart.Value)
	if x < 0 || y < 0 || value < 0 {
		return nil, nil
	}
	at, size := axis(r, x)
	index := map[string]int{}
	for _, row := range r.Rows {
		key := encode.Human(row[y], v.Chart.Y)
		i, ok := index[key]
		if !ok {
			i = len(list)
			index[key] = i
			list = append(list, series{key: key, points: make([]float64, size)})
		}
		n := number(row[value])
		list[i].points[at[row[x]]] += n
		list[i].total += n
	}
	slices.SortStableFunc(list, func(a, b series) int { return cmp.Compare(b.total, a.total) })
	xs = make([]string, size)
	for k, i := range at {
		xs[i] = encode.Human(k, v.Chart.X)
	}
	return list[:min(len(list), maxRows)], xs
}

// maxSteps bounds an axis of equal steps; a longer one leaves out what is empty.
const maxSteps = 1000

// axis gives each value of a column its place in order. Times are put at equal steps where they have them, so that an
// empty bin is seen.
func axis(r *views.Result, x int) (at map[any]int, size int) {
	seen := map[any]float64{}
	for _, row := range r.Rows {
		seen[row[x]] = number(row[x])
	}
	keys := make([]any, 0, len(seen))
	for k := range seen {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b any) int { return cmp.Compare(seen[a], seen[b]) })
	step := math.Inf(1)
	for i := 1; i < len(keys); i++ {
		step = min(step, seen[keys[i]]-seen[keys[i-1]])
	}
	at = map[any]int{}
	equal := len(keys) > 1 && step > 0 && (seen[keys[len(keys)-1]]-seen[keys[0]])/step < maxSteps
	for i, k := range keys {
		at[k] = i
		if equal {
			at[k] = int(math.Round((seen[k] - seen[keys[0]]) / step))
		}
		size = max(size, at[k]+1)
	}
	return at, size
}
