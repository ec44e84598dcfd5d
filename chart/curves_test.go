package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"terroir/views"
)

func gain(name string) (*views.View, *views.Result) {
	v := &views.View{Name: name, Title: "Gain", Question: "How much?", Chart: views.Chart{Type: "curves", X: "ports", Y: "region", Value: "gain"},
		Columns: []views.Column{{Name: "region", Type: "string"}, {Name: "ports", Type: "int"}, {Name: "gain", Type: "float", Unit: "share"}}}
	r := &views.Result{View: name, Columns: v.Columns, Complete: true}
	for region, step := range map[string]float64{"a<b>": 0.08, "c": 0.05, "d\x1b": 0.051} {
		for k := range 11 {
			r.Rows = append(r.Rows, []any{region, int64(k), step * float64(k)})
		}
	}
	return v, r
}

func TestCurvesHaveAxesAndNames(t *testing.T) {
	v, r := gain("gain-curve")
	html, err := HTML(v, r)
	if err != nil {
		t.Fatal(err)
	}
	var svg bytes.Buffer
	if err := SVG(&svg, v, r, Light); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"html": string(html), "svg": svg.String()} {
		for _, want := range []string{"a&lt;b&gt;", "100 %", "25 %", ">10<", ">c<"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s has no %q:\n%s", what, want, text)
			}
		}
		if strings.Contains(text, "\x1b") || strings.Contains(text, "a<b>") {
			t.Errorf("%s shows a name as it is", what)
		}
	}
	d := xml.NewDecoder(&svg)
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	// The first of the curves ends at 0.8 of the field's height, the names of those that end together stand apart.
	m := curves(v, r)
	if got, want := m.Curves[0].Path, "370.0 47.2"; !strings.HasSuffix(got, want) {
		t.Errorf("the first curve is %s", got)
	}
	if m.Curves[1].LabelY+11 > m.Curves[2].LabelY {
		t.Errorf("names at %v and %v", m.Curves[1].LabelY, m.Curves[2].LabelY)
	}
}

func TestBarsHaveIntervals(t *testing.T) {
	v := &views.View{Name: "l", Title: "L", Chart: views.Chart{Type: "bars", Y: "region", Value: "lost", Low: "low", High: "high"},
		Columns: []views.Column{{Name: "region", Type: "string"}, {Name: "lost", Type: "float", Unit: "share"}, {Name: "low", Type: "float", Unit: "share"}, {Name: "high", Type: "float", Unit: "share"}}}
	r := &views.Result{Columns: v.Columns, Rows: [][]any{{"a", 0.5, 0.4, 0.625}, {"b", 0.25, nil, nil}}}
	html, err := HTML(v, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`width="50"`, "M40 2.5V7.5M40 5H62.5M62.5 2.5V7.5", "50 % (40–62.5)", "25 %"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("no %q in %s", want, html)
		}
	}
	if strings.Count(string(html), "whisker") != 1 {
		t.Error("an interval that is not there is drawn")
	}
}
