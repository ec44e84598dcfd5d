package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
)

// synthTruth is what the independent week of shared/data/synth says of itself (truth.json; verify.py recomputes it).
type synthTruth struct {
	Rows            int64                       `json:"stream_rows"`
	Events          int64                       `json:"unique_events"`
	Duplicates      int64                       `json:"duplicates"`
	Kinds           map[string]int64            `json:"kinds"`
	IPVersion       map[string]int64            `json:"ip_version"`
	ByRegion        map[string]int64            `json:"by_region"`
	PortByRegion    map[string]map[string]int64 `json:"payload_v4_port_x_region"`
	RedisEvents     int64                       `json:"p6379_payload_events"`
	RedisMasked     int64                       `json:"p6379_distinct_after_hp_substitution"`
	RedisRaw        int64                       `json:"p6379_distinct_raw"`
	Countries       int64                       `json:"countries_payload_v4"`
	Everywhere      []string                    `json:"countries_all5"`
	Few             map[string][]string         `json:"countries_le2_payload_v4"`
	FewAnyKind      []string                    `json:"countries_le2_any_kind(wrong answer)"`
	FewBothVersions []string                    `json:"countries_le2_payload_v4+v6(wrong answer)"`
	FewByPort       map[string]int64            `json:"le2_by_port"`
	NigeriaPorts    []int64                     `json:"nigeria_join"`
	Closed          map[string]int64            `json:"closed_by_region_port"`
	Recommend       struct {
		Port, Sources int64
		Region        string
	} `json:"recommend"`
	Regional []string `json:"truly_regional_countries"`
	Sparse   []string `json:"sparse_not_regional"`
	Transfer struct {
		From, To  string
		List      int64
		Later     int64   `json:"later_sources"`
		Already   int64   `json:"already_listed"`
		Precision float64 `json:"precision_of_list"`
		Recall    float64 `json:"recall"`
	} `json:"transfer_MV"`
	Protocols      map[string]int64 `json:"protocol_x_port_payload_v4"`
	Log4Shell      int64            `json:"log4shell_events"`
	ScannerEvents  int64            `json:"listed_scanner_events"`
	Outage         [3]string        `json:"outage"`
	PayloadSources int64            `json:"hosts_payload_v4"`
}

// TestTheIndependentWeek imports a labelled week that another program made, as it stands, and compares what views and plain
// SQL say of it with its exact answers.
func TestTheIndependentWeek(t *testing.T) {
	var truth synthTruth
	readJSON(t, sharedData(t, "synth", "truth.json"), &truth)
	a, said := imported(t, "--geo-country", sharedData(t, "synth", "synth-country.mmdb"), "--geo-asn", sharedData(t, "synth", "synth-asn.mmdb"),
		sharedData(t, "synth", "events.jsonl.gz"))
	if want := fmt.Sprintf("skipped: duplicate %d", truth.Duplicates); !strings.Contains(said, want) || strings.Contains(said, "rejected") {
		t.Errorf("%q is not in what the import said:\n%s", want, said)
	}
	a.same("rows", truth.Events+truth.Duplicates, truth.Rows)
	t.Run("events", func(t *testing.T) { (&answers{a.store, t}).synthEvents(&truth) })
	t.Run("ports", func(t *testing.T) { (&answers{a.store, t}).synthPorts(&truth) })
	t.Run("countries", func(t *testing.T) { (&answers{a.store, t}).synthCountries(&truth) })
	t.Run("joins", func(t *testing.T) { (&answers{a.store, t}).synthJoins(&truth) })
	t.Run("measures", func(t *testing.T) { (&answers{a.store, t}).synthMeasures(&truth) })
	t.Run("protocols", func(t *testing.T) { (&answers{a.store, t}).synthProtocols(&truth) })
}

func (a *answers) synthEvents(truth *synthTruth) {
	a.view("summary", nil, func(row map[string]any) { a.same("events", row["events"], truth.Events) })
	truth.Kinds["unserved"] = truth.Kinds["closed"]
	delete(truth.Kinds, "closed")
	a.same("kinds", a.counts("SELECT kind, count(*) FROM events GROUP BY 1"), truth.Kinds)
	a.same("IP versions", a.counts("SELECT ip_version, count(*) FROM events GROUP BY 1"), truth.IPVersion)
	a.same("regions", a.counts("SELECT region, count(*) FROM events GROUP BY 1"), truth.ByRegion)
	a.same("sources of payloads", a.one("SELECT count(DISTINCT src_ip) FROM events WHERE kind = 'payload' AND ip_version = 4"), truth.PayloadSources)
	a.same("events in the outage", a.one("SELECT count(*) FROM events WHERE region = '%s' AND ts >= TIMESTAMP '%s' AND ts < TIMESTAMP '%s'",
		truth.Outage[0], truth.Outage[1], truth.Outage[2]), 0)
}

