package listen

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"terroir"
	"terroir/payload/protocol"
	"terroir/payload/tlshello"
	"terroir/sensor/cert"
)

// memory is a sink that keeps records.
type memory struct {
	mu      sync.Mutex
	records []terroir.Record
	err     error
	came    chan struct{}
}

func (m *memory) Put(_ context.Context, r terroir.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.records = append(m.records, r)
	select {
	case m.came <- struct{}{}:
	default:
	}
	return nil
}

// all is what came so far.
func (m *memory) all() []terroir.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records)
}

// trap is a server on loopback with short limits.
type trap struct {
	t    *testing.T
	s    *Server
	sink *memory
}

var loopbacks = map[string]netip.Addr{"IPv4": netip.MustParseAddr("127.0.0.1"), "IPv6": netip.IPv6Loopback()}

func start(t *testing.T, a netip.Addr, change func(*Options)) *trap {
	t.Helper()
	c, err := cert.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Sensor: "s", Region: "r", Addresses: []netip.Addr{a}, Certificate: c, IdleBefore: 200 * time.Millisecond, IdleAfter: 200 * time.Millisecond,
		Name: protocol.Recognize, Hello: tlshello.Parse, Need: tlshello.Need, Fallback: func(terroir.ServedPort) uint16 { return 0 }}
	if change != nil {
		change(&opt)
	}
	sink := &memory{came: make(chan struct{}, 1)}
	conf := terroir.Configuration{Revision: 5, Ports: []terroir.ServedPort{
		{Transport: terroir.TCP, Port: 6379, Service: "redis"}, {Transport: terroir.TCP, Port: 6443, TLS: true}, {Transport: terroir.UDP, Port: 11211},
		{Transport: terroir.TCP, Port: 8080, Proxy: true}}}
	// Ports that other tests or programs hold must not disturb: take any, as the fallback does.
	s, err := Start(context.Background(), opt, conf, sink)
	if err != nil {
		t.Fatal(err)
	}
	x := &trap{t, s, sink}
	t.Cleanup(func() { x.shutdown() })
	return x
}

func (x *trap) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := x.s.Shutdown(ctx); err != nil {
		x.t.Error(err)
	}
}

func (x *trap) addr(port uint16, tr terroir.Transport) string {
	for _, b := range x.s.Bound() {
		if b.Port.Port == port && b.Port.Transport == tr {
			return b.Addr.String()
		}
	}
	x.t.Fatalf("port %d is not bound", port)
	return ""
}

func (x *trap) dial(port uint16) *net.TCPConn {
	x.t.Helper()
	c, err := net.Dial("tcp", x.addr(port, terroir.TCP))
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// awaitSessions waits until n clients are being served.
func (x *trap) awaitSessions(n int) {
	x.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		open := x.s.guests.len()
		if open == n {
			return
		}
		if time.Now().After(end) {
			x.t.Fatalf("%d sessions are open, want %d", open, n)
		}
	}
}

// refused is how many clients were turned away for the reason and not reported yet.
func (x *trap) refused(reason string) int64 {
	x.s.guests.mu.Lock()
	defer x.s.guests.mu.Unlock()
	return x.s.guests.refused[reason]
}

// one waits for the only event.
func (x *trap) one() terroir.Record {
	x.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		records := x.sink.all()
		if len(records) > 1 {
			x.t.Fatalf("%d records: %+v", len(records), records)
		}
		if len(records) == 1 {
			return records[0]
		}
		select {
		case <-x.sink.came:
		case <-deadline:
			x.t.Fatal("no event came")
		}
	}
}

