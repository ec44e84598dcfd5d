package chart

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"

	"terroir/encode"
	"terroir/views"
)

// Theme is the colours of a drawing that stands alone.
type Theme struct {
	Background, Text, Muted, Fill, Track string
	// Shades from little to much, and the colour of a number on each.
	Shades, On [steps]string
}

// Light and Dark are the two themes: one hue, from pale to deep.
var (
	Light = Theme{"#ffffff", "#1c1d1f", "#6b6f76", "#2f6f9f", "#e6ebf0",
		[steps]string{"#e7edf2", "#cddce8", "#aac7dc", "#82adcd", "#578fba", "#3273a5", "#1d5587", "#10375f"},
		[steps]string{"#1c1d1f", "#1c1d1f", "#1c1d1f", "#1c1d1f", "#ffffff", "#ffffff", "#ffffff", "#ffffff"}}
	Dark = Theme{"#17191b", "#e8e9ea", "#9aa0a6", "#5a9cc8", "#2a2f34",
		[steps]string{"#1f2a33", "#22384a", "#254a65", "#2a5f85", "#3a7aa6", "#5a9cc8", "#8dbfdf", "#d3e8f5"},
		[steps]string{"#e8e9ea", "#e8e9ea", "#e8e9ea", "#e8e9ea", "#ffffff", "#10202c", "#10202c", "#10202c"}}
)

// canvas collects a drawing; every colour and font is an attribute, so that it stands under any policy.
type canvas struct {
	b     strings.Builder
	theme Theme
	y     float64
}

const (
	svgWidth   = 960
	rowHeight  = 24
	leftMargin = 190
	topMargin  = 64
)

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(encode.Plain(s))) // a Builder does not fail
	return b.String()
}

func (c *canvas) text(x, y, size float64, anchor, fill, s string) {
	fmt.Fprintf(&c.b, `<text x="%.1f" y="%.1f" font-size="%.0f" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, size, anchor, fill, escape(s))
}

func (c *canvas) rect(x, y, w, h float64, fill string) {
	fmt.Fprintf(&c.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" fill="%s"/>`+"\n", x, y, max(w, 0), h, fill)
}

