package chart

import "terroir/views"

// Pivot lays the result of a view that is drawn as a heatmap or as dots out as it is drawn: a row a Y, a column an X,
// the value in the cell, and the sum behind it. cut is how many rows and columns did not find room. Results of other
// charts come back as they are.
func Pivot(v *views.View, r *views.Result) (pivot *views.Result, cutRows, cutColumns int) {
	if v.Chart.Type != "heatmap" && v.Chart.Type != "dots" {
		return r, 0, 0
	}
	g := layOut(v, r)
	if len(g.rows) == 0 {
		return r, 0, 0
	}
	p := *r
	p.Columns = []views.Column{{Name: v.Chart.Y, Type: "string"}}
	if v.Chart.Label != "" {
		p.Columns = append(p.Columns, views.Column{Name: v.Chart.Label, Type: "string"})
	}
	for _, c := range g.columns {
		p.Columns = append(p.Columns, views.Column{Name: c, Type: "float"})
	}
	p.Columns = append(p.Columns, views.Column{Name: "sum", Type: "float"})
	p.Rows = make([][]any, len(g.rows))
	for i := range g.rows {
		p.Rows[i] = g.rows[i].values(v.Chart.Label != "")
	}
	return &p, g.moreRows, g.moreColumns
}

func (r *gridRow) values(label bool) []any {
	row := []any{r.key}
	if label {
		row = append(row, r.label)
	}
	for _, c := range r.cells {
		if c.there {
			row = append(row, human(c.value))
		} else {
			row = append(row, nil)
		}
	}
	return append(row, human(r.total))
}
