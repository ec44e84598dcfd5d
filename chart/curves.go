package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"terroir/encode"
	"terroir/views"
)

// The field of a drawing of curves, within 480 × 220: room for numbers at the left, names at the right.
const (
	curvesLeft, curvesRight = 40, 370
	curvesTop, curvesBottom = 10, 196
	maxCurves               = 8
)

type curvesModel struct {
	Name          string
	Ticks, Steps  []tick
	Curves        []curve
	Right, LabelX int
	More          int
}

// tick is a number at a place of an axis.
type tick struct {
	At   float64
	Text struct {
		Y float64
		S string
	}
}

// curve is one curve; Class is how it is drawn.
type curve struct {
	Key, Path string
	Class     int
	LabelY    float64
}

type point struct{ x, y float64 }

// curves lays a result out as one curve a Y, over X as a number, from 0 on.
func curves(v *views.View, r *views.Result) curvesModel {
	x, y, value := r.Index(v.Chart.X), r.Index(v.Chart.Y), r.Index(v.Chart.Value)
	m := curvesModel{Right: curvesRight, LabelX: curvesRight + 6}
	if x < 0 || y < 0 || value < 0 {
		return m
	}
	m.Name = fmt.Sprintf("%s by %s", r.Columns[value].Name, r.Columns[x].Name)
	points, keys, most := pointsOf(r, x, y, value)
	if r.Columns[value].Unit == "share" {
		most.y = max(most.y, 1)
	}
	if len(keys) > maxCurves {
		m.More = len(keys) - maxCurves
		keys = keys[:maxCurves]
	}
	for i := range 5 {
		m.Ticks = append(m.Ticks, at(vertical(most.y*float64(i)/4, most.y), axisNumber(most.y*float64(i)/4, &r.Columns[value])))
		m.Steps = append(m.Steps, at(horizontal(most.x*float64(i)/4, most.x), axisNumber(most.x*float64(i)/4, &r.Columns[x])))
	}
	for i, key := range keys {
		m.Curves = append(m.Curves, drawn(key, i, points[key], most))
	}
	spread(m.Curves)
	return m
}

// pointsOf sorts the result into curves, the highest end first, and finds the greatest of both axes.
func pointsOf(r *views.Result, x, y, value int) (points map[string][]point, keys []string, most point) {
	points = map[string][]point{}
	for _, row := range r.Rows {
		key := encode.Shown(r.Columns, row, y)
		if points[key] == nil {
			keys = append(keys, key)
		}
		p := point{number(row[x]), number(row[value])}
		points[key] = append(points[key], p)
		most = point{max(most.x, p.x), max(most.y, p.y)}
	}
	for _, list := range points {
		slices.SortStableFunc(list, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	}
	end := func(key string) float64 { return points[key][len(points[key])-1].y }
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(end(b), end(a)) })
	return points, keys, most
}

func drawn(key string, class int, list []point, most point) curve {
	var b strings.Builder
	for i, p := range list {
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", op, horizontal(p.x, most.x), vertical(p.y, most.y))
	}
	return curve{Key: key, Path: b.String(), Class: class, LabelY: vertical(list[len(list)-1].y, most.y) + 3}
}

// spread moves names apart that would stand over each other.
func spread(list []curve) {
	const apart = 12
	for i := 1; i < len(list); i++ {
		list[i].LabelY = max(list[i].LabelY, list[i-1].LabelY+apart)
	}
	for i := len(list) - 1; i >= 0; i-- {
		lowest := float64(curvesBottom + 3 - apart*(len(list)-1-i))
		list[i].LabelY = math.Round(10*min(list[i].LabelY, lowest)) / 10
	}
}

func horizontal(x, most float64) float64 {
	return tenth(curvesLeft + (curvesRight-curvesLeft)*ratio(x, most))
}

func vertical(y, most float64) float64 {
	return tenth(curvesBottom - (curvesBottom-curvesTop)*ratio(y, most))
}

func ratio(n, most float64) float64 {
	if most <= 0 {
		return 0
	}
	return n / most
}

func tenth(n float64) float64 { return math.Round(10*n) / 10 }

func at(place float64, s string) (t tick) {
	t.At, t.Text.Y, t.Text.S = place, place+3, s
	return t
}

func axisNumber(n float64, c *views.Column) string {
	if c.Unit == "share" {
		return encode.Percent(n)
	}
	return encode.Human(math.Round(100*n)/100, "")
}
