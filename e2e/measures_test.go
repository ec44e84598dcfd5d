package e2e

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"terroir"
	"terroir/simulate"
)

// weekRegional: what the study said of countries and ports, by the views that correct or turn it around.
func weekRegional(t *testing.T, w *world, truth *simulate.Truth) {
	plain, few := []string{}, []string{}
	rows(w.run("reach-corrected", map[string]string{"top": "100000"}), func(r map[string]any) {
		if r["plain"] == "regional" {
			plain = append(plain, r["entity"].(string))
		}
		if (r["class"] == "regional") != (r["reach"].(int64) <= 2 && r["q"].(float64) <= .05) {
			t.Errorf("%v: class %v with reach %v and q %v", r["entity"], r["class"], r["reach"], r["q"])
		}
	})
	for c := range truth.FewRegions {
		few = append(few, c)
	}
	slices.Sort(plain)
	slices.Sort(few)
	same(t, "regional by the plain filter", plain, few)
	ports := map[string]int64{}
	rows(w.run("ranking", map[string]string{"top": "65536"}), func(r map[string]any) {
		if n := r["regional_events"].(int64); n > 0 {
			ports[fmt.Sprint(r["port"])] += n
		}
		if r["port"] == int64(6379) && r["transport"] == "tcp" && r["rank"] != int64(1) {
			t.Errorf("6379 is the %vth of all ports", r["rank"])
		}
	})
	same(t, "ports of the regional countries", ports, truth.FewRegionsPorts)
	tried := map[int]bool{}
	rows(w.run("itinerary", map[string]string{"x": "NG"}), func(r map[string]any) {
		if r["kind"] == "unserved" {
			for _, p := range strings.Fields(r["ports"].(string)) {
				n, _ := strconv.Atoi(strings.TrimPrefix(p, "tcp/")) // 0 is none of theirs.
				tried[n] = true
			}
		}
	})
	var list []int
	for p := range tried {
		list = append(list, p)
	}
	slices.Sort(list)
	same(t, "unserved ports of the pair of Nigeria", list, truth.PairPorts)
}

