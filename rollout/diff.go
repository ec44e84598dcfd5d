package rollout

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"terroir"
	"terroir/config"
	"terroir/rollout/signed"
)

// Difference is what an overlay changes on a sensor.
type Difference struct {
	Sensor string `json:"sensor"`
	Region string `json:"region"`
	// Serial is that of the document in force; 0 for the sensor's own file.
	Serial      uint64 `json:"serial"`
	Theme       string `json:"theme"`
	ThemeBefore string `json:"theme_before"`
	// Stay is how many ports stay as they are. Until is when the overlay ends; zero is never.
	Stay    int       `json:"stay"`
	Until   time.Time `json:"until,omitzero"`
	Changes []Changed `json:"changes"`
}

// Changed is a port that is served otherwise: Before is nil for one that is added, After for one that is dropped.
type Changed struct {
	Before *signed.Port `json:"before,omitempty"`
	After  *signed.Port `json:"after,omitempty"`
	Reason string       `json:"reason"`
}

// differ compares what the sensor serves with what it is to serve.
func differ(s *Sensor, before, after signed.Period, o *config.Overlay, until time.Time) Difference {
	d := Difference{Sensor: s.Name, Region: s.Region, Serial: s.Serial, Theme: after.Theme, ThemeBefore: before.Theme, Until: until, Changes: []Changed{}}
	number := func(p signed.Port) string { return fmt.Sprintf("%05d/%s", p.Port, p.Transport) }
	was, is := map[string]signed.Port{}, map[string]signed.Port{}
	var all []string
	for _, p := range before.Ports {
		was[number(p)] = p
		all = append(all, number(p))
	}
	for _, p := range after.Ports {
		is[number(p)] = p
		all = append(all, number(p))
	}
	slices.Sort(all)
	for _, n := range slices.Compact(all) {
		b, old := was[n]
		a, stays := is[n]
		if old && stays && a == b {
			d.Stay++
			continue
		}
		c := Changed{Reason: o.Reason}
		if old {
			c.Before = &b
		}
		if stays {
			c.After = &a
		}
		d.Changes = append(d.Changes, c)
	}
	return d
}

// WriteDiff writes the differences as a diff of YAML.
func WriteDiff(w io.Writer, list []Difference) error {
	var b strings.Builder
	for _, d := range list {
		fmt.Fprintf(&b, "--- %s in %s, serial %d\n+++ %s", d.Sensor, d.Region, d.Serial, d.Sensor)
		if !d.Until.IsZero() {
			fmt.Fprintf(&b, ", until %s", d.Until.Format(time.RFC3339))
		}
		b.WriteString("\n")
		if d.Theme == d.ThemeBefore {
			fmt.Fprintf(&b, " theme: %s\n", d.Theme)
		} else {
			fmt.Fprintf(&b, "-theme: %s\n+theme: %s\n", d.ThemeBefore, d.Theme)
		}
		fmt.Fprintf(&b, " ports: # %d stay as they are\n", d.Stay)
		for _, c := range d.Changes {
			if c.Before != nil {
				fmt.Fprintf(&b, "-  - %s", line(c.Before))
				if c.After == nil {
					b.WriteString("  # " + oneLine(c.Reason))
				}
				b.WriteString("\n")
			}
			if c.After != nil {
				fmt.Fprintf(&b, "+  - %s  # %s\n", line(c.After), oneLine(c.Reason))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// oneLine is the text without line breaks and other control characters: it goes to a terminal.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return ' '
		}
		return r
	}, s)), " ")
}

// line is the port as an entry of listen.ports.
func line(p *signed.Port) string {
	s := "{port: " + strconv.Itoa(int(p.Port)) + ", transport: " + p.Transport
	if p.Service != "" {
		s += ", service: " + word(p.Service)
	}
	if p.TLS {
		s += ", tls: true"
	}
	if p.Persona != "" {
		s += ", persona: " + word(p.Persona)
	}
	if p.Proxy {
		s += ", proxy: true"
	}
	return s + "}"
}

// word is the text as YAML, with quotes where it needs them.
func word(s string) string {
	if terroir.ValidateName("word", s) == nil {
		return s
	}
	return strconv.Quote(oneLine(s))
}
