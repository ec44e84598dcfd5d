// Package signed is what a hub tells a sensor to serve: a document, signed by the hub, and what a sensor believes.
//
// A document names its sensor, has a serial number that only grows, and says by periods what is served: the last one has no
// end, so a sensor knows what to return to when an overlay ends, also when the hub is away. On the bus it is an envelope, JSON:
//
//	{"key": "N…", "signature": "base64", "document": "base64"}
//
// The signature (Ed25519, by an NKey of a server, https://docs.nats.io) is over the bytes of the document, with a prefix that
// keeps it apart from anything else that such a key could sign. The document is JSON, too; a key that is not known makes it
// malformed, as it may change what the rest means.
package signed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"
	"unicode/utf8"

	"terroir"
)

const (
	// version is that of the document's form.
	version = 1
	// MaxPeriods bounds the periods of a document, MaxPorts the ports of a period (a port on TCP and UDP counts twice).
	MaxPeriods = 64
	MaxPorts   = 4096
	// maxText bounds names of themes, services and personas, in bytes.
	maxText = 63
)

// Document is what one sensor is to serve.
type Document struct {
	Version int `json:"version"`
	// Serial is greater in every document that says something new.
	Serial uint64    `json:"serial"`
	Sensor string    `json:"sensor"`
	Issued time.Time `json:"issued"`
	// Expires is when a sensor does not accept it any more. One that it accepted holds on.
	Expires time.Time `json:"expires"`
	// Periods follow one another; the last one has no end.
	Periods []Period `json:"periods"`
}

// Period is what is served until a time.
type Period struct {
	// Until is when the next period begins; zero in the last one.
	Until time.Time `json:"until,omitzero"`
	Theme string    `json:"theme"`
	Ports []Port    `json:"ports"`
}

// Port is a served port as a document has it. The keys are those of a sensor's file.
type Port struct {
	Port      uint16 `json:"port"`
	Transport string `json:"transport"`
	Service   string `json:"service,omitempty"`
	TLS       bool   `json:"tls,omitempty"`
	Persona   string `json:"persona,omitempty"`
	Proxy     bool   `json:"proxy,omitempty"`
}

// PeriodOf is a period that serves the configuration until a time; zero for the last one.
func PeriodOf(c terroir.Configuration, until time.Time) Period {
	p := Period{Until: until, Theme: c.Theme}
	for _, s := range c.Ports {
		p.Ports = append(p.Ports, Port{Port: s.Port, Transport: s.Transport.String(), Service: s.Service, TLS: s.TLS, Persona: s.Persona, Proxy: s.Proxy})
	}
	return p
}

// Configuration is what the period serves, without a revision: sensors number those themselves.
//
// What cannot be served yields an ECONFIG error.
func (p *Period) Configuration() (terroir.Configuration, error) {
	c := terroir.Configuration{Theme: p.Theme}
	if len(p.Ports) == 0 || len(p.Ports) > MaxPorts {
		return c, terroir.Errorf(terroir.ECONFIG, "%d ports, where 1 to %d are allowed", len(p.Ports), MaxPorts)
	}
	if !short(p.Theme) {
		return c, terroir.Errorf(terroir.ECONFIG, "the theme is not a name")
	}
	for _, x := range p.Ports {
		t, err := terroir.ParseTransport(x.Transport)
		if err != nil || t != terroir.TCP && t != terroir.UDP {
			return c, terroir.Errorf(terroir.ECONFIG, "port %d: the transport is neither tcp nor udp", x.Port)
		}
		if !short(x.Service) || !short(x.Persona) {
			return c, terroir.Errorf(terroir.ECONFIG, "port %d: service or persona is not a name", x.Port)
		}
		if x.Proxy && t != terroir.TCP {
			return c, terroir.Errorf(terroir.ECONFIG, "port %d: proxy is for tcp only", x.Port)
		}
		c.Ports = append(c.Ports, terroir.ServedPort{Transport: t, Port: x.Port, Service: x.Service, TLS: x.TLS, Persona: x.Persona, Proxy: x.Proxy})
	}
	return c, c.Validate()
}

// short reports whether the text is of a length and of characters that may stand in names.
func short(s string) bool {
	if len(s) > maxText || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// At is the period that holds at a time.
func (d *Document) At(now time.Time) *Period {
	for i := range d.Periods {
		if p := &d.Periods[i]; p.Until.IsZero() || now.Before(p.Until) {
			return p
		}
	}
	return &d.Periods[len(d.Periods)-1]
}

// Same reports whether both say the same, whoever signed them and when.
func (d *Document) Same(other *Document) bool {
	return d.Serial == other.Serial && d.Sensor == other.Sensor && SamePeriods(d.Periods, other.Periods)
}

// SamePeriods reports whether both lists serve the same at all times.
func SamePeriods(a, b []Period) bool {
	return len(a) == len(b) && func() bool {
		for i := range a {
			if !a[i].Until.Equal(b[i].Until) || a[i].Theme != b[i].Theme || !reflect.DeepEqual(a[i].Ports, b[i].Ports) {
				return false
			}
		}
		return true
	}()
}

// Check reports the first thing that is wrong with the document, whoever signed it, as an ECONFIG error.
func (d *Document) Check() error {
	switch {
	case d.Version != version:
		return terroir.Errorf(terroir.ECONFIG, "a document of version %d; this one knows %d", d.Version, version)
	case d.Serial == 0:
		return terroir.Errorf(terroir.ECONFIG, "the document has no serial number")
	case terroir.ValidateName("sensor", d.Sensor) != nil:
		return terroir.Errorf(terroir.ECONFIG, "the document names no sensor")
	case d.Expires.IsZero() || d.Issued.IsZero():
		return terroir.Errorf(terroir.ECONFIG, "the document does not say when it was issued, or until when it is good")
	case len(d.Periods) == 0 || len(d.Periods) > MaxPeriods:
		return terroir.Errorf(terroir.ECONFIG, "%d periods, where 1 to %d are allowed", len(d.Periods), MaxPeriods)
	}
	for i := range d.Periods {
		p := &d.Periods[i]
		last := i == len(d.Periods)-1
		if last != p.Until.IsZero() || i > 0 && !last && !p.Until.After(d.Periods[i-1].Until) {
			return terroir.Errorf(terroir.ECONFIG, "period %d ends at the wrong time", i+1)
		}
		if _, err := p.Configuration(); err != nil {
			return fmt.Errorf("period %d: %w", i+1, err)
		}
	}
	return nil
}

// decode reads JSON strictly: nothing that is not known, nothing behind it.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows")
	}
	return nil
}
