package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"terroir"
	"terroir/chart"
	"terroir/encode"
	"terroir/views"
)

// formats are the forms in which a view comes, by extension.
var formats = []struct {
	name, media string
	write       func(io.Writer, *views.View, *views.Result) error
}{
	{"json", "application/json", func(w io.Writer, _ *views.View, r *views.Result) error { return encode.JSON(w, r) }},
	{"ndjson", "application/x-ndjson", func(w io.Writer, _ *views.View, r *views.Result) error { return encode.NDJSON(w, r) }},
	{"csv", "text/csv; charset=utf-8", func(w io.Writer, _ *views.View, r *views.Result) error { return encode.CSV(w, r) }},
	{"parquet", "application/vnd.apache.parquet", func(w io.Writer, _ *views.View, r *views.Result) error { return encode.Parquet(w, r) }},
	{"md", "text/markdown; charset=utf-8", encode.Markdown},
	{"svg", "image/svg+xml", func(w io.Writer, v *views.View, r *views.Result) error { return chart.SVG(w, v, r, chart.Light) }},
}

func formatNames() []any {
	names := make([]any, 0, len(formats)+1)
	for _, f := range formats {
		names = append(names, f.name)
	}
	return append(names, "sql")
}

func (s *server) view(w http.ResponseWriter, r *http.Request) {
	ext := path.Ext(r.PathValue("file"))
	v, err := s.src.View(strings.TrimSuffix(r.PathValue("file"), ext))
	if err != nil {
		problem(w, err)
		return
	}
	params, err := single(r.URL.Query())
	if err != nil {
		problem(w, err)
		return
	}
	switch ext {
	case "":
		writeJSON(w, v)
	case ".sql":
		s.sql(w, v, params)
	default:
		s.result(w, r, v, ext[1:], params)
	}
}

// single takes each parameter once. An empty value is the same as none: forms send those.
func single(q url.Values) (map[string]string, error) {
	params := map[string]string{}
	for name, values := range q {
		if len(values) > 1 {
			return nil, terroir.Errorf(terroir.EINVALID, "parameter %q is given %d times", name, len(values))
		}
		if values[0] != "" {
			params[name] = values[0]
		}
	}
	return params, nil
}

func (s *server) sql(w http.ResponseWriter, v *views.View, params map[string]string) {
	statement, err := v.Shown(params)
	if err != nil {
		problem(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, statement+"\n")
}

func (s *server) result(w http.ResponseWriter, r *http.Request, v *views.View, format string, params map[string]string) {
	for _, f := range formats {
		if f.name != format {
			continue
		}
		ctx, cancel := context.WithTimeout(r.Context(), queryLimit)
		defer cancel()
		res, err := s.src.Run(ctx, v.Name, params)
		var b bytes.Buffer
		if err == nil {
			err = f.write(&b, v, res)
		}
		if err != nil {
			problem(w, err)
			return
		}
		w.Header().Set("Content-Type", f.media)
		w.Header().Set("Terroir-Snapshot", fmt.Sprint(res.Snapshot))
		_, _ = w.Write(b.Bytes())
		return
	}
	problem(w, terroir.Errorf(terroir.ENOTFOUND, "view %s has no format %q", v.Name, format))
}
