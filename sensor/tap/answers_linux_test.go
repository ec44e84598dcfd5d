package tap

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"terroir"
)

// refuse tries a closed port.
func refuse(t *testing.T, at string) {
	t.Helper()
	if c, err := net.Dial("tcp", at); err == nil {
		c.Close()
		t.Fatalf("something listens on %s", at)
	}
}

// TestAnswersToThisMachineAreNoAttempts asks from sockets that live shorter than any look at the kernel's table.
func TestAnswersToThisMachineAreNoAttempts(t *testing.T) {
	for name, looks := range map[string]bool{"sockets that go": false, "what goes out": true} {
		t.Run(name, func(t *testing.T) { answersAreNoAttempts(t, Options{looksAtOutgoing: looks}) })
	}
}

func answersAreNoAttempts(t *testing.T, opt Options) {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 9, 8, 4)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		for b := make([]byte, 100); ; {
			n, from, err := server.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = server.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	sink := &memory{}
	own := netip.MustParseAddr("127.9.8.5")
	opt.Addresses, opt.Interval = []netip.Addr{own}, time.Hour
	tap, err := Start(context.Background(), opt, sink)
	if errors.Is(err, ErrNoCapability) {
		t.Skip("CAP_NET_RAW is missing: run as root, or with the capability, as CI does")
	}
	if err != nil {
		t.Fatal(err)
	}
	asked := map[uint16]bool{}
	for range 20 {
		c, err := net.DialUDP("udp4", &net.UDPAddr{IP: own.AsSlice()}, server.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		asked[c.LocalAddr().(*net.UDPAddr).AddrPort().Port()] = true
		_, _ = c.Write([]byte("q"))
		if _, err := c.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if err := tap.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range sink.records {
		if r.Event != nil && r.Event.Transport == terroir.UDP && asked[r.Event.Destination.Port()] {
			t.Errorf("an answer is recorded as an attempt on port %d", r.Event.Destination.Port())
		}
	}
}
