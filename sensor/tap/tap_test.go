package tap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/net/bpf"

	"terroir"
)

var (
	v4 = [2]string{"192.0.2.1", "192.0.2.2"}
	v6 = [2]string{"2001:db8::1", "2001:db8::2"}
)

// build makes an IP packet.
func build(t testing.TB, ends [2]string, proto layers.IPProtocol, upper ...gopacket.SerializableLayer) []byte {
	t.Helper()
	src, dst := net.ParseIP(ends[0]), net.ParseIP(ends[1])
	var ip gopacket.SerializableLayer
	var below gopacket.NetworkLayer
	if src.To4() != nil {
		x := &layers.IPv4{Version: 4, TTL: 57, Id: 7, Flags: layers.IPv4DontFragment, Protocol: proto, SrcIP: src, DstIP: dst}
		ip, below = x, x
	} else {
		x := &layers.IPv6{Version: 6, HopLimit: 57, NextHeader: proto, SrcIP: src, DstIP: dst}
		ip, below = x, x
	}
	for _, u := range upper {
		if c, ok := u.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := c.SetNetworkLayerForChecksum(below); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append([]gopacket.SerializableLayer{ip}, upper...)...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func syn(flags string) *layers.TCP {
	return &layers.TCP{SrcPort: 40000, DstPort: 5900, Seq: 99, SYN: strings.Contains(flags, "S"), ACK: strings.Contains(flags, "A"), RST: strings.Contains(flags, "R"),
		FIN: strings.Contains(flags, "F"), Window: 64240, Options: []layers.TCPOption{
			{OptionType: 2, OptionLength: 4, OptionData: []byte{5, 0xb4}}, {OptionType: 4, OptionLength: 2},
			{OptionType: 8, OptionLength: 10, OptionData: []byte{0, 0, 0, 1, 0, 0, 0, 0}}, {OptionType: 1}, {OptionType: 3, OptionLength: 3, OptionData: []byte{7}}}}
}

func samples(t testing.TB) []struct {
	name string
	b    []byte
	want terroir.Transport
} {
	type sample = struct {
		name string
		b    []byte
		want terroir.Transport
	}
	var list []sample
	for _, ends := range [][2]string{v4, v6} {
		icmp, echo := layers.IPProtocolICMPv4, gopacket.SerializableLayer(&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 5})
		other := gopacket.SerializableLayer(&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 3)})
		if ends == v6 {
			icmp, echo = layers.IPProtocolICMPv6, gopacket.Payload("\x80\x00\x00\x00\x00\x05\x00\x01")
			other = gopacket.Payload("\x01\x04\x00\x00\x00\x00\x00\x00")
		}
		list = append(list,
			sample{"SYN", build(t, ends, layers.IPProtocolTCP, syn("S")), terroir.TCP},
			sample{"SYN-ACK", build(t, ends, layers.IPProtocolTCP, syn("SA")), 0},
			sample{"ACK", build(t, ends, layers.IPProtocolTCP, syn("A")), 0},
			sample{"RST", build(t, ends, layers.IPProtocolTCP, syn("R")), terroir.TCP},
			sample{"RST-ACK", build(t, ends, layers.IPProtocolTCP, syn("RA")), 0},
			sample{"SYN-FIN", build(t, ends, layers.IPProtocolTCP, syn("SF")), 0},
			sample{"UDP", build(t, ends, layers.IPProtocolUDP, &layers.UDP{SrcPort: 1, DstPort: 53}, gopacket.Payload("x")), terroir.UDP},
			sample{"echo", build(t, ends, icmp, echo), terroir.ICMP},
			sample{"unreachable", build(t, ends, icmp, other), 0},
			sample{"GRE", build(t, ends, layers.IPProtocolGRE, gopacket.Payload("xxxxxxxx")), 0},
		)
	}
	return list
}

