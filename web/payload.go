package web

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"terroir"
	"terroir/defang"
	"terroir/encode"
	"terroir/inspect"
	"terroir/payload/render"
	"terroir/views"
)

// Bounds of what a page shows of a payload, in bytes, and of a step's text, in characters.
const (
	maxText = 8 << 10
	maxHex  = 2 << 10
	maxStep = 600
)

// step is a step of decoding as the page shows it.
type step struct {
	terroir.Step
	Shown string
}

// steps are shown defanged.
func steps(list []terroir.Step) []step {
	out := make([]step, len(list))
	shownAt := map[string]bool{}
	for i, s := range list {
		shown := []rune(encode.Plain(defang.Text(s.Text)))
		if len(shown) > maxStep {
			shown = append(shown[:maxStep], '…')
		}
		s.Note = encode.Plain(defang.Text(s.Note))
		out[i] = step{s, string(shown)}
		if shownAt[s.Text] && s.Note != "" {
			out[i].Shown = ""
		}
		shownAt[s.Text] = true
	}
	return out
}

// piece is a part of what a family shares, as the page shows it.
type piece struct {
	Text, Title string
	Slot        bool
	Distinct    int
}

// maxValue is how many characters of a slot's value are shown.
const maxValue = 120

func piecesOf(list []inspect.Piece) []piece {
	out := make([]piece, len(list))
	for i, p := range list {
		out[i] = piece{Text: linesOf(p.Text), Slot: p.Slot, Distinct: p.Distinct}
		for _, v := range p.Values {
			out[i].Title += defang.Text(render.Bytes([]byte(v), maxValue)) + "\n"
		}
	}
	return out
}

// leastAlike is below which another family is not called near.
const leastAlike = 0.1

func near(list []inspect.Neighbour) (out []inspect.Neighbour) {
	for _, n := range list {
		if n.Similarity >= leastAlike {
			n.Name = encode.Plain(defang.Text(n.Name))
			out = append(out, n)
		}
	}
	return out
}

// panelPage shows the views that name the page, with the shared parameters.
func (s *server) panelPage(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("page")
	if !slices.ContainsFunc(s.pages(), func(p pageName) bool { return p.Name == name }) {
		s.fail(w, r, terroir.Errorf(terroir.ENOTFOUND, "there is no page %s", r.URL.Path))
		return
	}
	given, err := sharedParams(r.URL.Query(), name)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	p := s.page(r, titleOfPage(name), struct{ Panels []panel }{s.panels(r.Context(), s.src.Page(name), given)})
	p.Filters = filters(views.SharedParams(), given)
	s.render(w, "panels", http.StatusOK, p)
}

// sharedParams are the parameters of the query, which must be such as views share.
func sharedParams(q url.Values, page string) (map[string]string, error) {
	given, err := params(q)
	if err != nil {
		return nil, err
	}
	for name := range given {
		if !slices.ContainsFunc(views.SharedParams(), func(p views.Param) bool { return p.Name == name }) {
			return nil, terroir.Errorf(terroir.EINVALID, "the page %s has no parameter %q", page, name)
		}
	}
	return given, nil
}

// subject is what the page of a payload or a family is about.
type subject struct {
	Kind, ID, Title, Says string
	// Example is the payload whose steps are shown.
	Example string
	Tags    []string
	Steps   []step
	// Text and Hex are the payload; Pieces what a family shares, with its slots.
	Text, Hex string
	Cut       int
	// Pieces are the vehicle's, Carried the cargo's.
	Pieces     []piece
	Carried    []piece
	Neighbours []inspect.Neighbour
	Links      []link
	// Wide and Narrow are the panels of the two columns.
	Wide, Narrow []panel
}

type link struct{ Text, To string }

