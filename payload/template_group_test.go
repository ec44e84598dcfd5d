package payload

import (
	"bytes"
	"testing"
)

// TestOneProbeIsOneTemplate: what a tool sends is the same template whichever sensor it is sent to, over IPv4 or IPv6, and on
// whichever port.
func TestOneProbeIsOneTemplate(t *testing.T) {
	probe := func(host string) []byte { return []byte("GET /x HTTP/1.1\r\nHost: " + host + "\r\n\r\n") }
	cargo := func(host string) []byte { return []byte("curl http://" + host + "/ready; id") }
	one := NewTemplate(probe("192.0.2.17:8888"), self("192.0.2.17"), "http", cargo("192.0.2.17:1"))
	for _, other := range []struct{ address, host string }{{"198.51.100.9", "198.51.100.9:5001"}, {"2001:db8::7", "[2001:db8::7]:8888"}} {
		got := NewTemplate(probe(other.host), self(other.address), "http", cargo(other.host))
		if got.ID != one.ID || !bytes.Equal(got.Text, one.Text) {
			t.Errorf("%s: template %q with %q, want %q with %q", other.host, got.Text, got.Cargo, one.Text, one.Cargo)
		}
	}
}

// TestTheTemplatesIDHoldsAllItsParts: nothing can move from one part to the other and keep the id.
func TestTheTemplatesIDHoldsAllItsParts(t *testing.T) {
	seen := map[string]string{}
	for _, c := range []struct{ proto, text, cargo string }{
		{"", "ab", ""}, {"a", "b", ""}, {"", "a", "b"}, {"", "", "ab"}, {"ab", "", ""}, {"a", "", "b"}, {"http", "ab", ""}, {"", "ab", "ab"},
	} {
		id := NewTemplate([]byte(c.text), Self{}, c.proto, []byte(c.cargo)).ID
		if id.IsZero() || seen[id.String()] != "" {
			t.Errorf("%v has the id of %s", c, seen[id.String()])
		}
		seen[id.String()] = c.proto + "," + c.text + "," + c.cargo
	}
	if NewTemplate([]byte("a"), Self{}, "", nil).ID != NewTemplate([]byte("a"), Self{}, "", []byte{}).ID {
		t.Error("no cargo has two ids")
	}
}