// TestParserAndFilterAgree runs the kernel's program in Go's machine: it may let more through, never less.
func TestParserAndFilterAgree(t *testing.T) {
	raw, err := filter()
	if err != nil {
		t.Fatal(err)
	}
	program, _ := bpf.Disassemble(raw)
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples(t) {
		p, ok := parse(s.b)
		if ok != (s.want != 0) || p.transport != s.want {
			t.Errorf("%s: parsed as %v %v", s.name, p.transport, ok)
		}
		n, err := vm.Run(s.b)
		if err != nil {
			t.Fatal(err)
		}
		if exact := s.b[0]>>4 == 4; n == 0 && ok || exact && n > 0 && !ok {
			t.Errorf("%s (version %d): the filter says %d, the parser %v", s.name, s.b[0]>>4, n, ok)
		}
	}
}

func attempt(from string, port uint16, seq uint32) *packet {
	return &packet{transport: terroir.TCP, src: netip.MustParseAddrPort(from), dst: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.2"), port), seq: seq}
}

func TestAttemptsAreCounted(t *testing.T) {
	opt := Options{Never: []uint16{22}, Sensor: "s", Served: func(_ terroir.Transport, p uint16) bool { return p == 6379 }}
	opt.defaults()
	tab := newTable(&opt)
	now := time.Now()
	for _, p := range []*packet{
		attempt("198.51.100.1:1000", 5900, 1), attempt("198.51.100.1:1000", 5900, 1), // sent again
		attempt("198.51.100.1:1001", 5900, 2), // another attempt on the same port
		attempt("198.51.100.1:1002", 5901, 3), attempt("198.51.100.2:1000", 5900, 4),
		attempt("198.51.100.1:1003", 22, 5), attempt("198.51.100.1:1004", 6379, 6), // never, served
	} {
		tab.add(now, p)
	}
	rows, lost := tab.take()
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%s→%d ×%d", r.Event.Source.Addr(), r.Event.Destination.Port(), r.Event.Attempts))
	}
	if want := "198.51.100.1→5900 ×2, 198.51.100.1→5901 ×1, 198.51.100.2→5900 ×1"; strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	if len(lost) != 0 {
		t.Errorf("%v lost", lost)
	}
	for _, after := range []time.Duration{time.Second, 63 * time.Second} { // again, in a later interval
		tab.add(now.Add(after), attempt("198.51.100.1:1001", 5900, 2))
		if rows, _ := tab.take(); len(rows) != 0 {
			t.Errorf("a SYN that was sent again counts: %+v", rows[0].Event)
		}
	}
	tab.add(now.Add(time.Hour), attempt("198.51.100.1:1001", 5900, 2))
	tab.add(now.Add(time.Hour+time.Second), attempt("198.51.100.1:1001", 5900, 3))
	if rows, _ := tab.take(); len(rows) != 1 || rows[0].Event.Attempts != 2 || rows[0].Event.Duration != time.Second {
		t.Errorf("an hour later it is new: %+v", rows)
	}
}

// TestSYNsToServedPorts tells those that were taken back, those that became sessions, and the rest.
func TestSYNsToServedPorts(t *testing.T) {
	sessions := int64(0)
	opt := Options{Sensor: "s", Served: func(_ terroir.Transport, p uint16) bool { return p == 6379 }, Accepted: func() int64 { return sessions }}
	opt.defaults()
	tab := newTable(&opt)
	now := time.Now()
	rst := func(from string, port uint16, seq uint32) *packet {
		p := attempt(from, port, seq)
		p.reset = true
		return p
	}
	for _, p := range []*packet{
		attempt("198.51.100.1:1000", 6379, 7), rst("198.51.100.1:1000", 6379, 8), rst("198.51.100.1:1000", 6379, 8), // taken back, once
		attempt("198.51.100.2:1000", 6379, 7), rst("198.51.100.2:1000", 6379, 9), // another RST
		attempt("198.51.100.3:1000", 6379, 7),                                    // a session
		attempt("198.51.100.4:1000", 5900, 7), rst("198.51.100.4:1000", 5900, 8), // not served
	} {
		tab.add(now, p)
	}
	sessions++
	rows, lost := tab.take()
	if len(rows) != 2 || rows[0].Event.Kind != terroir.KindUnserved || lost["half_open"] != 0 {
		t.Fatalf("%d rows, lost %v", len(rows), lost)
	}
	if e := rows[1].Event; e.Kind != terroir.KindError || e.Close != terroir.CloseClientRST || e.Source.String() != "198.51.100.1:1000" || e.Attempts != 1 {
		t.Errorf("%+v", e)
	}
	unfinished := int64(0)
	for range 2 * settledAfter {
		_, lost := tab.take()
		unfinished += lost["half_open"]
	}
	if unfinished != 1 {
		t.Errorf("%d neither session nor taken back, want 1", unfinished)
	}
	for i := range 3 * maxHalves {
		tab.add(now, attempt(fmt.Sprintf("203.0.113.%d:%d", i>>16, i&0xffff), 6379, uint32(i)))
	}
	if n := len(tab.halves.by); n > maxHalves {
		t.Errorf("%d are remembered", n)
	}
}