// SVG draws the result as a picture that stands alone.
func SVG(w io.Writer, v *views.View, r *views.Result, t Theme) error {
	c := &canvas{theme: t, y: topMargin}
	switch {
	case len(r.Rows) == 0:
		c.text(16, c.y+16, 13, "start", t.Muted, "Nothing in this window.")
		c.y += rowHeight
	case v.Chart.Type == "heatmap" || v.Chart.Type == "dots":
		c.heat(v, r)
	case v.Chart.Type == "bars":
		c.bars(v, r)
	case v.Chart.Type == "lines":
		c.lines(v, r)
	case v.Chart.Type == "curves":
		c.curves(v, r)
	case v.Chart.Type == "numbers":
		c.numbers(r)
	default:
		c.table(r)
	}
	out := bufio.NewWriter(w)
	height := c.y + 30
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%.0f" viewBox="0 0 %d %.0f" role="img" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif">`+"\n",
		svgWidth, height, svgWidth, height)
	fmt.Fprintf(out, "<title>%s</title>\n<desc>%s</desc>\n", escape(v.Title), escape(v.Question))
	fmt.Fprintf(out, `<rect width="%d" height="%.0f" fill="%s"/>`+"\n", svgWidth, height, t.Background)
	fmt.Fprintf(out, `<text x="16" y="26" font-size="15" font-weight="600" fill="%s">%s</text>`+"\n", t.Text, escape(v.Title))
	fmt.Fprintf(out, `<text x="16" y="44" font-size="12" fill="%s">%s</text>`+"\n", t.Muted, escape(v.Question))
	out.WriteString(c.b.String())
	fmt.Fprintf(out, `<text x="16" y="%.0f" font-size="11" fill="%s">terroir · %s · snapshot %d</text>`+"\n</svg>\n", height-10, t.Muted, escape(v.Name), r.Snapshot)
	return out.Flush()
}

func (c *canvas) note(n int, what string) {
	if n > 0 {
		c.text(16, c.y+14, 12, "start", c.theme.Muted, fmt.Sprintf("%s more %s are not shown.", encode.Thousands(int64(n)), what))
		c.y += rowHeight
	}
}

func (c *canvas) heat(v *views.View, r *views.Result) {
	g := layOut(v, r)
	width := (svgWidth - leftMargin - 90) / math.Max(float64(len(g.columns)), 1)
	for i, name := range g.columns {
		c.text(leftMargin+width*(float64(i)+.5), c.y+14, 11, "middle", c.theme.Muted, name)
	}
	c.y += rowHeight
	for _, row := range g.rows {
		c.text(16, c.y+16, 12, "start", c.theme.Text, row.key)
		c.text(84, c.y+16, 12, "start", c.theme.Muted, row.label)
		for i, cell := range row.cells {
			if cell.there {
				c.cell(v, g, leftMargin+width*float64(i), width, cell.value)
			}
		}
		if g.sums {
			c.text(svgWidth-16, c.y+16, 12, "end", c.theme.Text, human(row.total))
		}
		c.y += rowHeight
	}
	c.note(g.moreRows, "rows")
	c.note(g.moreColumns, "columns")
}

func (c *canvas) cell(v *views.View, g *grid, x, width, value float64) {
	if v.Chart.Type == "dots" {
		radius := 1 + 8*math.Sqrt(value/max(g.max, 1))
		fmt.Fprintf(&c.b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"/>`+"\n", x+width/2-12, c.y+12, radius, c.theme.Fill)
		c.text(x+width/2+2, c.y+16, 11, "start", c.theme.Text, human(value))
		return
	}
	s := g.shade(value)
	c.rect(x+1, c.y+1, width-2, rowHeight-2, c.theme.Shades[s])
	c.text(x+width-8, c.y+16, 11, "end", c.theme.On[s], g.text(value))
}

func (c *canvas) bars(v *views.View, r *views.Result) {
	m := bars(v, r)
	for _, row := range m.Rows {
		c.text(16, c.y+16, 12, "start", c.theme.Text, row.Key)
		c.rect(leftMargin, c.y+4, 480, rowHeight-8, c.theme.Track)
		c.rect(leftMargin, c.y+4, 480*ratio(row.Value, m.Most), rowHeight-8, c.theme.Fill)
		if row.High > 0 {
			low, high := leftMargin+480*row.Low/max(m.Most, row.High), leftMargin+480*row.High/max(m.Most, row.High)
			fmt.Fprintf(&c.b, `<path d="M%.1f %.1fv8M%.1f %.1fH%.1fM%.1f %.1fv8" fill="none" stroke="%s"/>`+"\n", low, c.y+8, low, c.y+12, high, high, c.y+8, c.theme.Text)
		}
		text := row.Text
		if row.More != "" {
			text += " · " + row.More
		}
		c.text(leftMargin+492, c.y+16, 12, "start", c.theme.Text, text)
		c.y += rowHeight
	}
	c.note(m.More, "rows")
}

func (c *canvas) lines(v *views.View, r *views.Result) {
	list, xs := lines(v, r)
	for _, s := range list {
		c.text(16, c.y+20, 12, "start", c.theme.Text, s.key)
		fmt.Fprintf(&c.b, `<path transform="translate(%d %.1f)" d="%s" fill="none" stroke="%s" stroke-width="1.3"/>`+"\n", leftMargin, c.y+2,
			polyline(s.points, svgWidth-leftMargin-110, 24), c.theme.Fill)
		c.text(svgWidth-16, c.y+20, 12, "end", c.theme.Text, human(s.total))
		c.y += 30
	}
	if len(xs) > 0 {
		c.text(leftMargin, c.y+14, 11, "start", c.theme.Muted, xs[0])
		c.text(svgWidth-110, c.y+14, 11, "end", c.theme.Muted, xs[len(xs)-1])
		c.y += rowHeight
	}
}

