package e2e

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"terroir"
	"terroir/enrich"
	"terroir/hub"
	"terroir/ingest"
	"terroir/ingest/csvfile"
	"terroir/ingest/mapping"
	"terroir/lake"
	"terroir/query"
	"terroir/views"
)

// shared is the folder of data that stands beside the repository.
var shared = filepath.Join("..", "..", "shared", "data")

// marxFacts are the numbers that were computed independently with pandas (shared/data/marx/facts.py).
type marxFacts struct {
	Rows          int64                       `json:"rows"`
	Sources       int64                       `json:"sources"`
	Countries     int64                       `json:"countries"`
	ASNs          int64                       `json:"asns"`
	NoCountryRows int64                       `json:"no_country_rows"`
	RowsByHost    map[string]int64            `json:"rows_by_host"`
	RowsByProto   map[string]int64            `json:"rows_by_proto"`
	SourcesByHost map[string]int64            `json:"sources_by_host"`
	TopPorts      [][3]any                    `json:"top_ports"`
	PortByHost    map[string]map[string]int64 `json:"port_by_host_top"`
	ReachSource   map[string]int64            `json:"reach_source"`
	ReachASN      map[string]int64            `json:"reach_asn"`
	ReachCountry  map[string]int64            `json:"reach_country"`
	CountriesLE2  map[string]int64            `json:"countries_reach_le_2"`
	PortsLE2      map[string]map[string]int64 `json:"countries_reach_le_2_ports"`
	Chi           struct {
		Chi2 float64
		DOF  int64
		N    int64
		V    float64 `json:"cramers_v"`
	} `json:"chi2_host_x_top10_ports"`
	SplitDay string                                      `json:"transfer_split_day"`
	Transfer map[string]struct{ Known, Seen, Hit int64 } `json:"transfer"`
}

// marxMapping is the one of the documentation: the published columns and the AWS region of each host.
const marxMapping = `
columns: {ts: datetime, sensor: host, src_ip: src, transport: proto, icmp_type: type, src_port: spt, dst_port: dpt}
formats: {ts: "2006-01-02 15:04:05", src_ip: uint32}
constants: {kind: unserved}
regions:
  groucho-oregon: us-west-2
  groucho-norcal: us-west-1
  zeppo-norcal: us-west-1
  groucho-us-east: us-east-1
  groucho-eu: eu-west-1
  groucho-sa: sa-east-1
  groucho-tokyo: ap-northeast-1
  groucho-singapore: ap-southeast-1
  groucho-sydney: ap-southeast-2
`

// world is a lake with the engine and the views over it.
type world struct {
	t      *testing.T
	lake   *lake.Lake
	engine query.Engine
	views  *views.Registry
}

func (w *world) run(name string, params map[string]string) *views.Result {
	w.t.Helper()
	v, err := w.views.Get(name)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := query.Run(context.Background(), w.engine, v, params)
	if err != nil {
		w.t.Fatalf("view %s %v: %v", name, params, err)
	}
	return r
}

// rows calls f with each row as a map from column name to value.
func rows(r *views.Result, f func(map[string]any)) {
	for _, row := range r.Rows {
		m := map[string]any{}
		for i, c := range r.Columns {
			m[c.Name] = row[i]
		}
		f(m)
	}
}

func openWorld(t *testing.T, dir string) *world {
	t.Helper()
	l, err := lake.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	e, err := query.Open(l, query.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(); l.Close() })
	reg, err := views.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, l, e, reg}
}

