package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"terroir"
)

// Truth is what an analysis of the window must find, counted from the labels while the events are made.
type Truth struct {
	Seed     uint64           `json:"seed"`
	Days     int              `json:"days"`
	Scale    float64          `json:"scale"`
	Events   int64            `json:"events"`
	Attempts int64            `json:"attempts"`
	ByKind   map[string]int64 `json:"attempts_by_kind"`
	ByRegion map[string]int64 `json:"attempts_by_region"`
	// IPv6 is the number of attempts over IPv6.
	IPv6 int64 `json:"attempts_ipv6"`
	// PayloadPortRegion are payload events by port (all transports) and region.
	PayloadPortRegion map[string]map[string]int64 `json:"payloads_by_port_and_region"`
	// Redis is what came to TCP port 6379.
	Redis struct {
		Payloads int64 `json:"payloads"`
		Raw      int64 `json:"distinct_raw"`
		Masked   int64 `json:"distinct_with_the_sensor_masked"`
		Families int64 `json:"families"`
	} `json:"port_6379"`
	// Reach, by what is counted, is how many have payloads in so many regions.
	Reach map[string]map[string]int64 `json:"reach"`
	// FewRegions are the countries whose payloads came to at most two regions, with these; FewRegionsAnyKind those that
	// one finds when every kind is counted by mistake; FewRegionsPorts the ports of the former, with payload events.
	FewRegions        map[string][]string `json:"countries_reach_le_2"`
	FewRegionsAnyKind []string            `json:"countries_reach_le_2_any_kind"`
	FewRegionsPorts   map[string]int64    `json:"countries_reach_le_2_ports"`
	PairPorts         []int               `json:"pair_unserved_ports"`
	Planted           []PlantedPort       `json:"planted_unserved_ports"`
	Outage            Outage              `json:"outage"`
	// Rare are the study's own payloads: how often each occurs.
	Rare map[string]int64 `json:"rare"`
}

// PlantedPort is an unserved port that many regional sources try in one region.
type PlantedPort struct {
	Region  string `json:"region"`
	Port    int    `json:"port"`
	Sources int    `json:"sources"`
}

type set map[string]map[string]bool

func (s set) add(k, v string) {
	if s[k] == nil {
		s[k] = map[string]bool{}
	}
	s[k][v] = true
}

// counter counts the truth.
type counter struct {
	w                               *World
	t                               *Truth
	source, asn, country, anyKind   set
	ports                           map[string]map[string]int64 // country → port → payload events
	raw, masked, families, tcpPairs map[string]bool
	planted                         set
}

func (w *World) newCounter() *counter {
	return &counter{w: w, t: &Truth{Seed: w.opt.Seed, Days: w.opt.Days, Scale: w.opt.Scale, ByKind: map[string]int64{}, ByRegion: map[string]int64{},
		PayloadPortRegion: map[string]map[string]int64{}, Reach: map[string]map[string]int64{}, FewRegions: map[string][]string{},
		FewRegionsPorts: map[string]int64{}, Outage: w.outage, Rare: map[string]int64{}},
		source: set{}, asn: set{}, country: set{}, anyKind: set{}, ports: map[string]map[string]int64{}, raw: map[string]bool{},
		masked: map[string]bool{}, families: map[string]bool{}, tcpPairs: map[string]bool{}, planted: set{}}
}

func (c *counter) add(r *terroir.Record, l *Label) {
	e := r.Event
	c.t.Events++
	c.t.Attempts += e.Attempts
	c.t.ByKind[e.Kind.String()] += e.Attempts
	c.t.ByRegion[e.Region] += e.Attempts
	if e.IPVersion() == 6 {
		c.t.IPv6 += e.Attempts
	}
	c.anyKind.add(l.Country, e.Region)
	port := strconv.Itoa(int(e.Destination.Port()))
	if e.Kind == terroir.KindUnserved {
		if l.Class == classPair {
			c.tcpPairs[port] = true
		}
		c.planted.add(e.Region+" "+port, e.Source.Addr().String())
		return
	}
	if e.Kind == terroir.KindPayload {
		c.payload(r, l, port)
	}
}

func (c *counter) payload(r *terroir.Record, l *Label, port string) {
	e := r.Event
	if c.t.PayloadPortRegion[port] == nil {
		c.t.PayloadPortRegion[port] = map[string]int64{}
	}
	c.t.PayloadPortRegion[port][e.Region]++
	c.source.add(e.Source.Addr().String(), e.Region)
	c.asn.add(strconv.Itoa(int(l.ASN)), e.Region)
	c.country.add(l.Country, e.Region)
	if c.ports[l.Country] == nil {
		c.ports[l.Country] = map[string]int64{}
	}
	c.ports[l.Country][port]++
	if l.Proto == "study" {
		c.t.Rare[l.Family]++
	}
	if port == "6379" {
		c.t.Redis.Payloads++
		c.raw[string(r.Payload)] = true
		c.masked[string(bytes.ReplaceAll(r.Payload, []byte(e.Destination.Addr().String()), []byte("<HONEYPOT IP>")))] = true
		c.families[l.Family] = true
	}
}

func (c *counter) finish() *Truth {
	t := c.t
	t.Redis.Raw, t.Redis.Masked, t.Redis.Families = int64(len(c.raw)), int64(len(c.masked)), int64(len(c.families))
	for by, s := range map[string]set{"source": c.source, "asn": c.asn, "country": c.country} {
		t.Reach[by] = map[string]int64{}
		for _, regions := range s {
			t.Reach[by][strconv.Itoa(len(regions))]++
		}
	}
	for country, regions := range c.country {
		if len(regions) > 2 {
			continue
		}
		t.FewRegions[country] = keys(regions)
		for port, n := range c.ports[country] {
			t.FewRegionsPorts[port] += n
		}
		if len(c.anyKind[country]) <= 2 {
			t.FewRegionsAnyKind = append(t.FewRegionsAnyKind, country)
		}
	}
	slices.Sort(t.FewRegionsAnyKind)
	for p := range c.tcpPairs {
		n, _ := strconv.Atoi(p) // made by Itoa
		t.PairPorts = append(t.PairPorts, n)
	}
	slices.Sort(t.PairPorts)
	for _, p := range plantedPorts {
		region := c.w.sensors[p.region].Region
		t.Planted = append(t.Planted, PlantedPort{region, int(p.port), len(c.planted[fmt.Sprintf("%s %d", region, p.port)])})
	}
	return t
}

func keys(m map[string]bool) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// Truth makes every event and counts.
func (w *World) Truth(ctx context.Context) (*Truth, error) {
	c := w.newCounter()
	err := w.Events(ctx, func(r terroir.Record, l Label) error {
		c.add(&r, &l)
		return nil
	})
	return c.finish(), err
}

// JSON is the truth as a file holds it.
func (t *Truth) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(t, "", " ")
	return append(b, '\n'), err
}
