package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/query"
	"terroir/report"
	"terroir/views"
)

type reportFlags struct {
	source
	views, from, to, output, title string
}

func reportCommand() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use: "report [FILE]", Short: "Write a report of a window: every view with its question, picture, numbers and how to check them",
		Args:    cobra.MaximumNArgs(1),
		Example: "  terroir report --from 2022-06-14 --to 2022-06-21 week.html",
		RunE: func(c *cobra.Command, args []string) error {
			s, err := openStore(c.Context(), f.source, f.views)
			if err != nil {
				return err
			}
			defer s.Close()
			if err := pinReport(c.Context(), s, &f); err != nil {
				return err
			}
			r, err := makeReport(c.Context(), s, &f)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return writeReport(c.OutOrStdout(), f.form(""), r)
			}
			return reportFile(args[0], f.form(args[0]), r)
		},
	}
	sourceFlags(c, &f.source)
	snapshotFlag(c, &f.source)
	viewsFlag(c, &f.views)
	c.Flags().StringVar(&f.from, "from", "", "events at or after this time")
	c.Flags().StringVar(&f.to, "to", "", "events before this time")
	c.Flags().StringVar(&f.title, "title", "", "title of the report")
	c.Flags().StringVarP(&f.output, "output", "o", "", "html|md (default: by the file's name, md on standard output)")
	return c
}

// pinReport makes all of the report's views see one snapshot, whatever is committed meanwhile.
func pinReport(ctx context.Context, s *store, f *reportFlags) error {
	if f.snapshot != 0 {
		return nil // As openStore did.
	}
	snapshot, err := s.lake.Snapshot(ctx, "events")
	if err != nil || snapshot == 0 {
		return err
	}
	return s.pin(ctx, snapshot)
}

func (f *reportFlags) form(file string) string {
	if f.output != "" {
		return f.output
	}
	if ext := filepath.Ext(file); ext == ".html" || ext == ".htm" {
		return "html"
	}
	return "md"
}

// chapters are the pages of which a report is made, and their headings.
var chapters = []struct{ page, heading string }{{"overview", ""}, {"regions", "Is it regional?"}, {"payloads", "What was sent"}, {"gaps", "What the configuration misses"}}

// makeReport runs the views of the pages over the window. Views in which there is nothing are only named.
func makeReport(ctx context.Context, s *store, f *reportFlags) (*report.Report, error) {
	r := &report.Report{Title: f.title, Generated: time.Now().UTC()}
	if r.Title == "" {
		r.Title = "What the regions see"
	}
	given := map[string]string{}
	for name, value := range map[string]string{"from": f.from, "to": f.to} {
		if value != "" {
			given[name] = value
		}
	}
	kind, err := kindOfAll(ctx, s)
	if err != nil {
		return nil, err
	}
	if kind != "" {
		given["kind"] = kind
		r.Note = "There are no payloads: what follows is about attempts of every kind."
	}
	told := map[string]bool{}
	for _, c := range chapters {
		heading := c.heading
		for _, v := range s.views.Page(c.page) {
			if told[v.Name] {
				continue
			}
			told[v.Name] = true
			section, err := reportSection(ctx, s, v, v.Taken(given), f.source)
			if err != nil {
				return nil, err
			}
			if section.Result != nil {
				r.Snapshot = section.Result.Snapshot
				if len(section.Result.Rows) == 0 {
					r.Empty = append(r.Empty, v.Title)
					continue
				}
			}
			section.Chapter, heading = heading, ""
			r.Sections = append(r.Sections, section)
		}
	}
	return r, window(ctx, s, f, r)
}

// kindOfAll is "any" where no event has a payload, which views show by default, and else "".
func kindOfAll(ctx context.Context, s *store) (string, error) {
	r, err := s.engine.Query(ctx, "SELECT count(*) AS n, sum(CASE WHEN kind = 'payload' THEN 1 ELSE 0 END) AS payloads FROM events")
	if err != nil {
		return "", err
	}
	n, _ := r.Rows[0][0].(int64)
	payloads, _ := r.Rows[0][1].(int64)
	if n > 0 && payloads == 0 {
		return "any", nil
	}
	return "", nil
}

// window sets the period: what was asked for, or that of the events.
func window(ctx context.Context, s *store, f *reportFlags, r *report.Report) error {
	seen, err := s.engine.Query(ctx, "SELECT min(ts), max(ts) FROM events")
	if err != nil {
		return err
	}
	r.From, _ = seen.Rows[0][0].(time.Time)
	r.To, _ = seen.Rows[0][1].(time.Time)
	for _, end := range []struct {
		text string
		into *time.Time
	}{{f.from, &r.From}, {f.to, &r.To}} {
		if end.text == "" {
			continue
		}
		if *end.into, err = views.ParseTime(end.text); err != nil {
			return usage(err)
		}
	}
	return nil
}

func reportSection(ctx context.Context, s *store, v *views.View, params map[string]string, src source) (report.Section, error) {
	section := report.Section{View: v, Command: command(v, params, src)}
	var err error
	if section.SQL, err = v.Shown(params); err != nil {
		return section, usage(err)
	}
	section.Result, section.Err = query.Run(ctx, s.engine, v, params)
	if ctx.Err() != nil {
		return section, ctx.Err()
	}
	return section, nil
}

// command is the command line that prints the same numbers.
func command(v *views.View, params map[string]string, src source) string {
	parts := []string{"terroir view", v.Name, "--dir", shellWord(src.dir)}
	if src.config != "" {
		parts = []string{"terroir view", v.Name, "--config", shellWord(src.config)}
	}
	for _, p := range v.Params {
		if value, ok := params[p.Name]; ok {
			parts = append(parts, "--param", shellWord(p.Name+"="+value))
		}
	}
	return strings.Join(parts, " ")
}

func shellWord(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_./=:,", r)
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func writeReport(w io.Writer, form string, r *report.Report) error {
	switch form {
	case "html":
		return report.HTML(w, *r)
	case "md":
		return report.Markdown(w, *r)
	}
	return terroir.Errorf(terroir.EUSAGE, "--output %q is not one of html, md", form)
}

// reportFile writes beside and renames: a reader never sees half a report.
func reportFile(file, form string, r *report.Report) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".report-*")
	if err != nil {
		return &terroir.Error{Code: terroir.EUNREACHABLE, Where: file, Message: "cannot write the report", Err: err}
	}
	defer os.Remove(tmp.Name())
	if err := writeReport(tmp, form, r); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return &terroir.Error{Code: terroir.EUNREACHABLE, Where: file, Message: "cannot write the report", Err: err}
	}
	return os.Rename(tmp.Name(), file)
}
