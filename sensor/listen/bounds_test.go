package listen

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"terroir"
)

// from dials the port from an address of loopback's network. It returns nil when the client was refused while it
// connected.
func (x *trap) from(a string, port uint16) net.Conn {
	x.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(a)}}
	c, err := d.Dial("tcp", x.addr(port, terroir.TCP))
	if err != nil {
		return nil
	}
	x.t.Cleanup(func() { c.Close() })
	return c
}

func (x *trap) awaitRefused(reason string, n int64) {
	x.t.Helper()
	for end := time.Now().Add(10 * time.Second); x.refused(reason) != n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			x.t.Fatalf("%d refused as %s, want %d", x.refused(reason), reason, n)
		}
	}
}

func TestANetworkHasItsShare(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.MaxPerNetwork, o.IdleBefore = 3, time.Minute })
	for _, a := range []string{"127.0.9.1", "127.0.9.2", "127.0.9.3", "127.0.9.4", "127.0.8.1"} {
		x.from(a, 6379)
	}
	x.awaitRefused("per_network", 1)
	x.awaitSessions(4)
}

func TestTheLongestSilentYieldsItsPlace(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.MaxSessions, o.IdleBefore, o.IdleAfter = 2, time.Minute, time.Minute })
	first, second := x.from("127.0.0.1", 6379), x.from("127.0.0.2", 6379)
	x.awaitSessions(2)
	x.from("127.0.0.3", 6379)
	x.awaitRefused("sessions", 1) // Nobody has been silent for long enough yet.
	time.Sleep(yieldAfter)
	say(first, "x")
	time.Sleep(50 * time.Millisecond)
	x.from("127.0.0.4", 6379)
	_ = second.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := second.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the silent session goes on: %v", err)
	}
	if r := x.one(); r.Event.Source.Addr() != netip.MustParseAddr("127.0.0.2") || r.Event.Close != terroir.CloseIdleLimit || r.Event.Kind != terroir.KindConnection {
		t.Errorf("%+v", r.Event)
	}
	x.awaitSessions(2)
	if n := x.refused("sessions"); n != 1 {
		t.Errorf("%d refused, want 1", n)
	}
}

func TestAChangeOpensAndClosesOnlyWhatDiffers(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.IdleBefore, o.IdleAfter = time.Minute, time.Minute })
	onKept, onGone := x.dial(6379), x.dial(6443)
	x.awaitSessions(2)
	kept, gone := x.addr(6379, terroir.TCP), x.addr(6443, terroir.TCP)
	next := terroir.Configuration{Revision: 6, Ports: []terroir.ServedPort{{Transport: terroir.TCP, Port: 6379}, {Transport: terroir.TCP, Port: 2375}, {Transport: terroir.UDP, Port: 11211}}}
	if err := x.s.Reconfigure(next); err != nil {
		t.Fatal(err)
	}
	if now := x.addr(6379, terroir.TCP); now != kept {
		t.Errorf("the port that stays moved from %s to %s", kept, now)
	}
	if x.addr(2375, terroir.TCP); x.s.Serves(terroir.TCP, 6443) || !x.s.Serves(terroir.TCP, 2375) {
		t.Error("the server does not know what it serves")
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", gone)
		if err != nil {
			break
		}
		c.Close()
		if time.Now().After(end) {
			t.Fatal("the port that went is still open")
		}
	}
	for _, c := range []net.Conn{onKept, onGone} {
		say(c, "still here")
		c.Close()
	}
	say(x.dial(6379), "new")
	x.awaitSessions(1)
	time.Sleep(50 * time.Millisecond)
	x.shutdown()
	revisions := map[string]int32{}
	for _, r := range x.sink.records {
		if r.Event != nil && r.Event.Kind == terroir.KindPayload {
			revisions[string(r.Payload)+r.Event.Destination.String()] = r.Event.Revision
		}
	}
	for what, revision := range map[string]int32{"still here127.0.0.1:6379": 5, "still here127.0.0.1:6443": 5, "new127.0.0.1:6379": 6} {
		if revisions[what] != revision {
			t.Errorf("%s has revision %d, want %d: %v", what, revisions[what], revision, revisions)
		}
	}
}