// TestOneSourceDoesNotHideTheOthers fills the table from one source, then from many.
func TestOneSourceDoesNotHideTheOthers(t *testing.T) {
	opt := Options{MaxRows: 64}
	opt.defaults()
	tab := newTable(&opt)
	now := time.Now()
	for port := range 100 {
		tab.add(now, attempt("198.51.100.1:1000", uint16(port+1), uint32(port)))
	}
	for source := range 100 {
		tab.add(now, attempt(fmt.Sprintf("203.0.113.%d:1000", source), 5900, 1))
	}
	rows, lost := tab.take()
	if len(rows) != 64 || lost["per_source"]+lost["table"] != 200-64 {
		t.Errorf("%d rows, %v lost", len(rows), lost)
	}
	if n := 100 - int(lost["per_source"]); n != 32 {
		t.Errorf("the source that fills has %d rows, want half", n)
	}
	if rows, lost = tab.take(); len(rows) != 0 || len(lost) != 0 {
		t.Errorf("%d rows, %v lost", len(rows), lost)
	}
}

func TestSocketsOfTheMachine(t *testing.T) {
	ports := map[uint16]bool{}
	readSockets(strings.NewReader("  sl  local_address rem_address\n  12: 0100007F:0035 00000000:0000 07\n bad\n  13: zz:yy\n"), ports)
	if len(ports) != 1 || !ports[53] {
		t.Errorf("%v", ports)
	}
}

type memory struct {
	mu      sync.Mutex
	records []terroir.Record
}

func (m *memory) Put(_ context.Context, r terroir.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = append(m.records, r)
	return nil
}

// TestAttemptsOnLoopback tries closed ports of this machine and finds them, each once.
func TestAttemptsOnLoopback(t *testing.T) {
	own := netip.MustParseAddr("127.9.8.7")
	sink := &memory{}
	tap, err := Start(context.Background(), Options{Sensor: "s", Region: "r", Addresses: []netip.Addr{own, netip.IPv6Loopback()}, Interval: 100 * time.Millisecond,
		Never: []uint16{40022}}, sink)
	if errors.Is(err, ErrNoCapability) {
		t.Skip("CAP_NET_RAW is missing: run as root, or with the capability, as CI does")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"127.9.8.7:40001", "127.9.8.7:40002", "127.9.8.7:40001", "127.9.8.7:40022", "127.9.8.8:40003", "[::1]:40004"} {
		if c, err := net.Dial("tcp", a); err == nil {
			c.Close()
			t.Fatalf("something listens on %s", a)
		}
	}
	u, err := net.Dial("udp", "127.9.8.7:40005")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = u.Write([]byte("x"))
	u.Close()
	time.Sleep(300 * time.Millisecond)
	if err := tap.Close(); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, r := range sink.records {
		if r.Event == nil || r.Event.Destination.Port() < 40001 || r.Event.Destination.Port() > 40022 {
			continue // Something else on this machine.
		}
		if r.Event.Kind != terroir.KindUnserved || r.Event.Sensor != "s" {
			t.Errorf("%+v", r.Event)
		}
		got[r.Event.Transport.String()+" "+r.Event.Destination.String()] += r.Event.Attempts
	}
	want := map[string]int64{"tcp 127.9.8.7:40001": 2, "tcp 127.9.8.7:40002": 1, "tcp [::1]:40004": 1, "udp 127.9.8.7:40005": 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
