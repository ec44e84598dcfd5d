package steps

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"terroir/measure"
)

// gap is what one place misses: its sources, and what the new regional ones of them want.
type gap struct {
	place   string
	names   []string
	sources []measure.SourceLoss
	values  []float64
	facts   []sourceFacts
	wants   []want
	ports   map[measure.Port]frequent
}

type sourceFacts struct{ country, network, block string }

// want is an attempt of a new regional source on a port and day.
type want struct {
	measure.DayWant
	first, last int64
}

// frequent says who tried a port.
type frequent struct{ sources, heard, declared, wide int64 }

// gaps are all places, and what is the same for all.
type gaps struct {
	places []*gap
	// world are the most tried ports of all places.
	world []measure.Port
	// served says how many sensors of a place serve a port now.
	served      map[string]map[measure.Port]int64
	services    map[measure.Port]string
	first, last int
}

func portName(p measure.Port) string { return fmt.Sprintf("%s/%d", p.Transport, p.Number) }

func portNames(ports []measure.Port) string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = portName(p)
	}
	return strings.Join(names, " ")
}

func comparePorts(a, b measure.Port) int {
	return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Transport, b.Transport))
}

// gapColumns are the columns of the input, in the order in which gapRow has them.
var gapColumns = []string{"what", "place", "source", "transport", "port", "day", "n", "served", "unserved", "heard", "declared", "reach", "class", "network", "country",
	"block", "first", "last"}

// gapRow is a row of the input.
type gapRow struct {
	what, place, source                              string
	port                                             measure.Port
	day, n, served, unserved, heard, declared, reach int64
	class, network, country, block                   string
	first, last                                      int64
}

func (in *input) gapRows() ([]gapRow, error) {
	at, err := in.at(gapColumns...)
	if err != nil {
		return nil, err
	}
	rows := make([]gapRow, len(in.rows))
	for i, r := range in.rows {
		t := func(c int) string { return text(r[at[c]]) }
		n := func(c int) int64 { return count(r[at[c]]) }
		rows[i] = gapRow{t(0), t(1), t(2), measure.Port{Transport: t(3), Number: uint16(n(4))}, n(5), n(6), n(7), n(8), n(9), n(10), n(11), t(12), t(13), t(14), t(15), n(16), n(17)}
	}
	order(rows, func(a, b *gapRow) int {
		return cmp.Or(cmp.Compare(a.what, b.what), cmp.Compare(a.place, b.place), cmp.Compare(a.source, b.source), comparePorts(a.port, b.port), cmp.Compare(a.day, b.day))
	})
	return rows, nil
}

// gaps sorts the rows by place. Sources are numbered in the order of their names, so the order of the rows does not matter.
func (in *input) gaps() (*gaps, error) {
	rows, err := in.gapRows()
	if err != nil {
		return nil, err
	}
	g := &gaps{served: map[string]map[measure.Port]int64{}, services: map[measure.Port]string{}}
	world := map[measure.Port]int64{}
	for _, r := range rows {
		switch r.what {
		case "source":
			g.source(r, in.values["weigh"] == "sources")
		case "port":
			g.place(r.place).ports[r.port] = frequent{r.n, r.heard, r.declared, r.reach}
		case "world":
			world[r.port] = r.n
		case "served":
			if g.served[r.place] == nil {
				g.served[r.place] = map[measure.Port]int64{}
			}
			g.served[r.place][r.port] = r.n
			g.services[r.port] = max(g.services[r.port], r.class)
		case "span":
			g.first, g.last = int(r.day), int(r.n)
		}
	}
	g.world = sorted(world, func(a, b measure.Port) int { return cmp.Or(cmp.Compare(world[b], world[a]), comparePorts(a, b)) })
	g.chances()
	g.want(rows, in.values["weigh"] == "sources")
	slices.SortFunc(g.places, func(a, b *gap) int { return cmp.Compare(a.place, b.place) })
	return g, nil
}

func (g *gaps) place(name string) *gap {
	for _, p := range g.places {
		if p.place == name {
			return p
		}
	}
	p := &gap{place: name, ports: map[measure.Port]frequent{}}
	g.places = append(g.places, p)
	return p
}

