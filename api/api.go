// Package api is the HTTP interface: every view under /api/v1/views, the hub's state, and a description of it all in
// OpenAPI 3.1 that is made from the views themselves.
package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"terroir"
	"terroir/encode"
	"terroir/inspect"
	"terroir/views"
)

// Source is what the interface shows.
type Source interface {
	// Payload and Family look one up by its id or the beginning of it.
	Payload(ctx context.Context, id string) (*inspect.Payload, error)
	Family(ctx context.Context, id string) (*inspect.Family, error)
	// Views are all views, by name.
	Views() []*views.View
	// View is the named one, or an ENOTFOUND error.
	View(name string) (*views.View, error)
	// Run runs a view. See query.Run for the errors.
	Run(ctx context.Context, name string, params map[string]string) (*views.Result, error)
	// State is the hub's state, as JSON shows it.
	State(ctx context.Context) (any, error)
}

// queryLimit bounds one query.
const queryLimit = 60 * time.Second

type server struct {
	src Source
}

// New returns the handler for everything below /api/.
func New(src Source, version string) http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("terroir", version)
	config.Info.Description = "What each region sees that others do not. Every view is one statement over the same tables; " +
		"its text comes with .sql."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "/api/v1/openapi", "", ""
	doc := humago.New(mux, config).OpenAPI()
	s := &server{src}
	for _, v := range src.Views() {
		doc.AddOperation(operation(v))
	}
	doc.AddOperation(&huma.Operation{OperationID: "list-views", Method: http.MethodGet, Path: "/api/v1/views", Summary: "The views",
		Responses: map[string]*huma.Response{"200": {Description: "name, title, question, parameters and columns of each"}}})
	doc.AddOperation(&huma.Operation{OperationID: "state", Method: http.MethodGet, Path: "/api/v1/state", Summary: "The hub's state",
		Responses: map[string]*huma.Response{"200": {Description: "sensors, counts and the last commit"}}})
	mux.HandleFunc("GET /api/v1/views", s.list)
	mux.HandleFunc("GET /api/v1/views/{file}", s.view)
	mux.HandleFunc("GET /api/v1/state", s.state)
	one(mux, doc, "payload", "/api/v1/payloads/{id}", src.Payload)
	one(mux, doc, "family", "/api/v1/families/{id}", src.Family)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, terroir.Errorf(terroir.ENOTFOUND, "nothing at %s", r.URL.Path))
	})
	return headers(mux)
}

// one answers for things that are looked up by their id.
func one[T any](mux *http.ServeMux, doc *huma.OpenAPI, what, path string, find func(context.Context, string) (T, error)) {
	doc.AddOperation(&huma.Operation{OperationID: what, Method: http.MethodGet, Path: path, Summary: "One " + what,
		Parameters: []*huma.Param{{Name: "id", In: "path", Required: true, Description: "its id, or the first digits of it", Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses:  map[string]*huma.Response{"200": {Description: "what is known of it; bytes are in base64"}, "404": {Description: "none has this id"}}})
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		found, err := find(r.Context(), r.PathValue("id"))
		if err != nil {
			problem(w, err)
			return
		}
		writeJSON(w, found)
	})
}

// operation describes a view. The format is part of the path's last segment.
func operation(v *views.View) *huma.Operation {
	op := &huma.Operation{
		OperationID: v.Name, Method: http.MethodGet, Path: "/api/v1/views/" + v.Name + ".{format}",
		Summary: v.Title, Description: v.Question, Tags: []string{"views"},
		Parameters: []*huma.Param{{Name: "format", In: "path", Required: true,
			Schema: &huma.Schema{Type: huma.TypeString, Enum: formatNames()}}},
		Responses: map[string]*huma.Response{
			"200": {Description: columnsText(v), Content: map[string]*huma.MediaType{}},
			"404": {Description: "no such view or format"}, "422": {Description: "a parameter is wrong"}},
	}
	for _, f := range formats {
		op.Responses["200"].Content[f.media] = &huma.MediaType{}
	}
	for _, p := range v.Params {
		op.Parameters = append(op.Parameters, &huma.Param{Name: p.Name, In: "query", Description: p.Meaning, Schema: schema(&p)})
	}
	return op
}

func columnsText(v *views.View) string {
	var b strings.Builder
	b.WriteString("Columns:")
	for _, c := range v.Columns {
		fmt.Fprintf(&b, "\n- %s (%s", c.Name, c.Type)
		if c.Unit != "" {
			b.WriteString(", " + c.Unit)
		}
		fmt.Fprintf(&b, "): %s", c.Meaning)
	}
	return b.String()
}

func schema(p *views.Param) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	if p.Default != "" {
		s.Default = p.Default
	}
	switch p.Type {
	case "int":
		s.Type = huma.TypeInteger
		if n, err := strconv.ParseInt(p.Default, 10, 64); err == nil {
			s.Default = n
		}
		s.Minimum, s.Maximum = bound(p.Min), bound(p.Max)
	case "enum":
		for _, e := range p.Values {
			s.Enum = append(s.Enum, e.Name)
		}
	case "time":
		s.Format = "date-time"
	}
	return s
}

func bound(n *int64) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}

func (s *server) list(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.src.Views()) }

func (s *server) state(w http.ResponseWriter, r *http.Request) {
	state, err := s.src.State(r.Context())
	if err != nil {
		problem(w, err)
		return
	}
	writeJSON(w, state)
}

func writeJSON(w http.ResponseWriter, v any) {
	b, err := encode.Marshal(v)
	if err != nil {
		problem(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n')) // The client went away: nobody is left to tell.
}

// headers are those of every answer: nothing here is a page, and nothing is to be guessed.
func headers(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-cache")
		h.ServeHTTP(w, r)
	})
}