func (a *answers) synthPorts(truth *synthTruth) {
	cells := map[string]map[string]int64{}
	a.view("port-by-region", map[string]string{"ip_version": "4", "top": "65536"}, func(row map[string]any) {
		port := fmt.Sprint(row["port"])
		if cells[port] == nil {
			cells[port] = map[string]int64{}
		}
		cells[port][row["place"].(string)] += row["attempts"].(int64)
	})
	a.same("payloads by port and region", cells, truth.PortByRegion)
	closed := map[string]int64{}
	a.view("port-by-region", map[string]string{"kind": "unserved", "top": "65536"}, func(row map[string]any) {
		closed[fmt.Sprintf("%s/%d", row["place"], row["port"])] += row["attempts"].(int64)
	})
	a.same("unserved attempts by region and port", closed, truth.Closed)
	a.view("payload-groups", map[string]string{"ip_version": "4"}, func(row map[string]any) {
		if row["port"].(int64) == 6379 && row["transport"] == "tcp" {
			a.same("6379: events, payloads, templates", []any{row["payload_events"], row["distinct_payloads"], row["templates"]},
				[]any{truth.RedisEvents, truth.RedisRaw, truth.RedisMasked})
		}
	})
}

// reached lists, for each country that the view has, the regions in order.
func (a *answers) reached(params map[string]string) map[string][]string {
	m := map[string][]string{}
	a.view("countries-by-region", params, func(row map[string]any) {
		c := row["country"].(string)
		m[c] = append(m[c], row["place"].(string))
		sort.Strings(m[c])
	})
	return m
}

func countriesOf(m map[string][]string) []string {
	var list []string
	for c := range m {
		list = append(list, c)
	}
	sort.Strings(list)
	return list
}

func (a *answers) synthCountries(truth *synthTruth) {
	a.same("countries of reach at most 2", a.reached(map[string]string{"ip_version": "4"}), truth.Few)
	a.same("the same over every kind", countriesOf(a.reached(map[string]string{"kind": "any"})), truth.FewAnyKind)
	a.same("the same over both IP versions", countriesOf(a.reached(nil)), truth.FewBothVersions)
	a.same("countries everywhere", countriesOf(a.reached(map[string]string{"ip_version": "4", "min_reach": "5", "max_reach": "5"})), truth.Everywhere)
	var few, all int64
	a.view("reach", map[string]string{"ip_version": "4"}, func(row map[string]any) {
		all += row["count"].(int64)
		if row["reach"].(int64) <= 2 {
			few += row["count"].(int64)
		}
	})
	a.same("countries, and those of reach at most 2", []int64{all, few}, []int64{truth.Countries, int64(len(truth.Few))})
	ports := map[string]int64{}
	a.view("countries-by-port", map[string]string{"ip_version": "4"}, func(row map[string]any) {
		ports[fmt.Sprint(row["port"])] += row["attempts"].(int64)
	})
	a.same("their ports", ports, truth.FewByPort)
}

func (a *answers) synthJoins(truth *synthTruth) {
	tried := map[int64]bool{}
	a.view("feedback", map[string]string{"country": "NG", "ip_version": "4"}, func(row map[string]any) {
		if strings.HasPrefix(row["as_name"].(string), "UCloud") {
			tried[row["port"].(int64)] = true
		}
	})
	var ports []int64
	for p := range tried {
		ports = append(ports, p)
	}
	slices.Sort(ports)
	a.same("ports of one network of Nigeria", ports, truth.NigeriaPorts)
	a.same("sources that the port to listen on would meet",
		a.one("SELECT count(DISTINCT src_ip) FROM events WHERE dst_port = %d AND region = '%s' AND kind = 'unserved'", truth.Recommend.Port, truth.Recommend.Region), truth.Recommend.Sources)
	senders := "(SELECT DISTINCT src_ip FROM events WHERE country = 'MV' AND kind = 'payload' AND ip_version = 4 AND region = '%s')"
	from, to := fmt.Sprintf(senders, truth.Transfer.From), fmt.Sprintf(senders, truth.Transfer.To)
	a.same("what one region could have told another", []any{a.one("SELECT count(*) FROM %s x", from), a.one("SELECT count(*) FROM %s x", to),
		a.one("SELECT count(*) FROM %s x JOIN %s y USING (src_ip)", from, to)}, []int64{truth.Transfer.List, truth.Transfer.Later, truth.Transfer.Already})
	a.same("events of listed scanners", a.one("SELECT count(*) FROM events WHERE as_name LIKE 'Scanner _ (listed)'"), truth.ScannerEvents)
	a.same("Log4j lookups", a.one("SELECT count(*) FROM events JOIN payloads p USING (payload_id) WHERE to_hex(p.bytes) LIKE '%%247B%%'"), truth.Log4Shell)
}

