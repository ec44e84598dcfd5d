package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"terroir"
	"terroir/config"
	"terroir/hub"
	"terroir/rollout/signed"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// base serves these ports on TCP.
func base(ports ...uint16) terroir.Configuration {
	c := terroir.Configuration{Theme: "none"}
	for _, p := range ports {
		c.Ports = append(c.Ports, terroir.ServedPort{Transport: terroir.TCP, Port: p})
	}
	return c
}

// numbers are the ports of a period, with their services.
func numbers(p *signed.Period) string {
	var list []string
	for _, x := range p.Ports {
		list = append(list, fmt.Sprintf("%d%s", x.Port, x.Service))
	}
	return strings.Join(list, " ")
}

func TestOverlaysLieOverEachOther(t *testing.T) {
	add := func(port int, service string) *config.Overlay {
		return &config.Overlay{Add: []config.Port{{Port: port, Transport: "tcp", Service: service}}}
	}
	drop := func(p string) *config.Overlay { return &config.Overlay{Drop: []string{p}} }
	for name, c := range map[string]struct {
		layers []layer
		want   string
	}{
		"none":                                {nil, "1 2"},
		"one for good":                        {[]layer{{overlay: add(3, "")}}, "1 2 3"},
		"one until later":                     {[]layer{{add(3, ""), noon.Add(time.Hour)}}, "1 2 3 | 1 2"},
		"one that ended":                      {[]layer{{add(3, ""), noon}}, "1 2"},
		"the later one wins":                  {[]layer{{overlay: add(2, "a")}, {overlay: add(2, "b")}}, "1 2b"},
		"dropped and added again":             {[]layer{{overlay: drop("tcp/2")}, {add(2, "b"), noon.Add(time.Hour)}}, "1 2b | 1"},
		"dropped, not served":                 {[]layer{{overlay: drop("tcp/9")}}, "1 2"},
		"the first one ends first":            {[]layer{{add(3, ""), noon.Add(time.Hour)}, {add(4, ""), noon.Add(2 * time.Hour)}}, "1 2 3 4 | 1 2 4 | 1 2"},
		"the last one ends first":             {[]layer{{add(3, ""), noon.Add(2 * time.Hour)}, {add(4, ""), noon.Add(time.Hour)}}, "1 2 3 4 | 1 2 3 | 1 2"},
		"an end that changes nothing is none": {[]layer{{add(3, "a"), noon.Add(time.Hour)}, {overlay: add(3, "a")}}, "1 2 3a"},
		"another theme":                       {[]layer{{overlay: &config.Overlay{Theme: "none", Add: []config.Port{{Port: 7, Transport: "tcp"}}}}}, "7"},
	} {
		periods, err := compose(base(1, 2), c.layers, noon)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for i := range periods {
			got = append(got, numbers(&periods[i]))
		}
		if strings.Join(got, " | ") != c.want {
			t.Errorf("%s: %s, want %s", name, strings.Join(got, " | "), c.want)
		}
	}
	if _, err := compose(base(1), []layer{{overlay: drop("tcp/1")}}, noon); terroir.ErrorCode(err) != terroir.ECONFIG {
		t.Errorf("nothing is served: %v", err)
	}
}

// TestAnyOverlaysAtAnyTime compares the periods with what each time asks for by itself.
func TestAnyOverlaysAtAnyTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var layers []layer
		for range rapid.IntRange(0, 6).Draw(t, "n") {
			o := &config.Overlay{}
			for _, p := range rapid.SliceOfNDistinct(rapid.IntRange(2, 6), 0, 3, rapid.ID[int]).Draw(t, "ports") {
				if rapid.Bool().Draw(t, "add") {
					o.Add = append(o.Add, config.Port{Port: p, Transport: "tcp", Service: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "service")})
				} else {
					o.Drop = append(o.Drop, fmt.Sprintf("tcp/%d", p))
				}
			}
			l := layer{overlay: o}
			if h := rapid.IntRange(0, 4).Draw(t, "hours"); h > 0 {
				l.until = noon.Add(time.Duration(h) * time.Hour)
			}
			layers = append(layers, l)
		}
		periods, err := compose(base(1, 2, 3), layers, noon)
		if err != nil {
			t.Fatal(err)
		}
		d := signed.Document{Version: 1, Serial: 1, Sensor: "s", Issued: noon, Expires: noon.Add(time.Hour), Periods: periods}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		for h := range 12 {
			at := noon.Add(time.Duration(h) * 30 * time.Minute)
			c := base(1, 2, 3)
			for _, l := range layers {
				if l.until.IsZero() || l.until.After(at) {
					c = l.overlay.Over(c)
				}
			}
			slices.SortFunc(c.Ports, func(a, b terroir.ServedPort) int { return int(a.Port) - int(b.Port) })
			want := signed.PeriodOf(c, time.Time{})
			if got := d.At(at); numbers(got) != numbers(&want) {
				t.Fatalf("at %s: %s, want %s", at, numbers(got), numbers(&want))
			}
		}
	})
}