// sessions are what clients do on a plain port and what must be recorded of it.
var sessions = []struct {
	name  string
	do    func(x *trap)
	kind  terroir.Kind
	close terroir.Close
	sent  string
}{
	{"no byte", func(x *trap) { x.dial(6379) }, terroir.KindConnection, terroir.CloseIdleLimit, ""},
	{"FIN before a byte", func(x *trap) { x.dial(6379).Close() }, terroir.KindError, terroir.CloseClientFIN, ""},
	{"RST before a byte", func(x *trap) { reset(x.dial(6379)) }, terroir.KindError, terroir.CloseClientRST, ""},
	{"half-close before a byte", func(x *trap) { _ = x.dial(6379).CloseWrite() }, terroir.KindError, terroir.CloseClientFIN, ""},
	{"one byte and silence", func(x *trap) { say(x.dial(6379), "x") }, terroir.KindPayload, terroir.CloseIdleLimit, "x"},
	{"one byte and FIN", func(x *trap) { c := x.dial(6379); say(c, "x"); c.Close() }, terroir.KindPayload, terroir.CloseClientFIN, "x"},
	{"too much", func(x *trap) { say(x.dial(6379), strings.Repeat("y", 5000)) }, terroir.KindPayload, terroir.CloseSizeLimit, strings.Repeat("y", 5000)},
	{"urgent data", func(x *trap) { c := x.dial(6379); say(c, "a"); urgent(x.t, c, "b"); say(c, "c"); c.Close() }, terroir.KindPayload, terroir.CloseClientFIN, "abc"},
	{"half-close after bytes", func(x *trap) { c := x.dial(6379); say(c, "PING\r\n"); _ = c.CloseWrite() }, terroir.KindPayload, terroir.CloseClientFIN, "PING\r\n"},
	{"RST after a byte", func(x *trap) {
		c := x.dial(6379)
		say(c, "x")
		time.Sleep(50 * time.Millisecond) // A reset overtakes what was not read yet.
		reset(c)
	}, terroir.KindPayload, terroir.CloseClientRST, "x"},
	{"in pieces", func(x *trap) {
		c := x.dial(6379)
		for _, p := range []string{"IN", "F", "O\r\n"} {
			say(c, p)
			time.Sleep(30 * time.Millisecond)
		}
		c.Close()
	}, terroir.KindPayload, terroir.CloseClientFIN, "INFO\r\n"},
	{"shutdown before a byte", func(x *trap) { x.dial(6379); x.awaitSessions(1); x.shutdown() }, terroir.KindConnection, terroir.CloseShutdown, ""},
	{"shutdown after a byte", func(x *trap) {
		say(x.dial(6379), "x")
		x.awaitSessions(1)
		time.Sleep(50 * time.Millisecond)
		x.shutdown()
	}, terroir.KindPayload, terroir.CloseShutdown, "x"},
	{"plain text to a TLS port", func(x *trap) { c := x.dial(6443); say(c, "GET / HTTP/1.0\r\n\r\n"); c.Close() }, terroir.KindPayload, terroir.CloseClientFIN, "GET / HTTP/1.0\r\n\r\n"},
	{"no byte to a TLS port", func(x *trap) { x.dial(6443) }, terroir.KindConnection, terroir.CloseIdleLimit, ""},
	{"FIN to a TLS port", func(x *trap) { x.dial(6443).Close() }, terroir.KindError, terroir.CloseClientFIN, ""},
	{"a hello that breaks off", func(x *trap) { c := x.dial(6443); say(c, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"); c.Close() }, terroir.KindError, terroir.CloseTLSError, ""},
	{"RST in the handshake", func(x *trap) {
		c := x.dial(6443)
		say(c, "\x16\x03\x01\x02\x00\x01")
		time.Sleep(50 * time.Millisecond)
		reset(c)
	}, terroir.KindError, terroir.CloseTLSError, ""},
	{"silence in the handshake", func(x *trap) { c := x.dial(6443); say(c, "\x16\x03\x01\x02\x00\x01") }, terroir.KindError, terroir.CloseTLSError, ""},
	{"shutdown in the handshake", func(x *trap) {
		say(x.dial(6443), "\x16\x03\x01\x02\x00\x01")
		x.awaitSessions(1)
		time.Sleep(50 * time.Millisecond)
		x.shutdown()
	}, terroir.KindError, terroir.CloseTLSError, ""},
	{"RST inside TLS", func(x *trap) {
		raw := x.dial(6443)
		c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, ServerName: "k8s.example"})
		say(c, "GET /api")
		time.Sleep(50 * time.Millisecond)
		reset(raw)
	}, terroir.KindPayload, terroir.CloseClientRST, "GET /api"},
	{"silence inside TLS", func(x *trap) {
		_ = tls.Client(x.dial(6443), &tls.Config{InsecureSkipVerify: true, ServerName: "k8s.example"}).Handshake()
	}, terroir.KindConnection, terroir.CloseIdleLimit, ""},
	{"shutdown inside TLS", func(x *trap) {
		_ = tls.Client(x.dial(6443), &tls.Config{InsecureSkipVerify: true, ServerName: "k8s.example"}).Handshake()
		x.shutdown()
	}, terroir.KindConnection, terroir.CloseShutdown, ""},
	{"inside TLS", func(x *trap) {
		c := tls.Client(x.dial(6443), &tls.Config{InsecureSkipVerify: true, ServerName: "k8s.example"})
		say(c, "GET /api HTTP/1.1\r\n\r\n")
		c.Close()
	}, terroir.KindPayload, terroir.CloseClientFIN, "GET /api HTTP/1.1\r\n\r\n"},
	{"TLS without a byte inside", func(x *trap) {
		c := tls.Client(x.dial(6443), &tls.Config{InsecureSkipVerify: true, ServerName: "k8s.example"})
		_ = c.Handshake()
		c.Close()
	}, terroir.KindError, terroir.CloseClientFIN, ""},
	{"TLS that trusts nobody", func(x *trap) {
		c := tls.Client(x.dial(6443), &tls.Config{ServerName: "k8s.example"})
		_ = c.Handshake()
		c.Close()
	}, terroir.KindError, terroir.CloseTLSError, ""},
}

func say(c io.Writer, s string) { _, _ = io.WriteString(c, s) }

func TestSessionsAreToldApart(t *testing.T) {
	for version, a := range loopbacks {
		for _, c := range sessions {
			t.Run(version+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				x := start(t, a, func(o *Options) {
					o.SessionBytes = 5000
					if c.close != terroir.CloseIdleLimit && !strings.HasPrefix(c.name, "silence") { // A busy machine must not make the client idle.
						o.IdleBefore, o.IdleAfter = time.Minute, time.Minute
					}
				})
				c.do(x)
				r := x.one()
				e := r.Event
				if e.Kind != c.kind || e.Close != c.close || string(r.Payload) != c.sent {
					t.Errorf("got %s %s %q, want %s %s %q", e.Kind, e.Close, r.Payload, c.kind, c.close, c.sent)
				}
				if e.Payload != terroir.NewPayloadID([]byte(c.sent)) || e.Destination.Addr() != a || e.Attempts != 1 || e.Revision != 5 ||
					e.Sensor != "s" || e.Region != "r" || e.Transport != terroir.TCP || e.Source.Addr() != a || e.Truncated {
					t.Errorf("%+v", e)
				}
				if p := e.Destination.Port(); p != 6379 && p != 6443 {
					t.Errorf("recorded on port %d, which is not in the configuration", p)
				}
			})
		}
	}
}

