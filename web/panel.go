package web

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"sync"
	"time"

	"terroir/chart"
	"terroir/encode"
	"terroir/views"
)

// field is one parameter in a form.
type field struct {
	views.Param
	Value string
}

// panel is one view on a page.
type panel struct {
	View     *views.View
	Span     int
	Body     template.HTML
	Rows     int
	Snapshot int64
	Query    template.URL
	Err      string
}

const (
	// panelLimit bounds one query of a page, panelsAtOnce how many run together.
	panelLimit   = 30 * time.Second
	panelsAtOnce = 4
)

// formats are those that a panel offers.
var formats = []string{"csv", "json", "parquet", "svg", "sql"}

// Formats lists what a panel offers.
func (panel) Formats() []string { return formats }

func (s *server) overview(w http.ResponseWriter, r *http.Request) {
	given, err := sharedParams(r.URL.Query(), "overview")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	shown := s.src.Page("overview")
	p := s.page(r, "Overview", struct {
		Panels []panel
		Live   []RecentEvent
	}{s.panels(r.Context(), shown, given), s.src.Recent(liveRows)})
	p.Filters = filters(views.SharedParams(), given)
	s.render(w, "overview", http.StatusOK, p)
}

func filters(ps []views.Param, given map[string]string) []field {
	fields := make([]field, len(ps))
	for i, p := range ps {
		fields[i] = field{p, p.Default}
		if v, ok := given[p.Name]; ok {
			fields[i].Value = v
		}
	}
	return fields
}

// panels runs the views together, a few at a time. One that fails says so in its place.
func (s *server) panels(ctx context.Context, shown []*views.View, given map[string]string) []panel {
	out := make([]panel, len(shown))
	slots := make(chan struct{}, panelsAtOnce)
	var wg sync.WaitGroup
	for i, v := range shown {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			out[i] = s.panel(ctx, v, given)
		})
	}
	wg.Wait()
	return out
}

// panel runs a view with those of the given parameters that it takes.
func (s *server) panel(ctx context.Context, v *views.View, given map[string]string) panel {
	ctx, cancel := context.WithTimeout(ctx, panelLimit)
	defer cancel()
	p := panel{View: v, Span: v.Span}
	if p.Span == 0 {
		p.Span = 12
	}
	taken := v.Taken(given)
	p.Query = template.URL(query(taken)) //nolint:gosec // Encode escapes
	r, err := s.src.Run(ctx, v.Name, taken)
	if err == nil {
		p.Rows, p.Snapshot = len(r.Rows), r.Snapshot
		p.Body, err = chart.HTML(v, r)
	}
	if err != nil {
		p.Err = encode.Plain(err.Error())
	}
	return p
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	s.render(w, "list", http.StatusOK, s.page(r, "Views", s.src.Views()))
}

func (s *server) view(w http.ResponseWriter, r *http.Request) {
	v, err := s.src.View(r.PathValue("name"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	given, err := params(r.URL.Query())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	sql, err := s.src.SQL(v.Name, given)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), panelLimit)
	defer cancel()
	result, err := s.src.Run(ctx, v.Name, given)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body, err := chart.HTML(v, result)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var table template.HTML
	if v.Chart.Type != "table" {
		if table, err = chart.TableHTML(result); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	p := s.page(r, v.Title, struct {
		panel
		Table template.HTML
		SQL   string
	}{panel{View: v, Span: 12, Body: body, Rows: len(result.Rows), Snapshot: result.Snapshot, Query: template.URL(query(given))}, table, sql}) //nolint:gosec // Encode escapes
	p.Filters = filters(v.Params, given)
	s.render(w, "view", http.StatusOK, p)
}

func query(given map[string]string) string {
	q := url.Values{}
	for k, v := range given {
		q.Set(k, v)
	}
	return q.Encode()
}

// liveRows is how many events the live panel shows.
const liveRows = 12

func (s *server) live(w http.ResponseWriter, _ *http.Request) {
	s.render(w, "live", http.StatusOK, s.src.Recent(liveRows))
}

// Summary is the number of rows and the snapshot, in words.
func (p panel) Summary() string {
	return fmt.Sprintf("%s rows · snapshot %d", encode.Thousands(int64(p.Rows)), p.Snapshot)
}