func (g *gaps) source(r gapRow, plain bool) {
	p := g.place(r.place)
	value := measure.Novelty(r.heard > 0, r.declared > 0, int(r.n))
	if plain && value > 0 {
		value = 1
	}
	p.names, p.values = append(p.names, r.source), append(p.values, value)
	p.facts = append(p.facts, sourceFacts{r.country, r.network, r.block})
	p.sources = append(p.sources, measure.SourceLoss{Class: r.class, Network: r.network, Block: r.block, Served: r.served, Unserved: r.unserved, Heard: r.heard})
}

// chances are estimated from the sources of all places together.
func (g *gaps) chances() {
	var all []measure.SourceLoss
	for _, p := range g.places {
		all = append(all, p.sources...)
	}
	measure.EstimateChances(all)
	for _, p := range g.places {
		p.sources, all = all[:len(p.sources)], all[len(p.sources):]
	}
}

// want takes the wants of the sources that are new and regional.
func (g *gaps) want(rows []gapRow, plain bool) {
	for _, r := range rows {
		if r.what != "want" {
			continue
		}
		p := g.place(r.place)
		i, ok := slices.BinarySearch(p.names, r.source)
		if !ok {
			continue
		}
		chance := p.sources[i].Chance
		if plain {
			chance = 1
		}
		p.wants = append(p.wants, want{measure.DayWant{Want: measure.Want{Source: i, Port: r.port, Chance: chance}, Day: int(r.day)}, r.first, r.last})
	}
}

// demand of the place, and why ports must not be opened there.
func (g *gaps) demand(p *gap) (*measure.Demand, map[measure.Port]string, error) {
	wants := make([]measure.Want, len(p.wants))
	for i, w := range p.wants {
		wants[i] = w.Want
	}
	d, err := measure.NewDemand(p.values, wants)
	return d, g.excluded(p), err
}

func (g *gaps) excluded(p *gap) map[measure.Port]string {
	exclude := map[measure.Port]string{}
	for port, n := range g.served[p.place] {
		exclude[port] = fmt.Sprintf("served now, by %d sensors", n)
	}
	return exclude
}

// gainCurve is what the first, the first two, the first three ports gain.
func gainCurve(ctx context.Context, in *input) (*table, error) {
	t := newTable("place", "k", "transport", "port", "gain", "total", "share", "new_sources")
	g, err := in.gaps()
	if err != nil {
		return nil, err
	}
	for _, p := range g.places {
		d, exclude, err := g.demand(p)
		if err != nil {
			return nil, err
		}
		r, err := d.Recommend(ctx, measure.RecommendOptions{K: in.int("ports", 20), Exclude: exclude, Interval: measure.Resampling{Draws: 1}})
		if err != nil {
			return nil, err
		}
		for k, x := range r.Picks {
			t.add(p.place, int64(k+1), x.Port.Transport, int64(x.Port.Number), float(x.Gain), float(x.Total), float(x.Share), int64(x.Sources))
		}
	}
	return t, nil
}

// recommend picks ports for each place, with what speaks for them.
func recommend(ctx context.Context, in *input) (*table, error) {
	t := newTable("place", "rank", "transport", "port", "service", "gain", "gain_low", "gain_high", "share", "sources", "new_sources", "all_sources", "networks",
		"countries", "first_seen", "last_seen", "frequency", "hint", "reason")
	g, err := in.gaps()
	if err != nil {
		return nil, err
	}
	k := in.int("ports", 5)
	for _, p := range g.places {
		d, exclude, err := g.demand(p)
		if err != nil {
			return nil, err
		}
		r, err := d.Recommend(ctx, measure.RecommendOptions{K: k, Exclude: exclude, Interval: in.resampling()})
		if err != nil {
			return nil, err
		}
		e := p.evidence()
		hints, err := p.hints(d, k)
		if err != nil {
			return nil, err
		}
		for i, x := range r.Picks {
			e.row(t, g, p, x.Port, int64(i+1), []any{float(x.Gain), float(x.Interval.Low), float(x.Interval.High), float(x.Share)}, int64(x.Sources), int64(x.Frequency),
				hints[x.Port], pickReason(p, x, k, len(e.of(x.Port).sources)))
		}
		g.leftOut(t, e, p, r, exclude, hints, k)
	}
	return t, nil
}

func pickReason(p *gap, x measure.Pick, k, sources int) string {
	said := fmt.Sprintf("%d new regional sources tried it, %d of them no port before it", sources, x.Sources)
	if x.Frequency > k {
		said += fmt.Sprintf("; only %s most frequent, but others are of the same sources", ordinal(x.Frequency))
	}
	return said
}

