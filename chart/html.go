package chart

import (
	"embed"
	"html/template"
	"math"
	"strings"

	"terroir/encode"
	"terroir/views"
)

//go:embed html.tmpl
var files embed.FS

// CSS is the style sheet of everything that HTML draws, for light and dark.
//
//go:embed chart.css
var CSS string

var templates = template.Must(template.New("").Funcs(template.FuncMap{"human": human, "bar": barWidth}).ParseFS(files, "html.tmpl"))

// barWidth is a share of 100 with one decimal.
func barWidth(n, most float64) float64 {
	if most <= 0 {
		return 0
	}
	return math.Round(1000*n/most) / 10
}

// HTML draws the result as the body of a panel: tables and small pictures whose look comes from classes (q0 to q7 for
// shades) of the page's style sheet. It holds no style and no script.
func HTML(v *views.View, r *views.Result) (template.HTML, error) {
	var b strings.Builder
	name, data := model(v, r)
	if len(r.Rows) == 0 {
		name = "empty"
	}
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil //nolint:gosec // made by html/template
}

// model is what the template of the chart's type needs.
func model(v *views.View, r *views.Result) (name string, data any) {
	switch v.Chart.Type {
	case "heatmap", "dots":
		return v.Chart.Type, heat(v, r)
	case "bars":
		return "bars", bars(v, r)
	case "lines":
		return "lines", sparks(v, r)
	case "curves":
		return "curves", curves(v, r)
	case "numbers":
		return "numbers", tiles(r)
	}
	return "table", Tabulate(r)
}

type heatModel struct {
	Columns               []string
	Rows                  []heatRow
	Most                  float64
	MoreRows, MoreColumns int
	Labels                bool
	// Sums says that the rows' totals mean something: those of shares do not.
	Sums bool
}

type heatRow struct {
	Key, Label string
	Cells      []heatCell
	Total      float64
}

type heatCell struct {
	Text   string
	Shade  int
	Radius float64
}

func heat(v *views.View, r *views.Result) heatModel {
	g := layOut(v, r)
	m := heatModel{Columns: g.columns, Sums: g.sums, MoreRows: g.moreRows, MoreColumns: g.moreColumns}
	for _, row := range g.rows {
		h := heatRow{Key: row.key, Label: row.label, Total: row.total}
		m.Labels = m.Labels || row.label != ""
		m.Most = max(m.Most, row.total)
		for _, c := range row.cells {
			if !c.there {
				h.Cells = append(h.Cells, heatCell{Shade: -1})
				continue
			}
			h.Cells = append(h.Cells, heatCell{g.text(c.value), g.shade(c.value), math.Round(80*math.Sqrt(c.value/max(g.max, 1))+10) / 10})
		}
		m.Rows = append(m.Rows, h)
	}
	return m
}

// counted is a number with its unit, in the singular where it is one.
func counted(n, unit string) string {
	if n == "1" {
		unit = strings.TrimSuffix(unit, "s")
	}
	return strings.TrimSpace(n + " " + unit)
}

type barModel struct {
	Unit string
	Rows []barRow
	Most float64
	More int
}

type barRow struct {
	Key, Text, More string
	Value           float64
	// Low and High are the ends of the interval; both 0 where there is none.
	Low, High float64
}

func bars(v *views.View, r *views.Result) barModel {
	y, value, extra := r.Index(v.Chart.Y), r.Index(v.Chart.Value), r.Index(v.Chart.X2)
	low, high := r.Index(v.Chart.Low), r.Index(v.Chart.High)
	m := barModel{}
	if y < 0 || value < 0 {
		return m
	}
	m.Unit = r.Columns[y].Unit
	if r.Columns[value].Unit == "share" {
		m.Most = 1
	}
	for i, row := range r.Rows {
		if i == maxRows {
			m.More = len(r.Rows) - maxRows
			break
		}
		b := barRow{Key: counted(encode.Shown(r.Columns, row, y), m.Unit), Value: number(row[value]), Text: encode.Shown(r.Columns, row, value)}
		if extra >= 0 {
			b.More = encode.Shown(r.Columns, row, extra) + " " + r.Columns[extra].Name
		}
		if low >= 0 && high >= 0 && row[low] != nil && row[high] != nil {
			b.Low, b.High = number(row[low]), number(row[high])
			b.Text += " (" + strings.TrimSuffix(encode.Shown(r.Columns, row, low), " %") + "–" + strings.TrimSuffix(encode.Shown(r.Columns, row, high), " %") + ")"
		}
		m.Most = max(m.Most, b.Value, b.High)
		m.Rows = append(m.Rows, b)
	}
	return m
}

type sparkModel struct {
	Rows     []sparkRow
	From, To string
}

type sparkRow struct {
	Key, Path, Area string
	Total           float64
}

// Size of a sparkline's drawing.
const sparkWidth, sparkHeight = 220, 26

func sparks(v *views.View, r *views.Result) sparkModel {
	list, xs := lines(v, r)
	m := sparkModel{}
	if len(xs) > 0 {
		m.From, m.To = xs[0], xs[len(xs)-1]
	}
	for _, s := range list {
		path := polyline(s.points, sparkWidth, sparkHeight)
		m.Rows = append(m.Rows, sparkRow{s.key, path, area(path), s.total})
	}
	return m
}

// Tile is a number with its name.
type Tile struct{ Name, Value, Unit, Meaning string }

func tiles(r *views.Result) []Tile {
	var list []Tile
	if len(r.Rows) == 0 {
		return nil
	}
	for i, c := range r.Columns {
		list = append(list, Tile{strings.ReplaceAll(encode.Plain(c.Name), "_", " "), encode.Human(r.Rows[0][i], c.Name), c.Unit, c.Meaning})
	}
	return list
}

// Rows is a result as a plain table.
type Rows struct {
	Columns []views.Column
	Rows    [][]TableCell
	More    int
}

// TableCell is one cell of a plain table.
type TableCell struct {
	Text   string
	Number bool
	// Long says that the text may be broken anywhere.
	Long bool
	// Link is where the cell leads, or "". Long ids are shown by their beginning; Title is the whole.
	Link, Title string
}

// Tabulate lays the first rows of the result out as a plain table.
func Tabulate(r *views.Result) Rows {
	t := Rows{Columns: r.Columns}
	for i, row := range r.Rows {
		if i == maxTable {
			t.More = len(r.Rows) - maxTable
			break
		}
		line := make([]TableCell, len(row))
		for j := range row {
			line[j] = tableCell(r.Columns, row, j)
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}

// longText is from which length on a text is broken anywhere, so that a table stays in its panel.
const longText = 32

func tableCell(columns []views.Column, row []any, i int) TableCell {
	c := &columns[i]
	t := TableCell{Text: encode.Shown(columns, row, i), Number: c.Type == "int" || c.Type == "float"}
	t.Long = len(t.Text) > longText
	id, ok := row[i].(string)
	if !ok || !encode.IsID(id) {
		return t
	}
	t.Title = id
	switch c.Is {
	case "payload":
		t.Link = "/payloads/" + id
	case "family":
		t.Link = "/families/" + id
	}
	return t
}

// TableHTML draws the result as a plain table, whatever its chart.
func TableHTML(r *views.Result) (template.HTML, error) {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, "table", Tabulate(r)); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil //nolint:gosec // made by html/template
}
