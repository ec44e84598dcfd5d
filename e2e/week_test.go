package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"terroir"
	"terroir/enrich"
	"terroir/hub"
	"terroir/ingest"
	"terroir/ingest/pcapfile"
	"terroir/payload"
	"terroir/simulate"
)

// importWeek writes the simulated week and reads its captures into the world's lake.
func importWeek(t *testing.T, w *world, opt simulate.Options) *simulate.Truth {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	if err := simulate.Write(ctx, opt, dir, simulate.Parts{Pcaps: true}, nil); err != nil {
		t.Fatal(err)
	}
	geo, err := enrich.Open([]string{filepath.Join(dir, "country.mmdb")}, []string{filepath.Join(dir, "asn.mmdb")})
	if err != nil {
		t.Fatal(err)
	}
	defer geo.Close()
	sim, err := simulate.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	c := terroir.Containers()
	served := map[string]bool{}
	for _, p := range c.Ports {
		served[p.String()] = true
	}
	for i, s := range sim.Sensors() {
		f, err := os.Open(filepath.Join(dir, s.Name+".pcap"))
		if err != nil {
			t.Fatal(err)
		}
		im := hub.NewImporter(ctx, w.lake, uint64(i+1), geo, analyze, &c)
		_, err = pcapfile.Read(ctx, ingest.Source{Name: s.Name, Reader: f, Sensor: s.Name, Region: s.Region}, pcapfile.Options{
			Addresses: map[netip.Addr]bool{s.Addr4: true, s.Addr6: true},
			Served: func(tr terroir.Transport, port uint16) bool {
				return served[terroir.ServedPort{Transport: tr, Port: port}.String()]
			}}, im)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := im.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var truth simulate.Truth
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	return &truth
}

func analyze(b []byte, tr terroir.Transport, addrs []netip.Addr) terroir.Analysis {
	return payload.Analyze(b, tr, payload.Self{Addrs: addrs})
}

// TestViewsGiveTheTruthOfTheWeek compares what the views find in the captures with what the world's labels say.
func TestViewsGiveTheTruthOfTheWeek(t *testing.T) {
	for _, opt := range []simulate.Options{{}, {Seed: 99, Days: 3, Scale: 0.5}} {
		t.Run(fmt.Sprint("seed ", opt.Seed), func(t *testing.T) {
			w := openWorld(t, t.TempDir())
			truth := importWeek(t, w, opt)
			w.t = t
			weekTotals(t, w, truth)
			weekReach(t, w, truth)
			weekPorts(t, w, truth)
			weekFeedback(t, w, truth)
			weekRegional(t, w, truth)
			weekLossiness(t, w, opt)
			weekRecommend(t, w, opt, truth)
			if opt.Seed == 0 {
				rollupsChangeNothing(t, w, 1, [2]string{"2022-06-15", "2022-06-18"})
			}
		})
	}
}

func weekTotals(t *testing.T, w *world, truth *simulate.Truth) {
	kinds, regions := map[string]int64{}, map[string]int64{}
	rows(w.run("kinds", nil), func(r map[string]any) {
		kinds[r["kind"].(string)] += r["attempts"].(int64)
		regions[r["place"].(string)] += r["attempts"].(int64)
	})
	same(t, "attempts by kind", kinds, truth.ByKind)
	same(t, "attempts by region", regions, truth.ByRegion)
	rows(w.run("summary", nil), func(r map[string]any) { same(t, "attempts", r["attempts"], truth.Attempts) })
	rows(w.run("summary", map[string]string{"ip_version": "6"}), func(r map[string]any) { same(t, "over IPv6", r["attempts"], truth.IPv6) })
}

func weekReach(t *testing.T, w *world, truth *simulate.Truth) {
	for _, by := range []string{"source", "asn", "country"} {
		got := map[string]int64{}
		rows(w.run("reach", map[string]string{"by": by}), func(r map[string]any) { got[fmt.Sprint(r["reach"])] = r["count"].(int64) })
		same(t, "reach of "+by, got, truth.Reach[by])
	}
	few, anyKind := map[string][]string{}, map[string]bool{}
	rows(w.run("countries-by-region", nil), func(r map[string]any) {
		c := r["country"].(string)
		few[c] = append(few[c], r["place"].(string))
	})
	for _, places := range few {
		slices.Sort(places)
	}
	same(t, "countries of at most two regions", few, truth.FewRegions)
	rows(w.run("countries-by-region", map[string]string{"kind": "any"}), func(r map[string]any) { anyKind[r["country"].(string)] = true })
	same(t, "with every kind counted", len(anyKind), len(truth.FewRegionsAnyKind))
}

func weekPorts(t *testing.T, w *world, truth *simulate.Truth) {
	cells := map[string]map[string]int64{}
	rows(w.run("port-by-region", map[string]string{"top": "100"}), func(r map[string]any) {
		port := strconv.FormatInt(r["port"].(int64), 10)
		if cells[port] == nil {
			cells[port] = map[string]int64{}
		}
		cells[port][r["place"].(string)] += r["attempts"].(int64)
	})
	same(t, "payloads by port and region", cells, truth.PayloadPortRegion)
	few := map[string]int64{}
	rows(w.run("countries-by-port", nil), func(r map[string]any) {
		few[strconv.FormatInt(r["port"].(int64), 10)] += r["attempts"].(int64)
	})
	same(t, "ports of the countries of at most two regions", few, truth.FewRegionsPorts)
	rows(w.run("payload-groups", nil), func(r map[string]any) {
		if r["port"] != int64(6379) || r["transport"] != "tcp" {
			return
		}
		same(t, "payloads on 6379", r["payload_events"], truth.Redis.Payloads)
		same(t, "distinct ones", r["distinct_payloads"], truth.Redis.Raw)
		// The template masks volatile tokens as well: it may find a few less, never more.
		if n := r["templates"].(int64); n > truth.Redis.Masked || n < truth.Redis.Masked*8/10 {
			t.Errorf("%d templates, %d payloads differ once the sensor is masked", n, truth.Redis.Masked)
		}
	})
}

func weekFeedback(t *testing.T, w *world, truth *simulate.Truth) {
	var unserved []int
	served := map[int64]bool{}
	rows(w.run("feedback", map[string]string{"country": "NG"}), func(r map[string]any) {
		if r["as_name"] != "UCloud Information Technology HK Limited" {
			t.Errorf("a network %v in Nigeria", r["as_name"])
		}
		if r["served"].(bool) {
			served[r["port"].(int64)] = true
		} else {
			unserved = append(unserved, int(r["port"].(int64)))
		}
	})
	slices.Sort(unserved)
	same(t, "unserved ports of the pair", unserved, truth.PairPorts)
	if len(served) != 1 || !served[8888] {
		t.Errorf("the pair sent payloads to %v", served)
	}
}