func importMarx(t *testing.T, w *world) {
	t.Helper()
	ctx := context.Background()
	f, err := os.Open(filepath.Join(shared, "marx", "marx-2013-03-to-06.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse("marx", []byte(marxMapping))
	if err != nil {
		t.Fatal(err)
	}
	geo, err := enrich.Open([]string{filepath.Join(shared, "geo", "country.mmdb")}, []string{filepath.Join(shared, "geo", "asn.mmdb")})
	if err != nil {
		t.Fatal(err)
	}
	defer geo.Close()
	im := hub.NewImporter(ctx, w.lake, 1, geo, noPayloads, nil)
	rep, err := csvfile.Read(ctx, ingest.Source{Name: "marx", Reader: z}, csvfile.Options{Mapping: m}, im)
	if err != nil {
		t.Fatal(err)
	}
	if err := im.Close(); err != nil {
		t.Fatal(err)
	}
	if len(rep.Skipped) > 0 {
		t.Fatalf("rows were rejected: %v", rep.Skipped)
	}
}

func noPayloads([]byte, terroir.Transport, []netip.Addr) terroir.Analysis {
	panic("the Marx data has no payloads")
}

func TestViewsGiveTheMarxFacts(t *testing.T) {
	w := openWorld(t, t.TempDir())
	importMarx(t, w)
	var facts marxFacts
	text, err := os.ReadFile(filepath.Join(shared, "marx", "facts.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &facts); err != nil {
		t.Fatal(err)
	}
	t.Run("totals", func(t *testing.T) { marxTotals(t, w, &facts) })
	t.Run("ports", func(t *testing.T) { marxPorts(t, w, &facts) })
	t.Run("reach", func(t *testing.T) { marxReach(t, w, &facts) })
	t.Run("countries", func(t *testing.T) { marxCountries(t, w, &facts) })
	t.Run("regionality", func(t *testing.T) { marxRegionality(t, w, &facts) })
	t.Run("transfer", func(t *testing.T) { marxTransfer(t, w, &facts) })
	t.Run("rolled up", func(t *testing.T) { rollupsChangeNothing(t, w, 2200, [2]string{"2013-04-01", "2013-05-01"}) })
	t.Run("imported again", func(t *testing.T) {
		importMarx(t, w)
		marxTotals(t, w, &facts)
	})
}

// perSensor asks for what facts.json has: every attempt, by sensor.
func perSensor(more ...string) map[string]string {
	p := map[string]string{"kind": "unserved", "over": "sensor"}
	for i := 0; i < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return p
}

func marxTotals(t *testing.T, w *world, facts *marxFacts) {
	rows(w.run("summary", nil), func(r map[string]any) {
		same(t, "rows", r["events"], facts.Rows)
		same(t, "attempts", r["attempts"], facts.Rows)
		same(t, "sources", r["sources"], facts.Sources)
		same(t, "asns", r["networks"], facts.ASNs)
		same(t, "countries", r["countries"], facts.Countries)
	})
	hosts, sources := map[string]int64{}, map[string]int64{}
	rows(w.run("region-summary", perSensor()), func(r map[string]any) {
		hosts[r["place"].(string)] = r["attempts"].(int64)
		sources[r["place"].(string)] = r["sources"].(int64)
	})
	same(t, "rows by host", hosts, facts.RowsByHost)
	same(t, "sources by host", sources, facts.SourcesByHost)
	r, err := w.engine.Query(context.Background(), "SELECT count(*) FROM events WHERE country IS NULL")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rows without a country", r.Rows[0][0], facts.NoCountryRows)
}

func marxPorts(t *testing.T, w *world, facts *marxFacts) {
	cells, totals, protos := map[string]map[string]int64{}, map[string]int64{}, map[string]int64{}
	var order []string
	rows(w.run("port-by-region", perSensor("top", "65536")), func(r map[string]any) {
		key := portKey(r)
		if cells[key] == nil {
			cells[key] = map[string]int64{}
			order = append(order, key)
		}
		n := r["attempts"].(int64)
		cells[key][r["place"].(string)] = n
		totals[key] += n
		protos[strings.ToUpper(r["transport"].(string))] += n
	})
	same(t, "rows by proto", protos, facts.RowsByProto)
	for _, p := range facts.TopPorts {
		key := fmt.Sprintf("%v/%v", p[0], p[1])
		same(t, key, totals[key], int64(p[2].(float64)))
	}
	for key, byHost := range facts.PortByHost {
		same(t, key+" by host", cells[key], byHost)
	}
	// The order of the view is that of the totals; ICMP rows, which have no port, stand between them.
	var ports []string
	for _, key := range order {
		if !strings.HasPrefix(key, "ICMP") {
			ports = append(ports, key)
		}
	}
	for i, p := range facts.TopPorts {
		same(t, fmt.Sprintf("place %d", i+1), ports[i], fmt.Sprintf("%v/%v", p[0], p[1]))
	}
}

func portKey(r map[string]any) string {
	return fmt.Sprintf("%s/%d", strings.ToUpper(r["transport"].(string)), r["port"])
}

func marxReach(t *testing.T, w *world, facts *marxFacts) {
	for by, want := range map[string]map[string]int64{"source": facts.ReachSource, "asn": facts.ReachASN, "country": facts.ReachCountry} {
		got := map[string]int64{}
		rows(w.run("reach", perSensor("by", by)), func(r map[string]any) {
			got[fmt.Sprint(r["reach"])] = r["count"].(int64)
		})
		same(t, "reach of "+by, got, want)
	}
	// Two sensors stand in one region: nine sensors are eight regions, and no country can reach more.
	rows(w.run("reach", map[string]string{"kind": "unserved", "by": "country"}), func(r map[string]any) {
		if r["reach"].(int64) > 8 {
			t.Errorf("a reach of %v in eight regions", r["reach"])
		}
	})
}

func marxCountries(t *testing.T, w *world, facts *marxFacts) {
	reach, ports := map[string]int64{}, map[string]map[string]int64{}
	places := map[string]map[any]bool{}
	rows(w.run("countries-by-region", perSensor("max_reach", "2")), func(r map[string]any) {
		c := r["country"].(string)
		reach[c] = r["reach"].(int64)
		if places[c] == nil {
			places[c] = map[any]bool{}
		}
		places[c][r["place"]] = true
	})
	same(t, "countries of reach at most 2", reach, facts.CountriesLE2)
	for c, n := range reach {
		same(t, "places of "+c, int64(len(places[c])), n)
	}
	rows(w.run("countries-by-port", perSensor("max_reach", "2")), func(r map[string]any) {
		if r["transport"] == "icmp" {
			return // facts.json lists TCP and UDP
		}
		c := r["country"].(string)
		if ports[c] == nil {
			ports[c] = map[string]int64{}
		}
		ports[c][portKey(r)] = r["attempts"].(int64)
	})
	for c := range facts.PortsLE2 {
		if len(facts.PortsLE2[c]) == 0 {
			delete(facts.PortsLE2, c)
		}
	}
	same(t, "their ports", ports, facts.PortsLE2)
}

// marxRegionality: scipy's χ² of the nine hosts and the ten most tried ports, by events.
func marxRegionality(t *testing.T, w *world, facts *marxFacts) {
	rows(w.run("regionality-overall", perSensor("unit", "events", "top", "10")), func(r map[string]any) {
		same(t, "n", r["n"], facts.Chi.N)
		same(t, "degrees of freedom", r["dof"], facts.Chi.DOF)
		near(t, "χ²", r["chi2"], facts.Chi.Chi2)
		near(t, "V", r["v_uncorrected"], facts.Chi.V)
		if r["p"] != 0. || r["log10_p"].(float64) > -20_000 {
			t.Errorf("p %v, log p %v: the one underflows, the other must not", r["p"], r["log10_p"])
		}
	})
}

// near compares to nine digits, one less than views give.
func near(t *testing.T, what string, got any, want float64) {
	t.Helper()
	if x, ok := got.(float64); !ok || math.Abs(x-want) > 1e-9*math.Abs(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func marxTransfer(t *testing.T, w *world, facts *marxFacts) {
	pairs := map[string]struct{ Known, Seen, Hit int64 }{}
	rows(w.run("transfer", perSensor("split", facts.SplitDay)), func(r map[string]any) {
		pairs[fmt.Sprintf("%s->%s", r["from_place"], r["to_place"])] = struct{ Known, Seen, Hit int64 }{r["known"].(int64), r["seen"].(int64), r["hit"].(int64)}
	})
	if len(facts.Transfer) != 81 {
		t.Fatalf("%d pairs in the facts", len(facts.Transfer))
	}
	same(t, "transfer", pairs, facts.Transfer)
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, _ := json.Marshal(got)
	x, _ := json.Marshal(want)
	if string(g) != string(x) {
		t.Errorf("%s: got %s, want %s", what, g, x)
	}
}
