package config

import (
	"strings"
	"testing"
	"time"

	"terroir"
)

func TestAnOverlayIsCheckedWithItsPlaces(t *testing.T) {
	for name, c := range map[string]struct{ text, where, want string }{
		"good":                  {"region: sa-east-1\nadd: [{port: 6380, service: redis}]\ndrop: [tcp/23, udp/53]\nreason: x\nexpires: 14d\nevidence: [gap-view]\n", "", ""},
		"for sensors":           {"sensors: [a, b]\ntheme: containers\nreason: x\nexpires: 2030-01-01T00:00:00Z\n", "", ""},
		"for nobody":            {"drop: [tcp/1]\nreason: x\n", "o.yaml", "for a region or for sensors"},
		"for both":              {"region: a\nsensors: [b]\ndrop: [tcp/1]\nreason: x\n", "o.yaml:1:9", "for a region or for sensors"},
		"a region's name":       {"region: ../x\ndrop: [tcp/1]\nreason: x\n", "o.yaml:1:9", "region"},
		"a sensor's name":       {"sensors: [a, b/c]\ndrop: [tcp/1]\nreason: x\n", "o.yaml:1:14", "sensor"},
		"a sensor twice":        {"sensors: [a, a]\ndrop: [tcp/1]\nreason: x\n", "o.yaml:1:14", "twice"},
		"nothing changes":       {"region: a\nreason: x\n", "o.yaml", "changes nothing"},
		"no reason":             {"region: a\ndrop: [tcp/1]\n", "o.yaml", "no reason"},
		"an unknown theme":      {"region: a\ntheme: all\nreason: x\n", "o.yaml:2:8", "no theme"},
		"an unknown key":        {"region: a\nports: [1]\n", "o.yaml:2:1", "unknown key"},
		"port 0":                {"region: a\nadd: [{port: 0}]\nreason: x\n", "o.yaml:2:14", "out of range"},
		"a drop without number": {"region: a\ndrop: [tcp]\nreason: x\n", "o.yaml:2:8", "not a port"},
		"a drop of icmp":        {"region: a\ndrop: [icmp/0]\nreason: x\n", "o.yaml:2:8", "not a port"},
		"a drop of port 0":      {"region: a\ndrop: [tcp/0]\nreason: x\n", "o.yaml:2:8", "not a port"},
		"added and dropped":     {"region: a\nadd: [{port: 5}]\ndrop: [udp/5]\nreason: x\n", "o.yaml:3:8", "already"},
		"an end that is none":   {"region: a\ndrop: [tcp/1]\nreason: x\nexpires: soon\n", "o.yaml:4:10", "neither a time nor a duration"},
		"an end in the past":    {"region: a\ndrop: [tcp/1]\nreason: x\nexpires: -5m\n", "o.yaml:4:10", "neither a time nor a duration"},
		"a second document":     {"region: a\ndrop: [tcp/1]\nreason: x\n---\nregion: b\n", "o.yaml:4:1", "second document"},
	} {
		t.Setenv("TERROIR_OVERLAY_REGION", "elsewhere") // It has no say.
		_, err := ParseOverlay("o.yaml", []byte(c.text))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || terroir.ErrorCode(err) != terroir.ECONFIG || !strings.HasPrefix(err.Error(), c.where+":") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s … %s", name, err, c.where, c.want)
		}
	}
}

func TestWhenAnOverlayEnds(t *testing.T) {
	applied := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{"": {}, "2d": applied.Add(48 * time.Hour), "90s": applied.Add(90 * time.Second),
		"2026-03-05T01:00:00+01:00": time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)} {
		if got, err := (&Overlay{Expires: text}).Until(applied); err != nil || !got.Equal(want) {
			t.Errorf("%q: %s %v, want %s", text, got, err, want)
		}
	}
}

func TestATrustedKeyIsAKeyOrAReference(t *testing.T) {
	const key = "NAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for text, good := range map[string]bool{"file:key.pub": true, "env:KEY": true, "UAAA": false, "key.pub": false, key[:20]: false} {
		_, err := ParseSensor("s.yaml", []byte("configurations: {trust: \""+text+"\"}\n"))
		if (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzOverlay parses anything as an overlay; what is accepted can be laid over a configuration.
func FuzzOverlay(f *testing.F) {
	f.Add([]byte("region: sa-east-1\nadd: [{port: 6380, transport: tcp, service: redis}]\ndrop: [tcp/23]\nexpires: 14d\nreason: x\nevidence: [y]\n"))
	f.Add([]byte("sensors: [a]\ntheme: none\nadd: [{port: 1}]\nreason: x\nexpires: 2030-01-01T00:00:00Z\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseOverlay("o.yaml", text)
		if err != nil {
			if terroir.ErrorCode(err) != terroir.ECONFIG {
				t.Fatalf("%v", err)
			}
			return
		}
		c := o.Over(terroir.Containers())
		if err := c.Validate(); err != nil {
			t.Fatalf("what lies over is not valid: %v", err)
		}
	})
}