// synthMeasures: the port to listen on and what one region's list is worth in the other, by the views.
func (a *answers) synthMeasures(truth *synthTruth) {
	a.view("recommend", map[string]string{"region": truth.Recommend.Region, "weigh": "sources"}, func(row map[string]any) {
		if row["rank"] == int64(1) {
			a.same("the first port to listen on, and its sources", []any{row["port"], row["sources"]}, []int64{truth.Recommend.Port, truth.Recommend.Sources})
		}
	})
	regional := map[string]bool{}
	a.view("reach-corrected", map[string]string{"ip_version": "4"}, func(row map[string]any) {
		if row["class"] == "regional" {
			regional[row["entity"].(string)] = true
		}
	})
	for _, c := range truth.Sparse {
		if regional[c] {
			a.t.Errorf("%s is called regional, and is only rare", c)
		}
	}
	found := 0
	for _, c := range truth.Regional {
		if regional[c] {
			found++
		}
	}
	a.t.Logf("of %d regional countries %d are found, of %d called regional", len(truth.Regional), found, len(regional))
	if found*2 < len(truth.Regional) {
		a.t.Errorf("of %d regional countries only %d are found", len(truth.Regional), found)
	}
	a.view("transfer", map[string]string{"country": "MV", "ip_version": "4", "split": "2022-06-17"}, func(row map[string]any) {
		if row["from_place"] == truth.Transfer.From && row["to_place"] == truth.Transfer.To {
			a.same("what one region could have told another, by the view", []any{row["known"], row["seen"], row["hit"]},
				[]int64{truth.Transfer.List, truth.Transfer.Later, truth.Transfer.Already})
			a.same("its precision and coverage", []any{row["precision"], row["coverage"]}, []float64{truth.Transfer.Precision, truth.Transfer.Recall})
		}
	})
	pairs := 0
	a.view("lossiness", map[string]string{"by": "network", "top": "1000", "set": "senders", "draws": "99"}, func(row map[string]any) {
		if name, _ := row["name"].(string); strings.HasPrefix(name, "UCloud") {
			a.same("unserved ports of the pair of Nigeria, by source and day at least", row["unserved"].(int64) >= int64(len(truth.NigeriaPorts)-1), true)
			pairs++
		}
	})
	a.same("networks called UCloud", pairs, 1)
}

// synthNames are the week's names of protocols that the recognizer calls otherwise, or divides.
var synthNames = map[string]string{"http-proxy": "http", "docker": "http", "kubernetes": "http", "etcd": "http", "elasticsearch": "http", "jupyter": "http",
	"tn3270": "telnet", "postgresql": "postgres", "mongodb": "mongo", "vnc": "rfb", "socks4": "socks", "socks5": "socks"}

// synthOwn are protocols of the week that the recognizer need not know.
var synthOwn = []string{"gh0st", "giop", "magellan", "rpc", "stratum", "t3", "unknown"}

func (a *answers) synthProtocols(truth *synthTruth) {
	got := map[string]int64{}
	for _, row := range a.sql("SELECT dst_port, coalesce(app_proto, 'unknown'), count(*) FROM events WHERE kind = 'payload' AND ip_version = 4 GROUP BY 1, 2") {
		name := row[1].(string)
		if theirs := synthNames[name]; theirs != "" {
			name = theirs
		}
		got[fmt.Sprintf("%d/%s", row[0], name)] += row[2].(int64)
	}
	for key, n := range truth.Protocols {
		if _, name, _ := strings.Cut(key, "/"); !slices.Contains(synthOwn, name) {
			a.same(key, got[key], n)
		}
	}
}
