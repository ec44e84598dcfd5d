package web

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"terroir"
	"terroir/auth"
	"terroir/encode"
	"terroir/views"
)

// Choice is a change to what the sensors of a region serve, as somebody chose it on the page.
type Choice struct {
	Region string
	// Ports are TRANSPORT/PORT, such as tcp/5601.
	Ports []string
	// Days is after how many days the change ends by itself; 0: never.
	Days int
}

// Proposal is a choice as an overlay, and what it would change.
type Proposal struct {
	// YAML is the overlay, Diff what it changes on each sensor; Sensors is how many these are. Why says why there is no Diff.
	YAML, Diff, Why string
	Sensors         int
}

// Rollout is an overlay that was rolled out, or is being.
type Rollout struct {
	ID                   int
	Region, State, About string
	Begun                time.Time
	Open                 bool
}

// Rollouts is what the page needs to change something; a Source that has it shows the page "gaps" with a form.
type Rollouts interface {
	// Propose makes an overlay of the choice; what no sensor could serve is an EINVALID or ECONFIG error.
	Propose(ctx context.Context, c Choice) (Proposal, error)
	// Apply begins to roll the choice out, to so many sensors first, and returns once that is under way.
	Apply(ctx context.Context, c Choice, canary int, wait time.Duration, by string) error
	// History lists rollouts, the newest first.
	History(ctx context.Context) ([]Rollout, error)
}

const (
	// recommendView is the view whose rows are offered.
	recommendView = "recommend"
	// maxChosen bounds how many ports are chosen at a time, defaultPorts is how many are offered.
	maxChosen    = 200
	defaultPorts = "12"
)

// offered are the columns of the recommendation that the page has room for; the view has all.
var offered = []string{"rank", "service", "gain", "gain_low", "gain_high", "sources", "all_sources", "networks", "countries", "reason"}

// gapsPage is the body of the page.
type gapsPage struct {
	Panels []panel
	// Region is whose ports are offered, Regions those that there are.
	Region  string
	Regions []string
	Days    int
	Columns []views.Column
	Rows    []offer
	Err     string
	// Query is that of the choice, for the overlay as a file.
	Query    string
	Shown    bool
	Proposal Proposal
	Wrong    string
	History  []Rollout
	// Operator may change something; Name is who that is.
	Operator bool
	Name     string
}

// offer is a row of the recommendation; Port is "" for one that is not recommended.
type offer struct {
	Port    string
	Checked bool
	Cells   []string
}

func (s *server) gaps(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c, shown, err := choiceOf(q)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	given, err := sharedParams(q, "gaps")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	who := auth.Of(r.Context())
	b := &gapsPage{Region: c.Region, Regions: s.regions(r.Context(), given), Days: c.Days, Shown: shown, Operator: who.Role == auth.Operator, Name: who.Name}
	if b.Region == "" && len(b.Regions) > 0 {
		b.Region, c.Region = b.Regions[0], b.Regions[0]
	}
	s.offers(r.Context(), b, &c, given)
	others := slices.DeleteFunc(s.src.Page("gaps"), func(v *views.View) bool { return v.Name == recommendView })
	b.Panels = s.panels(r.Context(), others, with(given, "region", b.Region))
	s.propose(r.Context(), b, c)
	p := s.page(r, "Gaps", b)
	p.Filters = filters(views.SharedParams(), given)
	s.render(w, "gaps", http.StatusOK, p)
}

// choiceOf takes the choice out of a query; shown says that somebody chose. What is left are the shared parameters.
func choiceOf(q url.Values) (c Choice, shown bool, err error) {
	c = Choice{Region: strings.TrimSpace(q.Get("region")), Ports: slices.Compact(slices.Sorted(slices.Values(q["port"]))), Days: 14}
	shown = q.Get("chosen") != ""
	if d := q.Get("days"); d != "" {
		if c.Days, err = strconv.Atoi(d); err != nil || c.Days < 0 || c.Days > 3650 {
			return c, shown, terroir.Errorf(terroir.EINVALID, "days %q: want 0 to 3650", d)
		}
	}
	if c.Region != "" {
		if err := terroir.ValidateName("region", c.Region); err != nil {
			return c, shown, err
		}
	}
	if len(c.Ports) > maxChosen {
		return c, shown, terroir.Errorf(terroir.EINVALID, "more than %d ports", maxChosen)
	}
	for _, name := range []string{"region", "port", "chosen", "days"} {
		q.Del(name)
	}
	return c, shown, nil
}

