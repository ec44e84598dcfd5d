package main

import (
	"net/netip"
	"strings"
	"testing"

	"terroir"
	"terroir/hub"
)

func TestTheLivePanelDoesNotNameTheSensor(t *testing.T) {
	a := hub.Arrival{Payload: []byte("GET / HTTP/1.1\r\nHost: 203.0.113.9\r\n" + strings.Repeat("x", 4000)),
		Event: terroir.Event{Destination: netip.MustParseAddrPort("203.0.113.9:80")}}
	if p := preview(&a); strings.Contains(p, "203.0.113.9") || !strings.HasPrefix(p, "GET / HTTP/1.1") {
		t.Errorf("%q", p)
	}
	if p := preview(&hub.Arrival{Payload: []byte("INFO")}); p != "INFO" {
		t.Errorf("%q", p)
	}
}
