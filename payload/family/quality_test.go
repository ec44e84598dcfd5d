package family

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"terroir"
	"terroir/payload/family/internal/agreement"
)

// level is a grouping with what is true.
type level struct {
	name string
	of   func(labelled, terroir.Grouped) string
	// families says that the truth is the family, not the variant.
	families bool
}

var allLevels = []level{
	{"exact", func(l labelled, _ terroir.Grouped) string { return l.raw.String() }, false},
	{"template", func(l labelled, _ terroir.Grouped) string { return l.template.ID.String() }, false},
	{"substring", func(_ labelled, g terroir.Grouped) string { return g.Substring.String() }, true},
	{"family", func(_ labelled, g terroir.Grouped) string { return g.Family.String() }, true},
}

// group gives the last row of each template.
func group(list []labelled) map[terroir.PayloadID]terroir.Grouped {
	ts := make([]terroir.Template, len(list))
	for i := range list {
		ts[i] = list[i].template
	}
	rows := map[terroir.PayloadID]terroir.Grouped{}
	for _, r := range New().Add(ts) {
		rows[r.Template] = r
	}
	return rows
}

// distinct leaves one of equal payloads with equal labels.
func distinct(list []labelled) (out []labelled) {
	seen := map[string]bool{}
	for _, l := range list {
		if k := l.raw.String() + l.template.ID.String() + l.variant + l.family; !seen[k] {
			seen[k] = true
			out = append(out, l)
		}
	}
	return out
}

// measure makes a table of each level, and gives them by name.
func measure(t *testing.T, title string, list []labelled) map[string]*agreement.Table {
	rows := group(list)
	tables := map[string]*agreement.Table{}
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %d\n%-10s %8s %8s %6s %6s %6s\n", title, len(list), "level", "classes", "groups", "ARI", "hom", "com")
	for _, l := range allLevels {
		table := &agreement.Table{}
		for _, x := range list {
			truth := x.variant
			if l.families {
				truth = x.family
			}
			table.Add(truth, l.of(x, rows[x.template.ID]))
		}
		tables[l.name] = table
		fmt.Fprintf(&out, "%-10s %8d %8d %6.3f %6.3f %6.3f\n", l.name, table.Classes(), table.Groups(), table.Rand(), table.Homogeneity(), table.Completeness())
	}
	t.Log(out.String())
	return tables
}

func atLeast(t *testing.T, what string, table *agreement.Table, want float64) {
	t.Helper()
	if got := table.Rand(); got < want {
		t.Errorf("%s: adjusted Rand index %.3f, want at least %.2f", what, got, want)
	}
}

func TestTheIndependentWeek(t *testing.T) {
	all := independentWeek(t)
	events, payloads := measure(t, "events", all), measure(t, "distinct payloads", distinct(all))
	for _, tables := range []map[string]*agreement.Table{events, payloads} {
		atLeast(t, "templates", tables["template"], .95)
		atLeast(t, "families", tables["family"], .9)
	}
	if len(all) != 4500 || payloads["substring"].Groups() >= 100 || payloads["family"].Groups() > payloads["substring"].Groups() {
		t.Errorf("the funnel is not thousands, about 230, double digits, fewer")
	}
}

func TestTheSimulatedWeek(t *testing.T) {
	all := simulatedWeek(t)
	sameBytes(all, func(l *labelled) *string { return &l.family })
	sameBytes(all, func(l *labelled) *string { return &l.variant })
	var redis []labelled
	for _, l := range all {
		if l.port == 6379 {
			redis = append(redis, l)
		}
	}
	for title, list := range map[string][]labelled{"6379, events": redis, "6379, distinct payloads": distinct(redis), "all ports, events": all,
		"all ports, distinct": distinct(all)} {
		tables := measure(t, title, list)
		atLeast(t, title+", templates", tables["template"], .95)
		atLeast(t, title+", families", tables["family"], .9)
	}
}

func TestRealExploits(t *testing.T) {
	all := exploits(t)
	atLeast(t, "all", measure(t, "all", all)["family"], .75)
	// What was found on one half must hold for another.
	r := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		atLeast(t, "a half", measure(t, "a half", all[:len(all)/2])["family"], .75)
	}
}