// curves draws the field of curves at twice its size.
func (c *canvas) curves(v *views.View, r *views.Result) {
	m := curves(v, r)
	c.y += 10
	x, y := func(n float64) float64 { return 16 + 1.9*n }, func(n float64) float64 { return c.y + 1.6*n }
	for _, t := range m.Ticks {
		fmt.Fprintf(&c.b, `<path d="M%.1f %.1fH%.1f" stroke="%s"/>`+"\n", x(curvesLeft), y(t.At), x(curvesRight), c.theme.Track)
		c.text(x(curvesLeft)-8, y(t.At)+4, 11, "end", c.theme.Muted, t.Text.S)
	}
	for _, t := range m.Steps {
		c.text(x(t.At), y(curvesBottom)+18, 11, "middle", c.theme.Muted, t.Text.S)
	}
	for i, k := range m.Curves {
		fmt.Fprintf(&c.b, `<path transform="translate(16 %.1f) scale(1.9 1.6)" d="%s" fill="none" stroke="%s" stroke-width="1.1" stroke-dasharray="%s"/>`+"\n", c.y, k.Path, c.theme.Fill, dashes[i%len(dashes)])
		c.text(x(curvesRight)+10, y(k.LabelY), 12, "start", c.theme.Text, k.Key)
	}
	c.y = y(curvesBottom) + 40
	c.note(m.More, "curves")
}

// dashes tell curves apart without colour.
var dashes = []string{"none", "6 3", "2 3", "9 3 2 3", "1 2", "12 4", "4 1", "8 2 1 2"}

func (c *canvas) numbers(r *views.Result) {
	list := tiles(r)
	width := float64(svgWidth-32) / math.Max(float64(len(list)), 1)
	for i, t := range list {
		x := 16 + width*float64(i)
		c.text(x, c.y+12, 11, "start", c.theme.Muted, t.Name)
		c.text(x, c.y+36, 19, "start", c.theme.Text, t.Value)
	}
	c.y += 48
}

// svgTable bounds the rows of a drawn table.
const svgTable = 30

func (c *canvas) table(r *views.Result) {
	t := Tabulate(r)
	width := float64(svgWidth-32) / math.Max(float64(len(t.Columns)), 1)
	for i, col := range t.Columns {
		c.text(16+width*float64(i), c.y+14, 11, "start", c.theme.Muted, col.Name)
	}
	c.y += rowHeight
	for i, row := range t.Rows {
		if i == svgTable {
			break
		}
		for j, cell := range row {
			text := []rune(cell.Text)
			if most := int(width / 6.5); len(text) > most {
				text = append(text[:max(most-1, 0)], '…')
			}
			c.text(16+width*float64(j), c.y+14, 12, "start", c.theme.Text, string(text))
		}
		c.y += 20
	}
	c.note(len(r.Rows)-min(len(t.Rows), svgTable), "rows")
}

// polyline is the path of a line through the points, the greatest at the top.
func polyline(points []float64, width, height float64) string {
	most := 0.0
	for _, p := range points {
		most = max(most, p)
	}
	var b strings.Builder
	for i, p := range points {
		x := 0.0
		if len(points) > 1 {
			x = width * float64(i) / float64(len(points)-1)
		}
		y := height - 1
		if most > 0 {
			y = height - 1 - (height-3)*p/most
		}
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", op, x, y)
	}
	return b.String()
}

// area closes the line of a sparkline along the bottom.
func area(path string) string {
	if path == "" {
		return ""
	}
	return fmt.Sprintf("%sL%d %dL0 %dZ", path, sparkWidth, sparkHeight, sparkHeight)
}