func TestTheDiffSaysWhatChangesAndWhy(t *testing.T) {
	s := &Sensor{Sensor: hub.Sensor{Name: "paris-1", Region: "eu-west-3", Serial: 4}}
	o := &config.Overlay{Reason: "seen in\x1b[2J\nLagos", Drop: []string{"tcp/2"}, Add: []config.Port{{Port: 1, Transport: "tcp", Service: "a b"}, {Port: 53}}}
	before := signed.PeriodOf(base(1, 2, 3), time.Time{})
	after, err := compose(base(1, 2, 3), []layer{{o, noon}}, noon.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := WriteDiff(&b, []Difference{differ(s, before, after[0], o, noon)}); err != nil {
		t.Fatal(err)
	}
	const want = `--- paris-1 in eu-west-3, serial 4
+++ paris-1, until 2026-03-01T12:00:00Z
 theme: none
 ports: # 1 stay as they are
-  - {port: 1, transport: tcp}
+  - {port: 1, transport: tcp, service: "a b"}  # seen in [2J Lagos
-  - {port: 2, transport: tcp}  # seen in [2J Lagos
+  - {port: 53, transport: tcp}  # seen in [2J Lagos
+  - {port: 53, transport: udp}  # seen in [2J Lagos
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWhenACanaryFails(t *testing.T) {
	before := sample{noon, Sensor{Sensor: hub.Sensor{Serial: 2, Since: noon.Add(-time.Hour), Beat: noon, Every: time.Minute, Events: 6000, Errors: 600, Limits: 60}}}
	for name, c := range map[string]struct {
		change func(*hub.Sensor)
		want   string
	}{
		"as before":                 {func(s *hub.Sensor) { s.Events, s.Errors, s.Limits = 7000, 700, 70 }, ""},
		"nothing comes":             {func(*hub.Sensor) {}, ""},
		"a refusal":                 {func(s *hub.Sensor) { s.Refusal = terroir.Refusal{Serial: 3, Reason: "taken"} }, "taken"},
		"a refusal of before":       {func(s *hub.Sensor) { s.Refusal = terroir.Refusal{Serial: 2, Reason: "taken"} }, ""},
		"an older one again":        {func(s *hub.Sensor) { s.Serial = 2 }, "serial 2 again"},
		"its own file again":        {func(s *hub.Sensor) { s.Serial = 0 }, "serial 0 again"},
		"no heartbeat":              {func(s *hub.Sensor) { s.Beat = noon.Add(-time.Hour) }, "no heartbeat"},
		"refused attempts":          {func(s *hub.Sensor) { s.Limits = 60 + 200 }, "refused 200"},
		"few refused attempts":      {func(s *hub.Sensor) { s.Limits = 60 + 20 }, ""},
		"errors":                    {func(s *hub.Sensor) { s.Events, s.Errors = 6100, 690 }, "90 of 100"},
		"many errors of many more":  {func(s *hub.Sensor) { s.Events, s.Errors = 16000, 2600 }, ""},
		"the hub counts anew":       {func(s *hub.Sensor) { s.Since, s.Events, s.Errors, s.Limits = noon.Add(time.Minute), 10, 1, 1 }, ""},
		"the hub counts anew, many": {func(s *hub.Sensor) { s.Since, s.Limits = noon.Add(time.Minute), 1000 }, "refused 1000"},
	} {
		now := sample{noon.Add(10 * time.Minute), before.Sensor}
		now.Serial, now.Beat = 3, noon.Add(10*time.Minute)
		c.change(&now.Sensor.Sensor)
		got := DefaultLimits().verdict(before, now, 3)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