func (s *server) payload(w http.ResponseWriter, r *http.Request) {
	given, err := sharedParams(r.URL.Query(), "payload")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	p, err := s.src.Payload(r.Context(), r.PathValue("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	b := subject{Kind: "payload", ID: p.ID, Title: titleOf(p), Tags: p.Tags, Steps: steps(p.Steps), Example: p.ID, Text: textOf(p.Bytes), Hex: hexOf(p.Bytes),
		Cut: max(0, len(p.Bytes)-maxText)}
	if p.Family != "" {
		b.Links = append(b.Links, link{"family " + encode.Plain(inspect.NameOf(p.Vehicle, p.Cargo)), "/families/" + p.Family})
	}
	s.subject(w, r, &b, given)
}

func (s *server) family(w http.ResponseWriter, r *http.Request) {
	given, err := sharedParams(r.URL.Query(), "family")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	f, err := s.src.Family(r.Context(), r.PathValue("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	b := subject{Kind: "family", ID: f.ID, Title: encode.Plain(inspect.NameOf(f.Vehicle, f.Cargo)), Pieces: piecesOf(f.Pieces), Neighbours: near(f.Neighbours)}
	if f.CargoFrom > 0 {
		b.Pieces, b.Carried = b.Pieces[:f.CargoFrom], b.Pieces[f.CargoFrom:]
	}
	if f.Example != "" {
		p, err := s.src.Payload(r.Context(), f.Example)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		b.Steps, b.Tags, b.Example = steps(p.Steps), p.Tags, p.ID
		b.Links = append(b.Links, link{"an example", "/payloads/" + p.ID})
	}
	s.subject(w, r, &b, given)
}

// summaryView has the one row that is said in words.
const summaryView = "payload-summary"

// run runs the view with those of the given values that it takes.
func (s *server) run(ctx context.Context, view string, given map[string]string) (*views.Result, error) {
	v, err := s.src.View(view)
	if err != nil {
		return nil, err
	}
	return s.src.Run(ctx, view, v.Taken(given))
}

// narrowBelow is the span from which on a panel stands in the wide column.
const narrowBelow = 6

// subject shows the views of the page "payload" for one payload or family.
func (s *server) subject(w http.ResponseWriter, r *http.Request, b *subject, given map[string]string) {
	given[b.Kind] = b.ID
	says, err := s.run(r.Context(), summaryView, given)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	b.Says = summary(says)
	for _, p := range s.panels(r.Context(), s.src.Page("payload"), given) {
		if p.Span < narrowBelow {
			b.Narrow = append(b.Narrow, p)
		} else {
			b.Wide = append(b.Wide, p)
		}
	}
	delete(given, b.Kind)
	p := s.page(r, b.Title, b)
	p.Filters = filters(views.SharedParams(), given)
	s.render(w, "subject", http.StatusOK, p)
}

// summary is the one row of payload-summary in words.
func summary(r *views.Result) string {
	if len(r.Rows) == 0 {
		return ""
	}
	get := func(column string) any { return r.Rows[0][r.Index(column)] }
	human := func(column string) string { return encode.Human(get(column), column) }
	if n, ok := get("payload_events").(int64); !ok || n == 0 {
		return "Nothing of it in this window."
	}
	counted := func(column, one, many string) string {
		if get(column) == int64(1) {
			return "1 " + one
		}
		return human(column) + " " + many
	}
	return fmt.Sprintf("%s with %s of %s, from %s in %s and %s, in %s of %s, to port %s; first %s, last %s.",
		counted("payload_events", "event", "events"), counted("distinct_payloads", "distinct payload", "distinct payloads"),
		counted("templates", "template", "templates"), counted("sources", "source", "sources"), counted("networks", "network", "networks"),
		counted("countries", "country", "countries"), human("reach"), counted("places", "place", "places"), strings.ReplaceAll(human("ports"), " ", ", "), human("first_seen"), human("last_seen"))
}

func titleOf(p *inspect.Payload) string {
	switch {
	case p.Label != "":
		return encode.Plain(p.AppProto + ": " + p.Label)
	case p.AppProto != "":
		return "a payload that speaks " + encode.Plain(p.AppProto)
	}
	return "a payload of no known protocol"
}

// textOf shows the bytes with their lines.
func textOf(b []byte) string {
	b = b[:min(len(b), maxText)]
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		body := strings.TrimRight(line, "\r\n")
		out.WriteString(render.Bytes([]byte(body), maxText))
		out.WriteString(render.Bytes([]byte(line[len(body):]), 8))
		if strings.HasSuffix(line, "\n") {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// linesOf shows a text whose lines are its own, not a stranger's.
func linesOf(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = render.Bytes([]byte(line), maxText)
	}
	return strings.Join(lines, "\n")
}

func hexOf(b []byte) string { return hex.Dump(b[:min(len(b), maxHex)]) }
