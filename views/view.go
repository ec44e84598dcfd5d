// Package views is the registry of views. A view is one file NAME.sql: front matter (what it answers, its parameters,
// columns, chart and caveats) and one SQL statement in Trino's dialect. Everything that shows a view (command line,
// API, page, report, reference) is made from that one file.
package views

import "slices"

// View is one view, read from its file.
type View struct {
	// Name is the file's name without ".sql", such as "port-by-region".
	Name string `yaml:"-" json:"name"`
	// Title heads the panel; Question is the question that the view answers.
	Title    string `yaml:"title" json:"title"`
	Question string `yaml:"question" json:"question"`
	// Scope names the shared parameters that the view takes (see Scope).
	Scope []string `yaml:"scope" json:"-"`
	// StatementOf names another view whose statement, and the rows that it returns, are this one's too: both differ in what
	// their steps make of them. A parameter of which only the name is given is that of the other view.
	StatementOf string `yaml:"statement_of" json:"-"`
	// Rollup names the rollup that may stand for events, or "". See Rollup for what the statement must keep to.
	Rollup string `yaml:"rollup" json:"-"`
	// Params are all parameters: the shared ones of Scope, then the view's own.
	Params  []Param  `yaml:"params" json:"params"`
	Columns []Column `yaml:"columns" json:"columns"`
	Chart   Chart    `yaml:"chart" json:"chart"`
	// Pages are the pages that show the view as a panel ("overview"). Order is its place there, Span its width in twelfths of
	// the page (0: all).
	Pages Names `yaml:"page" json:"-"`
	Order int   `yaml:"order" json:"-"`
	Span  int   `yaml:"span" json:"-"`
	// Tall is the number of rows of the page that the panel spans (0: one).
	Tall int `yaml:"tall" json:"-"`
	// Caveats say what the numbers do not mean.
	Caveats []string `yaml:"caveats" json:"caveats"`
	// SQL is the statement as written, before parameters are put in.
	SQL string `yaml:"-" json:"sql"`
	// Step names the Go step that makes the result from what the statement returns, or "" where that is the result. Rows are
	// the columns that the statement then returns; Columns are always those of the result.
	Step string   `yaml:"step" json:"step,omitempty"`
	Rows []Column `yaml:"rows" json:"rows,omitempty"`
}

// Names are one name or a list of names.
type Names []string

// UnmarshalYAML implements yaml.InterfaceUnmarshaler.
func (n *Names) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if err := unmarshal(&one); err == nil {
		*n = Names{one}
		return nil
	}
	return unmarshal((*[]string)(n))
}

// On reports whether the page shows the view.
func (v *View) On(page string) bool { return slices.Contains(v.Pages, page) }

// Taken are those of the given values that the view takes, by the names of its parameters.
func (v *View) Taken(given map[string]string) map[string]string {
	taken := map[string]string{}
	for _, p := range v.Params {
		if value, ok := given[p.Name]; ok {
			taken[p.Name] = value
		}
	}
	return taken
}

// Param is a parameter of a view.
type Param struct {
	Name string `yaml:"name" json:"name"`
	// Type is one of int, string, list (of strings, separated by commas), enum and time (RFC 3339 or a date).
	Type    string `yaml:"type" json:"type"`
	Default string `yaml:"default" json:"default"`
	Meaning string `yaml:"meaning" json:"meaning"`
	// Values are an enum's values in order of display.
	Values []EnumValue `yaml:"values" json:"values,omitempty"`
	// Min and Max bound an int.
	Min *int64 `yaml:"min" json:"min,omitempty"`
	Max *int64 `yaml:"max" json:"max,omitempty"`
}

// EnumValue is one value of an enum and the SQL expression that stands for it.
type EnumValue struct {
	Name string `yaml:"name" json:"name"`
	SQL  string `yaml:"sql" json:"-"`
}

// Column is one column of a view's result.
type Column struct {
	Name string `yaml:"name" json:"name"`
	// Type is one of string, int, float, bool and time.
	Type string `yaml:"type" json:"type"`
	// Unit of the numbers ("events", "sources", …), or "". A "share" is from 0 to 1, and people are shown percent.
	Unit    string `yaml:"unit" json:"unit"`
	Meaning string `yaml:"meaning" json:"meaning"`
	// Is says what the values name, for links and for safe display: payload or family (an id), indicator, indicators (words,
	// some of which are one), said (what a stranger said, which may name one), or "".
	Is string `yaml:"is" json:"is,omitempty"`
}

// Chart says how a result is drawn, by column names.
type Chart struct {
	// Type is one of heatmap, bars, dots, lines (one sparkline a Y, over X), curves (one curve a Y over X, with axes), numbers (one
	// row, a tile a column) and table.
	Type string `yaml:"type" json:"type"`
	// X is the column laid out horizontally (heatmap, dots), Y the one laid out vertically (all but table), Value the
	// magnitude. Label is a column shown beside Y, or "". X2 is a second number shown beside the bar, or "".
	X     string `yaml:"x" json:"x"`
	Y     string `yaml:"y" json:"y"`
	Value string `yaml:"value" json:"value"`
	Label string `yaml:"label" json:"label"`
	X2    string `yaml:"x2" json:"x2"`
	// Low and High are the ends of an interval around Value (bars), or "".
	Low  string `yaml:"low" json:"low,omitempty"`
	High string `yaml:"high" json:"high,omitempty"`
	// Scale is "log" or "linear" (default).
	Scale string `yaml:"scale" json:"scale"`
}

// Result is what a view, or a statement of the user's, returned.
type Result struct {
	// View is the view's name; "" for a statement of the user's.
	View string `json:"view"`
	// Params are the values in force, in the text form that the parameters take.
	Params map[string]string `json:"params"`
	// Snapshot is the Iceberg snapshot of the events table that was read; 0 for an empty table.
	Snapshot int64    `json:"snapshot"`
	Columns  []Column `json:"columns"`
	// Rows hold nil, bool, int64, float64, string or time.Time (UTC), one value a column.
	Rows [][]any `json:"rows"`
	// Complete is false when a part of the answer is missing; Missing names it.
	Complete bool     `json:"complete"`
	Missing  []string `json:"missing,omitempty"`
}

// Index returns the position of the named column in the result, or -1.
func (r *Result) Index(column string) int {
	for i, c := range r.Columns {
		if c.Name == column {
			return i
		}
	}
	return -1
}
