package sensor

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"terroir"
	"terroir/sensor/cert"
	"terroir/sensor/listen"
	"terroir/sensor/spool"
	"terroir/wire"
)

// recorded are the records in the sensor's spool.
func recorded(t *testing.T, dir string) (list []terroir.Record) {
	t.Helper()
	s, err := spool.Open(dir+"/spool", spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := s.Reader(1)
	defer r.Close()
	for left := s.Pending(); left > 0; {
		entries, err := r.Next(context.Background(), 100, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		left -= uint64(len(entries))
		for _, e := range entries {
			var record terroir.Record
			if err := wire.DecodeRecord(e.Data, &record); err != nil {
				t.Fatal(err)
			}
			list = append(list, record)
		}
	}
	return list
}

// TestADocumentThatCannotBeServedAtTheStart leaves the sensor's own file in force, and the hub hears why. Then changes come:
// one that cannot be made leaves everything, one that can is announced with its serial.
func TestADocumentThatCannotBeServedAtTheStart(t *testing.T) {
	address := netip.MustParseAddr("127.0.0.1")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	served := func(revision int32, ports ...uint16) terroir.Configuration {
		c := terroir.Configuration{Theme: "none", Revision: revision}
		for _, p := range ports {
			c.Ports = append(c.Ports, terroir.ServedPort{Transport: terroir.TCP, Port: p})
		}
		return c
	}
	certificate, err := cert.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	busy := uint16(taken.Addr().(*net.TCPAddr).Port)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	changes, refusals, ready, done := make(chan Change), make(chan terroir.Refusal), make(chan []listen.Bound, 4), make(chan error, 1)
	dir := t.TempDir()
	go func() {
		done <- Run(ctx, Options{Name: "paris-1", Region: "eu-west-3", Dir: dir, Bus: "nats://127.0.0.1:1", SpoolBytes: 1 << 20, Heartbeat: time.Hour, Drain: time.Millisecond,
			Configuration: served(2, busy), Serial: 7, Own: func() (terroir.Configuration, error) { return served(3, port), nil },
			Changes: changes, Refusals: refusals, Listen: listen.Options{Addresses: []netip.Addr{address}, Certificate: certificate, KeepBytes: 1 << 10,
				SessionBytes: 1 << 20, IdleBefore: time.Second, IdleAfter: time.Second, MaxAge: time.Minute, MaxSessions: 10, MaxPerSource: 10, MaxPerNetwork: 10},
			Ready: func(b []listen.Bound) error { ready <- b; return nil }})
	}()
	select {
	case b := <-ready:
		if len(b) != 1 || b[0].Addr.Port() != port {
			t.Errorf("bound are %v", b)
		}
	case err := <-done:
		t.Fatal(err)
	}
	change := func(c Change) error {
		told := make(chan error, 1)
		c.Done = func(err error) { told <- err }
		changes <- c
		return <-told
	}
	if err := change(Change{Configuration: served(4, busy), Serial: 8, Adopt: func() error { t.Error("adopted"); return nil }}); terroir.ErrorCode(err) != terroir.ECONFIG {
		t.Errorf("a port that is taken: %v", err)
	}
	refusals <- terroir.Refusal{Serial: 8, Reason: "taken"}
	taken.Close()
	if err := change(Change{Configuration: served(4, busy), Serial: 9}); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, r := range recorded(t, dir) {
		switch {
		case r.Announcement != nil:
			said = append(said, strings.Repeat("A", int(r.Announcement.Serial))+"a")
		case r.Heartbeat != nil && r.Heartbeat.Refusal.Reason != "":
			said = append(said, strings.Repeat("R", int(r.Heartbeat.Refusal.Serial)))
		case r.Heartbeat != nil:
			said = append(said, strings.Repeat("H", int(r.Heartbeat.Serial))+"h")
		}
	}
	// Its own file; the old refusal until the new one, and at the change; then the document, without a refusal.
	if got := strings.Join(said, " "); got != "a RRRRRRR RRRRRRRR RRRRRRRR AAAAAAAAAa HHHHHHHHHh" {
		t.Errorf("it said %s", got)
	}
}