// with are the given values and more: names and values in turn.
func with(given map[string]string, more ...string) map[string]string {
	all := maps.Clone(given)
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

// regions are those of the window.
func (s *server) regions(ctx context.Context, given map[string]string) (list []string) {
	ctx, cancel := context.WithTimeout(ctx, panelLimit)
	defer cancel()
	r, err := s.run(ctx, "region-summary", with(given, "kind", "any"))
	if err != nil {
		return nil
	}
	for _, row := range r.Rows {
		if place, ok := row[r.Index("place")].(string); ok {
			list = append(list, place)
		}
	}
	slices.Sort(list)
	return list
}

// offers runs the recommendation for the region.
func (s *server) offers(ctx context.Context, b *gapsPage, c *Choice, given map[string]string) {
	ctx, cancel := context.WithTimeout(ctx, panelLimit)
	defer cancel()
	r, err := s.run(ctx, recommendView, with(given, "region", b.Region, "ports", defaultPorts))
	if err != nil {
		b.Err = encode.Plain(err.Error())
		return
	}
	transport, port, rank := r.Index("transport"), r.Index("port"), r.Index("rank")
	for _, name := range offered {
		if i := r.Index(name); i >= 0 {
			b.Columns = append(b.Columns, r.Columns[i])
		}
	}
	for _, row := range r.Rows {
		o := offer{Checked: !b.Shown}
		name := fmt.Sprintf("%v/%v", row[transport], row[port])
		if row[rank] != nil {
			o.Port = name
			o.Checked = o.Checked || slices.Contains(c.Ports, name)
		}
		o.Cells = append(o.Cells, encode.Plain(name))
		for _, col := range b.Columns {
			o.Cells = append(o.Cells, encode.Shown(r.Columns, row, r.Index(col.Name)))
		}
		if o.Port != "" && o.Checked && !b.Shown {
			c.Ports = append(c.Ports, o.Port)
		}
		b.Rows = append(b.Rows, o)
	}
}

// propose shows what the choice would change, and what was changed before.
func (s *server) propose(ctx context.Context, b *gapsPage, c Choice) {
	changes, ok := s.src.(Rollouts)
	if !ok {
		return
	}
	q := url.Values{"region": {c.Region}, "port": c.Ports, "days": {strconv.Itoa(c.Days)}}
	b.Query = q.Encode()
	var err error
	if len(c.Ports) > 0 && c.Region != "" {
		if b.Proposal, err = changes.Propose(ctx, c); err != nil {
			b.Wrong = encode.Plain(err.Error())
		}
	}
	if b.History, err = changes.History(ctx); err != nil {
		b.Wrong = encode.Plain(err.Error())
	}
	for i := range b.History {
		b.History[i].About = encode.Plain(b.History[i].About)
	}
	b.History = b.History[:min(len(b.History), 10)]
}

// overlay is the choice as a file.
func (s *server) overlay(w http.ResponseWriter, r *http.Request) {
	c, _, err := choiceOf(r.URL.Query())
	changes, ok := s.src.(Rollouts)
	if err == nil && !ok {
		err = terroir.Errorf(terroir.ENOTFOUND, "there is no page %s", r.URL.Path)
	}
	var p Proposal
	if err == nil {
		p, err = changes.Propose(r.Context(), c)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Content-Disposition", `attachment; filename="overlay.yaml"`)
	_, _ = w.Write([]byte(p.YAML)) // The client went away: nobody is left to tell.
}

// maxForm bounds a form.
const maxForm = 64 << 10

// apply begins a rollout. Only an operator may: where nobody has to say who he is, nobody is one.
func (s *server) apply(w http.ResponseWriter, r *http.Request) {
	who := auth.Of(r.Context())
	changes, ok := s.src.(Rollouts)
	if !ok || who.Role != auth.Operator {
		s.fail(w, r, &terroir.Error{Code: terroir.EUNAUTHORIZED, Message: "only an operator may change what sensors serve",
			Hint: "configure page.users (terroir hub user NAME --role operator), or use terroir config apply"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, terroir.Errorf(terroir.EINVALID, "the form cannot be read"))
		return
	}
	canary, wait := 0, time.Duration(0)
	if r.PostForm.Get("how") == "canary" {
		canary, wait = 1, 30*time.Minute
	}
	c, _, err := choiceOf(r.Form)
	if err == nil && (len(c.Ports) == 0 || c.Region == "") {
		err = terroir.Errorf(terroir.EINVALID, "choose a region and at least one port")
	}
	if err == nil {
		err = changes.Apply(r.Context(), c, canary, wait, who.Name)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/gaps?region="+url.QueryEscape(c.Region), http.StatusSeeOther)
}
