// Package web is the page: every view that names a page as a panel on it, every view on a page of its own, and the
// newest events as they come. Pages are complete without JavaScript; state is in the address.
package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"terroir"
	"terroir/chart"
	"terroir/encode"
	"terroir/inspect"
	"terroir/views"
)

//go:embed static
var static embed.FS

//go:embed templates/*.tmpl
var templateFiles embed.FS

// Source is what the page shows.
type Source interface {
	// Views are all views; View is the named one, or an ENOTFOUND error.
	Views() []*views.View
	// Page are the views that the page shows, in their order there.
	Page(page string) []*views.View
	View(name string) (*views.View, error)
	// Run runs a view, SQL renders its statement.
	Run(ctx context.Context, name string, params map[string]string) (*views.Result, error)
	SQL(name string, params map[string]string) (string, error)
	// Payload and Family look one up by its id or the beginning of it; the errors are those of package inspect.
	Payload(ctx context.Context, id string) (*inspect.Payload, error)
	Family(ctx context.Context, id string) (*inspect.Family, error)
	// Status is the state of the hub, Recent its newest events, newest first.
	Status(ctx context.Context) (Status, error)
	Recent(n int) []RecentEvent
}

// Status is the state of the hub and its sensors.
type Status struct {
	Sensors []SensorStatus
	// Committed is when the last commit ended; Failure is why the last one failed, or "".
	Committed time.Time
	Failure   string
	Events    int64
}

// SensorStatus is one sensor.
type SensorStatus struct {
	Name, Region string
	Revision     int32
	LastSeen     time.Time
	// State is "up" or "silent".
	State string
}

// RecentEvent is an event as the live panel shows it. Preview is rendered already.
type RecentEvent struct {
	Time                            time.Time
	Sensor, Region, Kind, Transport string
	Source                          string
	Port                            uint16
	AppProto, Preview               string
	Committed                       bool
}

type server struct {
	src       Source
	templates *template.Template
}

// New returns the handler of all pages.
func New(src Source) (http.Handler, error) {
	s := &server{src: src}
	var err error
	s.templates, err = template.New("").Funcs(template.FuncMap{
		"thousands": encode.Thousands,
		"clock":     func(t time.Time) string { return t.UTC().Format("15:04:05") },
	}).ParseFS(templateFiles, "templates/*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.overview)
	mux.HandleFunc("GET /views", s.list)
	mux.HandleFunc("GET /views/{name}", s.view)
	mux.HandleFunc("GET /{page}", s.panelPage)
	mux.HandleFunc("GET /gaps", s.gaps)
	mux.HandleFunc("GET /gaps/overlay.yaml", s.overlay)
	mux.HandleFunc("POST /gaps/apply", s.apply)
	mux.HandleFunc("GET /payloads/{id}", s.payload)
	mux.HandleFunc("GET /families/{id}", s.family)
	mux.HandleFunc("GET /live", s.live)
	mux.HandleFunc("GET /static/chart.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = io.WriteString(w, chart.CSS)
	})
	mux.Handle("GET /static/", http.StripPrefix("/static/", cached(http.FileServerFS(files))))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, terroir.Errorf(terroir.ENOTFOUND, "there is no page %s", r.URL.Path))
	})
	return secure(mux), nil
}

func cached(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=300")
		h.ServeHTTP(w, r)
	})
}

// policy lets a page load nothing but its own style sheet, scripts and pictures, and talk to nobody else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

func secure(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cache-Control", "no-cache")
		h.ServeHTTP(w, r)
	})
}

// page is what every page needs.
type page struct {
	Title, Path string
	// Section is the part of the site that the page belongs to.
	Section string
	// Pages are those that have panels, beside the overview.
	Pages   []pageName
	Query   template.URL
	Status  Status
	Up      int
	Regions int
	Filters []field
	Body    any
}

func (s *server) page(r *http.Request, title string, body any) page {
	p := page{Title: title, Path: r.URL.Path, Section: section(r.URL.Path), Pages: s.pages(), Query: template.URL(r.URL.Query().Encode()), Body: body} //nolint:gosec // Encode escapes
	st, err := s.src.Status(r.Context())
	if err != nil {
		st.Failure = err.Error()
	}
	p.Status = st
	regions := map[string]bool{}
	for _, x := range st.Sensors {
		regions[x.Region] = true
		if x.State == "up" {
			p.Up++
		}
	}
	p.Regions = len(regions)
	return p
}

// pageName is a page and what it is called.
type pageName struct{ Name, Title string }

// first are the pages that come first, in this order.
var first = []string{"regions", "payloads", "gaps"}

// pages are those that views name, without the overview and the page of one payload.
func (s *server) pages() (list []pageName) {
	names := map[string]bool{}
	for _, v := range s.src.Views() {
		for _, p := range v.Pages {
			names[p] = p != "overview" && p != "payload"
		}
	}
	for _, p := range append(slices.Clone(first), slices.Sorted(maps.Keys(names))...) {
		if names[p] {
			names[p] = false
			list = append(list, pageName{p, titleOfPage(p)})
		}
	}
	return list
}

func titleOfPage(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// section is the first part of the path.
func section(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if first == "families" {
		first = "payloads"
	}
	return first
}

func (s *server) render(w http.ResponseWriter, name string, status int, p any) {
	var b bytes.Buffer
	if err := s.templates.ExecuteTemplate(&b, name, p); err != nil {
		slog.Error("web", "error", err)
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // The client went away: nobody is left to tell.
}

// fail shows an error on a page. What is a fault of terroir's own is logged and not shown.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, message := http.StatusInternalServerError, "Something went wrong here; the hub's log has it."
	switch terroir.ErrorCode(err) {
	case terroir.ENOTFOUND:
		status, message = http.StatusNotFound, err.Error()
	case terroir.EINVALID:
		status, message = http.StatusUnprocessableEntity, err.Error()
	case terroir.EUNAUTHORIZED:
		status, message = http.StatusForbidden, err.Error()
	case terroir.ECONFIG:
		status, message = http.StatusUnprocessableEntity, err.Error()
	case terroir.EUNREACHABLE:
		status, message = http.StatusServiceUnavailable, err.Error()
	default:
		slog.Error("web", "path", r.URL.Path, "error", err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		status, message = http.StatusGatewayTimeout, "This took too long; choose a shorter window."
	}
	s.render(w, "error", status, s.page(r, http.StatusText(status), encode.Plain(message)))
}

// params takes from the query what is not empty, each once.
func params(q url.Values) (map[string]string, error) {
	p := map[string]string{}
	for name, values := range q {
		if len(values) > 1 {
			return nil, terroir.Errorf(terroir.EINVALID, "parameter %q is given %d times", name, len(values))
		}
		if v := strings.TrimSpace(values[0]); v != "" {
			p[name] = v
		}
	}
	return p, nil
}