func TestWhatIsBoundIsListedInOrder(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.Addresses = []netip.Addr{loopbacks["IPv6"], loopbacks["IPv4"]} })
	var got []string
	for _, b := range x.s.Bound() {
		got = append(got, fmt.Sprint(b.Addr.Addr(), " ", b.Port))
	}
	want := "127.0.0.1 tcp/6379, 127.0.0.1 tcp/6443, 127.0.0.1 tcp/8080, 127.0.0.1 udp/11211, ::1 tcp/6379, ::1 tcp/6443, ::1 tcp/8080, ::1 udp/11211"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestAChangeThatCannotBeMadeChangesNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.IdleBefore = time.Minute })
	before := len(x.s.Bound())
	x.s.opt.Fallback = nil
	taken := uint16(l.Addr().(*net.TCPAddr).Port)
	err = x.s.Reconfigure(terroir.Configuration{Revision: 6, Ports: []terroir.ServedPort{{Transport: terroir.TCP, Port: 24563}, {Transport: terroir.TCP, Port: taken}}})
	if terroir.ErrorCode(err) != terroir.ECONFIG || len(x.s.Bound()) != before {
		t.Errorf("%v; %d ports, want %d", err, len(x.s.Bound()), before)
	}
	say(x.dial(6379), "x")
	x.awaitSessions(1)
}

func TestExploredPortsAreMarkedAndClosedAgain(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.IdleBefore, o.IdleAfter = time.Minute, time.Minute })
	stop, err := x.s.Explore(terroir.ServedPort{Transport: terroir.TCP, Port: 5555}, 5)
	if err != nil {
		t.Fatal(err)
	}
	c := x.dial(5555)
	say(c, "CNXN")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if x.s.Serves(terroir.TCP, 5555) {
		t.Error("still served")
	}
	say(c, "more")
	c.Close()
	if r := x.one(); !r.Event.Explored || r.Event.Destination.Port() != 5555 || string(r.Payload) != "CNXNmore" {
		t.Errorf("%+v %q", r.Event, r.Payload)
	}
	// A port that became part of the configuration meanwhile stays.
	stop, err = x.s.Explore(terroir.ServedPort{Transport: terroir.TCP, Port: 5555}, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.s.Reconfigure(terroir.Configuration{Revision: 6, Ports: []terroir.ServedPort{{Transport: terroir.TCP, Port: 5555}}}); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil || !x.s.Serves(terroir.TCP, 5555) {
		t.Errorf("%v; the port must stay", err)
	}
}

// TestShutdownTakesWhatWaits leaves clients in the kernel's queue: they were there, so they are recorded or counted.
func TestShutdownTakesWhatWaits(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.IdleBefore = time.Minute })
	const n = 50
	for range n {
		say(x.dial(6379), "x")
	}
	x.shutdown()
	var got int64
	for _, r := range x.sink.records {
		switch {
		case r.Event != nil:
			got++
		case r.Loss != nil:
			got += r.Loss.Attempts
		}
	}
	if got != n {
		t.Errorf("%d of %d clients are known", got, n)
	}
}

func BenchmarkSession(b *testing.B) {
	conf := terroir.Configuration{Ports: []terroir.ServedPort{{Transport: terroir.TCP, Port: 6379}}}
	s, err := Start(context.Background(), Options{Addresses: []netip.Addr{loopbacks["IPv4"]}, MaxPerSource: 1 << 20, MaxPerNetwork: 1 << 20,
		Fallback: func(terroir.ServedPort) uint16 { return 0 }}, conf, nothing{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Shutdown(context.Background())
	at := s.Bound()[0].Addr.String()
	for b.Loop() {
		c, err := net.Dial("tcp", at)
		if err != nil {
			b.Fatal(err)
		}
		say(c, "payload")
		reset(c.(*net.TCPConn))
	}
}

// nothing is a sink that forgets.
type nothing struct{}

func (nothing) Put(context.Context, terroir.Record) error { return nil }