func TestTLSIsReadOnEveryPort(t *testing.T) {
	x := start(t, loopbacks["IPv4"], nil)
	c := tls.Client(x.dial(6379), &tls.Config{InsecureSkipVerify: true, ServerName: "redis.example"})
	_ = c.SetDeadline(time.Now().Add(100 * time.Millisecond))
	_ = c.Handshake()
	c.Close()
	e := x.one().Event
	if e.Kind != terroir.KindPayload || e.AppProto != "tls" || e.TLS.SNI != "redis.example" || e.TLS.JA4 == "" {
		t.Errorf("%+v", e)
	}
}

func TestAMebibyteIsCountedAndItsBeginningKept(t *testing.T) {
	x := start(t, loopbacks["IPv4"], nil)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	c := x.dial(6379)
	if _, err := c.Write(big); err != nil {
		t.Fatal(err)
	}
	c.Close()
	r := x.one()
	if r.Event.SourceBytes != 1<<20 || !r.Event.Truncated || !bytes.Equal(r.Payload, big[:64<<10]) || r.Event.Close != terroir.CloseClientFIN {
		t.Errorf("%d bytes, %d kept, truncated %v, %s", r.Event.SourceBytes, len(r.Payload), r.Event.Truncated, r.Event.Close)
	}
}

