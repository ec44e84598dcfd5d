package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"terroir"
)

// Overlay is a change to what the sensors of a region serve, with the reasons for it.
type Overlay struct {
	Region   string   `yaml:"region" json:"region,omitempty" doc:"region whose sensors it is for; or sensors"`
	Sensors  []string `yaml:"sensors" json:"sensors,omitempty" doc:"names of the sensors that it is for, all of one region; or region"`
	Theme    string   `yaml:"theme" json:"theme,omitempty" doc:"list of ports to begin with in place of what is served: containers, or none"`
	Add      []Port   `yaml:"add" json:"add,omitempty" doc:"ports to serve in addition, or in another way"`
	Drop     []string `yaml:"drop" json:"drop,omitempty" doc:"ports to serve no more, such as tcp/6379"`
	Expires  string   `yaml:"expires" json:"expires,omitempty" doc:"when it ends by itself: a time (RFC 3339) or a duration from when it is applied, such as 14d; none means never"`
	Reason   string   `yaml:"reason" json:"reason" doc:"why, in a sentence"`
	Evidence []string `yaml:"evidence" json:"evidence,omitempty" doc:"what it rests on: views, reports, notes"`

	origins map[string]string
	pos     positions
}

const (
	// maxOverlayPorts bounds what an overlay adds and drops.
	maxOverlayPorts = 1024
	// maxReason bounds a reason and a line of evidence, in bytes.
	maxReason = 1000
)

// ParseOverlay reads an overlay; name stands in messages. No variable of the environment has a say in it. Everything that is
// wrong comes as an ECONFIG error whose Where is file:line:column.
func ParseOverlay(name string, text []byte) (Overlay, error) {
	var o Overlay
	var err error
	if o.pos, o.origins, err = decodeText(name, text, &o); err != nil {
		return o, err
	}
	return o, o.check()
}

// Origins says for each key of the file where its value stands.
func (o *Overlay) Origins() map[string]string { return o.origins }

func (o *Overlay) check() error {
	for _, step := range []func() error{o.checkWhom, o.checkPorts, o.checkWords} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (o *Overlay) checkWhom() error {
	if (o.Region == "") == (len(o.Sensors) == 0) {
		return wrong(o.pos.of("region"), "an overlay is for a region or for sensors, one of both", "write region: NAME or sensors: [NAME]")
	}
	if o.Region != "" {
		if err := terroir.ValidateName("region", o.Region); err != nil {
			return wrong(o.pos.of("region"), err.Error(), "")
		}
	}
	for i, s := range o.Sensors {
		where := o.pos.of(fmt.Sprintf("sensors[%d]", i))
		if err := terroir.ValidateName("sensor", s); err != nil {
			return wrong(where, err.Error(), "")
		}
		if slices.Contains(o.Sensors[:i], s) {
			return wrong(where, fmt.Sprintf("sensor %s is listed twice", s), "")
		}
	}
	if o.Theme != "" && o.Theme != "containers" && o.Theme != "none" {
		return wrong(o.pos.of("theme"), fmt.Sprintf("there is no theme %q", o.Theme), "use containers, or none with add")
	}
	return nil
}

func (o *Overlay) checkPorts() error {
	if o.Theme == "" && len(o.Add) == 0 && len(o.Drop) == 0 {
		return wrong(o.pos.name, "the overlay changes nothing", "write add, drop or theme")
	}
	if len(o.Add) > maxOverlayPorts || len(o.Drop) > maxOverlayPorts {
		return wrong(o.pos.of("add"), fmt.Sprintf("more than %d ports", maxOverlayPorts), "")
	}
	seen, err := checkPorts(o.Add, "add", o.pos)
	if err != nil {
		return err
	}
	for i, text := range o.Drop {
		where := o.pos.of(fmt.Sprintf("drop[%d]", i))
		p, err := terroir.ParseServedPort(text)
		if err != nil {
			return wrong(where, fmt.Sprintf("%q is not a port", text), "write tcp/6379 or udp/53")
		}
		if _, twice := seen[p]; twice {
			return wrong(where, fmt.Sprintf("%s is added or dropped already", text), "")
		}
		seen[p] = -1
	}
	return nil
}

func (o *Overlay) checkWords() error {
	if strings.TrimSpace(o.Reason) == "" {
		return wrong(o.pos.of("reason"), "there is no reason", "say in a sentence why")
	}
	for _, text := range append([]string{o.Reason}, o.Evidence...) {
		if len(text) > maxReason {
			return wrong(o.pos.of("reason"), fmt.Sprintf("a text of %d bytes", len(text)), fmt.Sprintf("use at most %d", maxReason))
		}
	}
	if len(o.Evidence) > maxOverlayPorts {
		return wrong(o.pos.of("evidence"), "too much evidence", fmt.Sprintf("use at most %d lines", maxOverlayPorts))
	}
	if _, err := o.Until(time.Now()); err != nil {
		return wrong(o.pos.of("expires"), err.Error(), "write 2026-01-31T00:00:00Z, or 14d")
	}
	return nil
}

// Until is when an overlay that is applied at a time ends; zero if it does not.
func (o *Overlay) Until(applied time.Time) (time.Time, error) {
	if o.Expires == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, o.Expires); err == nil {
		return at.UTC(), nil
	}
	var d Duration
	if err := d.UnmarshalText([]byte(o.Expires)); err != nil || d <= 0 {
		return time.Time{}, fmt.Errorf("%q is neither a time nor a duration", o.Expires)
	}
	return applied.Add(time.Duration(d)).UTC(), nil
}

// Over is what is served when the overlay lies over what c serves. A port that is dropped and not served changes nothing.
func (o *Overlay) Over(c terroir.Configuration) terroir.Configuration {
	out := terroir.Configuration{Theme: c.Theme, Ports: slices.Clone(c.Ports)}
	switch o.Theme {
	case "containers":
		out = terroir.Containers()
	case "none":
		out = terroir.Configuration{Theme: "none"}
	}
	for _, text := range o.Drop {
		p, _ := terroir.ParseServedPort(text) // checked by checkPorts
		out.Ports = slices.DeleteFunc(out.Ports, func(x terroir.ServedPort) bool { return x.Transport == p.Transport && x.Port == p.Port })
	}
	out.Revision = 0
	serve(&out, o.Add)
	return out
}