// weekEvents calls f with every event of the week that is of TCP or UDP.
func weekEvents(t *testing.T, opt simulate.Options, f func(e *terroir.Event, source, port string, served bool)) {
	t.Helper()
	sim, err := simulate.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	err = sim.Events(context.Background(), func(r terroir.Record, _ simulate.Label) error {
		e := r.Event
		if e.Transport != terroir.ICMP {
			f(e, e.Source.Addr().String(), fmt.Sprintf("%s/%d", e.Transport, e.Destination.Port()), e.Kind != terroir.KindUnserved)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// weekLossiness counts pairs of (source, port, day) from the events themselves.
func weekLossiness(t *testing.T, w *world, opt simulate.Options) {
	type pair struct{ region, source, port, day string }
	met, sources := map[pair]bool{}, map[[2]string]bool{}
	attempts := map[string][2]int64{}
	weekEvents(t, opt, func(e *terroir.Event, source, port string, served bool) {
		p := pair{e.Region, source, port, e.Time.UTC().Format("2006-01-02")}
		met[p] = met[p] || served
		s := [2]string{e.Region, source}
		sources[s] = sources[s] || served
		n := attempts[e.Region]
		if n[1] += e.Attempts; !served {
			n[0] += e.Attempts
		}
		attempts[e.Region] = n
	})
	lost, all, silent, seen := map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]int64{}
	for p, served := range met {
		all[p.region]++
		if !served {
			lost[p.region]++
		}
	}
	for s, served := range sources {
		seen[s[0]]++
		if !served {
			silent[s[0]]++
		}
	}
	regions := 0
	rows(w.run("lossiness", map[string]string{"draws": "99"}), func(r map[string]any) {
		g := r["group"].(string)
		regions++
		same(t, g+": sources, unserved pairs, all pairs", []any{r["sources"], r["unserved"], r["served"].(int64) + r["unserved"].(int64)},
			[]int64{seen[g], lost[g], all[g]})
		near(t, g+": λ_pair", r["pair"], float64(lost[g])/float64(all[g]))
		near(t, g+": λ_attempt", r["attempt"], float64(attempts[g][0])/float64(attempts[g][1]))
		near(t, g+": λ_source", r["source"], float64(silent[g])/float64(seen[g]))
		if x := r["payload"].(float64); x < r["payload_least"].(float64) || x > r["payload_most"].(float64) {
			t.Errorf("%s: λ_payload %v is not within its bounds", g, x)
		}
	})
	same(t, "regions with a lossiness", regions, len(all))
}

// weekRecommend: the planted ports come first, and the ports that are chosen do as well as the best sets that there are.
func weekRecommend(t *testing.T, w *world, opt simulate.Options, truth *simulate.Truth) {
	wants := newRegional(t, opt)
	for _, plain := range []string{"sources", "payloads"} {
		totals, ports := map[string]int64{}, map[string][]string{}
		rows(w.run("recommend", map[string]string{"weigh": plain, "ports": "3", "draws": "99"}), func(r map[string]any) {
			if r["rank"] == nil {
				return
			}
			place := r["place"].(string)
			ports[place] = append(ports[place], fmt.Sprintf("%s/%d", r["transport"], r["port"]))
			totals[place] += r["new_sources"].(int64)
		})
		for _, p := range truth.Planted {
			if want := fmt.Sprintf("tcp/%d", p.Port); len(ports[p.Region]) == 0 || ports[p.Region][0] != want {
				t.Errorf("%s, by %s: %v, want %s first", p.Region, plain, ports[p.Region], want)
			}
		}
		for place, chosen := range ports {
			if got := covered(wants[place], chosen); got != totals[place] {
				t.Errorf("%s: %v meet %d sources, the view says %d", place, chosen, got, totals[place])
			}
			if best := bestThree(wants[place]); plain == "sources" && totals[place] != best {
				t.Errorf("%s: %v meet %d sources, the best three ports %d", place, chosen, totals[place], best)
			}
		}
	}
	rows(w.run("backtest", nil), func(r map[string]any) {
		if share := r["share"].(float64); share < 0 || share > 1 || math.IsNaN(share) {
			t.Errorf("%v covers %v", r["strategy"], share)
		}
		if (r["strategy"] == "recommended") != (r["verdict"] != nil) {
			t.Errorf("%v has the verdict %v", r["strategy"], r["verdict"])
		}
	})
}

// newRegional are, for each region and unserved port, the sources that sent no payload there and came to at most two regions.
func newRegional(t *testing.T, opt simulate.Options) map[string]map[string]map[string]bool {
	regions, heard := map[string]map[string]bool{}, map[[2]string]bool{}
	wants := map[string]map[string]map[string]bool{}
	weekEvents(t, opt, func(e *terroir.Event, source, port string, served bool) {
		if regions[source] == nil {
			regions[source] = map[string]bool{}
		}
		regions[source][e.Region] = true
		if e.Kind == terroir.KindPayload {
			heard[[2]string{e.Region, source}] = true
		}
		if served {
			return
		}
		if wants[e.Region] == nil {
			wants[e.Region] = map[string]map[string]bool{}
		}
		if wants[e.Region][port] == nil {
			wants[e.Region][port] = map[string]bool{}
		}
		wants[e.Region][port][source] = true
	})
	for region, ports := range wants {
		for port, sources := range ports {
			for s := range sources {
				if len(regions[s]) > 2 || heard[[2]string{region, s}] {
					delete(sources, s)
				}
			}
			if len(sources) == 0 {
				delete(ports, port)
			}
		}
	}
	return wants
}

func covered(wants map[string]map[string]bool, ports []string) int64 {
	all := map[string]bool{}
	for _, p := range ports {
		for s := range wants[p] {
			all[s] = true
		}
	}
	return int64(len(all))
}

// bestThree tries every set of three ports.
func bestThree(wants map[string]map[string]bool) (best int64) {
	var ports []string
	for p := range wants {
		ports = append(ports, p)
	}
	for i := range ports {
		for j := i; j < len(ports); j++ {
			for k := j; k < len(ports); k++ {
				best = max(best, covered(wants, []string{ports[i], ports[j], ports[k]}))
			}
		}
	}
	return best
}