func TestTooMuchEndsTheSession(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.SessionBytes = 100_000 })
	c := x.dial(6379)
	_, _ = c.Write(make([]byte, 300_000))
	if r := x.one(); r.Event.Close != terroir.CloseSizeLimit || r.Event.SourceBytes < 100_000 {
		t.Errorf("%+v", r.Event)
	}
}

func TestNobodyStaysForEver(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.MaxAge = 300 * time.Millisecond })
	c := x.dial(6379)
	go func() {
		for range 100 {
			say(c, "x")
			time.Sleep(20 * time.Millisecond)
		}
	}()
	if r := x.one(); r.Event.Close != terroir.CloseIdleLimit || r.Event.Kind != terroir.KindPayload {
		t.Errorf("%+v", r.Event)
	}
}

func TestDatagrams(t *testing.T) {
	for version, a := range loopbacks {
		for _, bind := range []netip.Addr{a, {}} {
			t.Run(fmt.Sprint(version, " bound to ", bind), func(t *testing.T) {
				x := start(t, a, func(o *Options) {
					if !bind.IsValid() {
						o.Addresses = nil // all of them: the kernel must say which one was meant
					}
				})
				at := netip.MustParseAddrPort(x.addr(11211, terroir.UDP))
				if !bind.IsValid() {
					for _, b := range x.s.Bound() {
						if b.Port.Transport == terroir.UDP && b.Addr.Addr().Is4() == a.Is4() {
							at = b.Addr
						}
					}
				}
				c, err := net.Dial("udp", netip.AddrPortFrom(a, at.Port()).String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				say(c, "stats\r\n")
				say(c, "more")
				r := x.one()
				e := r.Event
				if e.Kind != terroir.KindPayload || e.Transport != terroir.UDP || string(r.Payload) != "stats\r\n" || e.SourceBytes != 11 || !e.Truncated ||
					e.Destination != netip.AddrPortFrom(a, 11211) || e.AppProto != "memcached" {
					t.Errorf("%+v %q", e, r.Payload)
				}
				_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
				if n, err := c.Read(make([]byte, 10)); err == nil {
					t.Errorf("%d bytes came back: UDP is never answered", n)
				}
			})
		}
	}
}

func TestRefusedClientsAreCounted(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.MaxPerSource, o.IdleBefore = 2, time.Minute })
	for range 5 {
		// A refused client may see its connection reset while it is made.
		if c, err := net.Dial("tcp", x.addr(6379, terroir.TCP)); err == nil {
			defer c.Close()
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		if x.refused("per_source") == 3 || time.Now().After(deadline) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	x.shutdown()
	lost := int64(0)
	for _, r := range x.sink.records {
		if r.Loss != nil && r.Loss.Reason == "per_source" && r.Loss.Stage == "listen" {
			lost += r.Loss.Attempts
		}
	}
	if lost != 3 {
		t.Errorf("%d refused clients recorded, want 3", lost)
	}
}

func TestATakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	conf := terroir.Configuration{Ports: []terroir.ServedPort{{Transport: terroir.TCP, Port: port}}}
	opt := Options{Addresses: []netip.Addr{loopbacks["IPv4"]}}
	_, err = Start(context.Background(), opt, conf, &memory{})
	want := fmt.Sprintf("tcp/%d on 127.0.0.1: cannot listen: address already in use; stop what uses the port, or take it out of the configuration", port)
	if terroir.ErrorCode(err) != terroir.ECONFIG || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	opt.Fallback = func(terroir.ServedPort) uint16 { return 0 }
	s, err := Start(context.Background(), opt, conf, &memory{})
	if err != nil {
		t.Fatal(err)
	}
	if b := s.Bound(); len(b) != 1 || b[0].Addr.Port() == port || b[0].Port.Port != port {
		t.Errorf("%+v", b)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestAFailingSinkIsTold(t *testing.T) {
	x := start(t, loopbacks["IPv4"], nil)
	x.sink.mu.Lock()
	x.sink.err = errors.New("disk on fire")
	x.sink.mu.Unlock()
	x.dial(6379).Close()
	select {
	case err := <-x.s.Err():
		if !errors.Is(err, x.sink.err) {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the error was lost")
	}
}

// reset ends a connection with RST.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