func ordinal(n int) string { return fmt.Sprintf("%dth", n) }

// leftOut adds the ports that are frequent and not picked: of the new regional sources, and of all.
func (g *gaps) leftOut(t *table, e evidence, p *gap, r measure.Recommendation, exclude map[measure.Port]string, hints map[measure.Port]string, k int) {
	done := map[measure.Port]bool{}
	for _, x := range r.Picks {
		done[x.Port] = true
	}
	nothing := []any{nil, nil, nil, nil}
	for _, l := range r.LeftOut {
		done[l.Port] = true
		why := l.Reason
		switch {
		case why != "":
		case l.Taken > 0:
			why = fmt.Sprintf("%.0f %% of what it would gain is gained by %s already", 100*l.Taken/l.Alone, portName(l.By))
		default:
			why = fmt.Sprintf("it would add %s, less than those in the list", short(l.Still))
		}
		e.row(t, g, p, l.Port, 0, []any{float(l.Still), nil, nil, nil}, 0, int64(l.Frequency), hints[l.Port], why)
	}
	all := sorted(p.ports, func(a, b measure.Port) int {
		return cmp.Or(cmp.Compare(p.ports[b].sources, p.ports[a].sources), comparePorts(a, b))
	})
	for _, port := range all[:min(k, len(all))] {
		if f := p.ports[port]; !done[port] {
			why := exclude[port]
			if why == "" {
				why = fmt.Sprintf("frequent, but of its %d sources %d are heard already, %d say that they are scanners, %d were seen in more regions, and %d are new and regional",
					f.sources, f.heard, f.declared, f.wide, len(e.of(port).sources))
			}
			e.row(t, g, p, port, 0, nothing, 0, 0, hints[port], why)
		}
	}
}

// evidence is what is known of the new regional sources of each port.
type evidence map[measure.Port]*portEvidence

type portEvidence struct {
	sources, networks, countries map[string]bool
	first, last                  int64
}

func (p *gap) evidence() evidence {
	e := evidence{}
	for _, w := range p.wants {
		x := e[w.Port]
		if x == nil {
			x = &portEvidence{map[string]bool{}, map[string]bool{}, map[string]bool{}, w.first, w.last}
			e[w.Port] = x
		}
		f := p.facts[w.Source]
		x.sources[p.names[w.Source]] = true
		if f.network != "" {
			x.networks[f.network] = true
		}
		if f.country != "" {
			x.countries[f.country] = true
		}
		x.first, x.last = min(x.first, w.first), max(x.last, w.last)
	}
	return e
}

func (e evidence) of(p measure.Port) *portEvidence {
	if x := e[p]; x != nil {
		return x
	}
	return &portEvidence{}
}

func (e evidence) row(t *table, g *gaps, p *gap, port measure.Port, rank int64, gain []any, fresh, frequency int64, hint, why string) {
	x := e.of(port)
	positive := func(n int64) any {
		if n == 0 {
			return nil
		}
		return n
	}
	var first, last any
	if len(x.sources) > 0 {
		first, last = time.Unix(x.first, 0).UTC(), time.Unix(x.last, 0).UTC()
	}
	t.add(p.place, positive(rank), port.Transport, int64(port.Number), optional(g.services[port]), gain[0], gain[1], gain[2], gain[3], int64(len(x.sources)), fresh,
		positive(p.ports[port].sources), int64(len(x.networks)), optional(strings.Join(sorted(x.countries, cmp.Compare[string]), ", ")), first, last,
		positive(frequency), optional(hint), why)
}

// leastCampaign is the share of a place's demand from which a campaign is worth a hint.
const leastCampaign = .05

// hints name, for the ports of campaigns that want more than k ports, the campaign.
func (p *gap) hints(d *measure.Demand, k int) (map[measure.Port]string, error) {
	of := make([]string, len(p.facts))
	for i, f := range p.facts {
		of[i] = f.block
	}
	campaigns, err := d.Campaigns(of, k, leastCampaign)
	if err != nil {
		return nil, err
	}
	hints := map[measure.Port]string{}
	for _, c := range campaigns {
		said := fmt.Sprintf("%d sources of %s try %d ports from %d to %d: consider a range or a listener on all", c.Sources, c.Name, c.Ports, c.Low, c.High)
		for _, w := range p.wants {
			if of[w.Source] == c.Name && hints[w.Port] == "" {
				hints[w.Port] = said
			}
		}
	}
	return hints, nil
}
