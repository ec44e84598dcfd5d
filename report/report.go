// Package report writes a window's views as one document: each with its question, what it says in a sentence, its
// picture and numbers, what they do not mean, and how to check them.
package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"terroir/chart"
	"terroir/encode"
	"terroir/views"
)

// Report is a document.
type Report struct {
	Title string
	// From and To bound the window; Generated is when the report was made.
	From, To, Generated time.Time
	// Snapshot is that of the table events.
	Snapshot int64
	Sections []Section
	// Empty are the titles of views in which there was nothing; Note is said at the beginning.
	Empty []string
	Note  string
}

// Section is one view in the document.
type Section struct {
	// Chapter is the heading that stands before the section, or "".
	Chapter string
	View    *views.View
	Result  *views.Result
	// SQL is the statement that was run, Command the command line that runs it.
	SQL, Command string
	// Err is why there is no result.
	Err error
}

//go:embed report.tmpl
var page string

//go:embed report.css
var pageCSS string

// style is the page's style sheet; its hash lets the page's own policy allow this one and no other.
var (
	style     = chart.CSS + pageCSS
	styleHash = sha256.Sum256([]byte(style))
)

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"day":  func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04") },
	"says": Says,
}).Parse(page))

// HTML writes the report as one page that needs nothing else.
func HTML(w io.Writer, r Report) error {
	type section struct {
		Section
		Body template.HTML
	}
	data := struct {
		Report
		Style    template.HTML
		Policy   string
		Sections []section
	}{Report: r, Style: template.HTML("<style>" + style + "</style>"), //nolint:gosec // our own style sheet, as it was hashed
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(styleHash[:]) + "'"}
	for _, s := range r.Sections {
		x := section{Section: s}
		if s.Err == nil {
			body, err := chart.HTML(s.View, s.Result)
			if err != nil {
				return fmt.Errorf("report: view %s: %w", s.View.Name, err)
			}
			x.Body = body
		}
		data.Sections = append(data.Sections, x)
	}
	if err := pageTemplate.Execute(w, data); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Markdown writes the report as text.
func Markdown(w io.Writer, r Report) error {
	if _, err := fmt.Fprintf(w, "# %s\n\n%s to %s (UTC), snapshot %d. Made on %s.\n\n", encode.Plain(r.Title),
		r.From.UTC().Format("2006-01-02 15:04"), r.To.UTC().Format("2006-01-02 15:04"), r.Snapshot, r.Generated.UTC().Format("2006-01-02 15:04")); err != nil {
		return err
	}
	if r.Note != "" {
		if _, err := fmt.Fprintf(w, "%s\n\n", encode.Plain(r.Note)); err != nil {
			return err
		}
	}
	for _, s := range r.Sections {
		if err := markdownSection(w, s); err != nil {
			return err
		}
	}
	if len(r.Empty) > 0 {
		_, err := fmt.Fprintf(w, "There was nothing in: %s.\n", encode.Plain(strings.Join(r.Empty, ", ")))
		return err
	}
	return nil
}

func markdownSection(w io.Writer, s Section) error {
	if s.Chapter != "" {
		if _, err := fmt.Fprintf(w, "# %s\n\n", encode.Plain(s.Chapter)); err != nil {
			return err
		}
	}
	if s.Err != nil {
		_, err := fmt.Fprintf(w, "## %s\n\nNot available: %s\n\n", s.View.Title, encode.Plain(s.Err.Error()))
		return err
	}
	table, cutRows, cutColumns := chart.Pivot(s.View, s.Result)
	if err := encode.Markdown(w, s.View, table); err != nil {
		return err
	}
	if cutRows+cutColumns > 0 {
		if _, err := fmt.Fprintf(w, "\n%d rows and %d columns with less are not shown.\n", cutRows, cutColumns); err != nil {
			return err
		}
	}
	says := Says(s)
	if says != "" {
		says = "\n" + says + "\n"
	}
	_, err := fmt.Fprintf(w, "%s\nCheck it: `%s`\n\n", says, strings.ReplaceAll(encode.Plain(s.Command), "`", "'"))
	return err
}
