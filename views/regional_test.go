package views_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"terroir/views"
)

// regionalWorld is the world of testdata/regional.sql.
func regionalWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	script, err := os.ReadFile(filepath.Join("testdata", "regional.sql"))
	if err != nil {
		t.Fatal(err)
	}
	w.exec(string(script))
	return w
}

// regionalGoldens are the views and parameters that are compared in the world of the measures.
var regionalGoldens = []struct {
	view   string
	params map[string]string
}{
	{"reach-corrected", nil}, {"reach-corrected", map[string]string{"by": "source", "exposure": "watched"}}, {"reach-null", nil},
	{"itinerary", map[string]string{"x": "AA"}}, {"ranking", map[string]string{"kind": "any"}},
	{"regionality", map[string]string{"kind": "any"}}, {"regionality", map[string]string{"kind": "any", "unit": "events", "correction": "bh"}},
	{"regionality-overall", map[string]string{"kind": "any"}}, {"compare-regions", map[string]string{"kind": "any", "by": "country"}},
	{"lossiness", map[string]string{"from": "2022-06-14", "to": "2022-06-20"}}, {"lossiness", map[string]string{"by": "network", "set": "senders"}},
	{"gain-curve", nil}, {"recommend", nil}, {"recommend", map[string]string{"weigh": "sources", "region": "r-b"}}, {"backtest", map[string]string{"region": "r-b"}},
	{"transfer", nil}, {"transfer", map[string]string{"split": "2022-06-18"}}, {"transfer", map[string]string{"by": "template", "split": "2022-06-18"}},
	{"transfer", map[string]string{"by": "net24", "scanners": "excluded"}}, {"transfer-locality", nil}, {"feeds", nil}, {"gain", nil},
	{"coverage", map[string]string{"from": "2022-06-14", "to": "2022-06-20"}},
}

func TestMeasuresGolden(t *testing.T) {
	w := regionalWorld(t)
	var b strings.Builder
	for _, g := range regionalGoldens {
		fmt.Fprintf(&b, "%s %v\n%s\n", g.view, g.params, text(w.run(g.view, g.params)))
	}
	file := filepath.Join("testdata", "measures.golden")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// Every step makes the same of rows in another order.
func TestMeasuresInAnyOrderOfRows(t *testing.T) {
	w := regionalWorld(t)
	random := rand.New(rand.NewPCG(5, 5))
	for _, g := range regionalGoldens {
		v, r, values := w.returned(g.view, g.params)
		if v.Step == "" {
			continue
		}
		random.Shuffle(len(r.Rows), func(i, j int) { r.Rows[i], r.Rows[j] = r.Rows[j], r.Rows[i] })
		if got, want := text(w.stepped(v, r, values)), text(w.run(g.view, g.params)); got != want {
			t.Errorf("%s %v in another order:\n%s\nnot\n%s", g.view, g.params, got, want)
		}
	}
}

// cell is the value of a column in the only row whose first columns have the key.
func cell(t *testing.T, r *views.Result, column string, key ...any) float64 {
	t.Helper()
	for _, row := range r.Rows {
		found := true
		for i, k := range key {
			found = found && row[i] == k
		}
		if found {
			switch x := row[r.Index(column)].(type) {
			case float64:
				return x
			case int64:
				return float64(x)
			}
			t.Fatalf("%s of %v is %v", column, key, row[r.Index(column)])
		}
	}
	t.Fatalf("no row %v in\n%s", key, text(r))
	return 0
}

// The numbers of the world, worked out on paper from what its script says of it.
func TestMeasuresByHand(t *testing.T) {
	w := regionalWorld(t)
	is := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	l := w.run("lossiness", map[string]string{"from": "2022-06-14", "to": "2022-06-20"})
	is("r-a: AA 24 and DD 6 unserved of 76", cell(t, l, "pair", "r-a"), 30./76)
	is("r-b: three days of CC 6 and DD 1 unserved, BB 4 and DD 1 served", cell(t, l, "pair", "r-b"), 21./36)
	is("r-b: CC is never heard", cell(t, l, "source", "r-b"), 6./11)
	is("r-c", cell(t, l, "pair", "r-c"), 6./36)
	is("r-a: two attempts an unserved pair", cell(t, l, "attempt", "r-a"), 60./106)
	is("s-a watched", cell(t, l, "coverage", "r-a"), 1)
	is("s-b observed unserved ports half of the time", cell(t, l, "coverage", "r-b"), .5)

	x := w.run("transfer", map[string]string{"split": "2022-06-18"})
	is("known to r-b: BB and DD", cell(t, x, "known", "r-b", "r-a"), 5)
	is("then seen in r-a: AA, too", cell(t, x, "seen", "r-b", "r-a"), 13)
	is("both", cell(t, x, "hit", "r-b", "r-a"), 5)
	is("coverage", cell(t, x, "coverage", "r-b", "r-a"), 5./13)

	r := w.run("recommend", map[string]string{"weigh": "sources"})
	is("r-b: CC", cell(t, r, "gain", "r-b", int64(1), "tcp", int64(1521)), 6)

	// Of AA's eight contacts all in r-a, which has 13 of 23: (13/23)⁸ + 2 (5/23)⁸; three countries are tested.
	p := math.Pow(13./23, 8) + 2*math.Pow(5./23, 8)
	c := w.run("reach-corrected", nil)
	is("p of AA", cell(t, c, "p", "AA"), p)
	is("q of AA", cell(t, c, "q", "AA"), 3*p)

	o := w.run("coverage", map[string]string{"from": "2022-06-14", "to": "2022-06-20"})
	is("s-a: 144 of 144 hours", cell(t, o, "coverage", "r-a"), 1)
	is("s-a: one port for 72 hours, two for 72", cell(t, o, "exposure", "r-a"), 72+2*72)
	is("s-b: 30 payloads in 144 hours", cell(t, o, "attempts_per_hour", "r-b"), math.Round(30./144*1000)/1000)

	g := w.run("gain", nil)
	is("AA before", cell(t, g, "unserved_before", "r-a", int64(2)), 8)
	is("the others did not change", cell(t, g, "trend", "r-a", int64(2)), 1)
	is("15 of 15 served pairs had a payload, by Jeffreys' prior", cell(t, g, "expected", "r-a", int64(2)), 8*15.5/16)
	is("AA after", cell(t, g, "measured", "r-a", int64(2)), 8)
}

// An itinerary is of an address, a network or a country, however they are written.
func TestWhatAnItineraryIsOf(t *testing.T) {
	w := regionalWorld(t)
	for x, want := range map[string]int64{
		"AA": 40, "aa": 40, "1": 40, "AS1": 40, "as1": 40, "10.0.1.3": 5, // AA: five days of eight sources
		"3": 36, "CC": 36, "10.0.3.6": 6, // CC: six days of six sources
		"": 0, "A": 0, "AS": 0, "1AS": 0, "AS1AS": 0, "ASAS1": 0, "-1": 0, "AS 1": 0, "10.0.1.99": 0, "99999999999999": 0, "' OR 1=1 --": 0, "_": 0, "%": 0,
	} {
		r := w.run("itinerary", map[string]string{"x": x})
		var events int64
		for _, row := range r.Rows {
			events += row[r.Index("events")].(int64)
		}
		if events != want {
			t.Errorf("%q: %d events, want %d", x, events, want)
		}
	}
}
