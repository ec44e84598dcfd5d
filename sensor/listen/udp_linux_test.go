package listen

import (
	"container/list"
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"terroir"
)

// bare is a UDP port without a socket whose ended flows nobody takes until the test does.
func bare(opt Options) *udpPort {
	opt.defaults()
	s := &Server{opt: opt, ended: make(chan *flow, udpQueue), guests: newGuests(&opt)}
	p := &port{}
	p.serves.Store(&service{ServedPort: terroir.ServedPort{Transport: terroir.UDP, Port: 53}})
	return &udpPort{s: s, p: p, flows: map[flowKey]*list.Element{}, order: list.New(), rate: rate{max: opt.DatagramsPerSecond}}
}

func sender(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 1000)
}

func TestAFlowThatNeverPausesIsRecorded(t *testing.T) {
	u := bare(Options{MaxAge: time.Minute})
	begin := time.Now()
	for second := range 61 {
		u.datagram(begin.Add(time.Duration(second)*time.Second), []byte("x"), netip.IPv6Loopback(), sender(1))
	}
	if len(u.s.ended) != 1 {
		t.Fatalf("%d flows ended after the greatest age, want 1", len(u.s.ended))
	}
	if f := <-u.s.ended; f.event.SourceBytes != 60 || !f.event.Truncated {
		t.Errorf("%+v", f.event)
	}
}

func TestAFloodOfDatagramsIsBoundedAndCounted(t *testing.T) {
	for _, c := range []struct {
		name        string
		size, flows int
	}{{"small", 1, maxFlows}, {"large", 60_000, maxFlowBytes / 60_000}} {
		t.Run(c.name, func(t *testing.T) {
			u := bare(Options{})
			sent := c.flows + udpQueue + 100
			for i := range sent {
				u.datagram(time.Now(), make([]byte, c.size), netip.IPv6Loopback(), sender(i))
			}
			if u.order.Len() != c.flows || len(u.flows) != c.flows || u.size > maxFlowBytes {
				t.Errorf("%d flows in order, %d in the table, %d bytes; want %d flows", u.order.Len(), len(u.flows), u.size, c.flows)
			}
			if lost := int(u.s.guests.refused["udp"]); lost != 100 || u.order.Len()+len(u.s.ended)+lost != sent {
				t.Errorf("%d sent, %d held, %d to be recorded, %d lost", sent, u.order.Len(), len(u.s.ended), lost)
			}
		})
	}
}

func TestOneSourceHasItsShareOfDatagrams(t *testing.T) {
	u := bare(Options{DatagramsPerSecond: 100})
	now := time.Unix(1_700_000_000, 0)
	for second := range 2 {
		for range 250 {
			u.datagram(now.Add(time.Duration(second)*time.Second), []byte("x"), netip.IPv6Loopback(), sender(1))
		}
	}
	u.datagram(now.Add(time.Second), []byte("x"), netip.IPv6Loopback(), netip.MustParseAddrPort("203.0.113.9:1"))
	if n := u.s.guests.refused["datagram_rate"]; n != 300 {
		t.Errorf("%d datagrams beyond the share, want 300", n)
	}
	if u.order.Len() != 2 {
		t.Errorf("%d flows, want 2", u.order.Len())
	}
}

func TestSourcesWithoutNumberShareOneCount(t *testing.T) {
	r := rate{max: 3}
	now := time.Unix(1_700_000_000, 0)
	taken := 0
	for i := range maxRated + 1000 {
		if r.allows(now, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})) {
			taken++
		}
	}
	if taken != maxRated+3 || len(r.count) > maxRated+1 {
		t.Errorf("%d taken, %d counted", taken, len(r.count))
	}
}

// slow is a sink that takes its time, as a disk does.
type slow struct{ memory }

func (s *slow) Put(ctx context.Context, r terroir.Record) error {
	time.Sleep(5 * time.Millisecond)
	return s.memory.Put(ctx, r)
}

// TestNoDatagramVanishes sends faster than the sink takes: each datagram is recorded or counted as lost.
func TestNoDatagramVanishes(t *testing.T) {
	sink := &slow{}
	conf := terroir.Configuration{Ports: []terroir.ServedPort{{Transport: terroir.UDP, Port: 11211}}}
	s, err := Start(context.Background(), Options{Addresses: []netip.Addr{loopbacks["IPv4"]}, IdleAfter: 100 * time.Millisecond,
		Fallback: func(terroir.ServedPort) uint16 { return 0 }}, conf, sink)
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000
	for i := range n {
		// An address of its own each: two datagrams of one source would be one flow.
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 1, byte(i>>8), byte(i))}}
		c, err := d.Dial("udp", s.Bound()[0].Addr.String())
		if err != nil {
			t.Fatal(err)
		}
		say(c, "datagram")
		c.Close()
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	var came, lost int64
	for _, r := range sink.records {
		if r.Loss != nil {
			lost += r.Loss.Attempts
		} else {
			came += r.Event.SourceBytes / int64(len("datagram"))
		}
	}
	if came+lost != n {
		t.Errorf("%d sent, %d recorded, %d lost", n, came, lost)
	}
}

func TestTheKernelsDropsAreKnown(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	from, err := net.Dial("udp", c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	const n = 200
	for range n {
		say(from, "datagram")
	}
	dropped, ok := socketDrops(c)
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	read := 0
	for buf := make([]byte, 100); ; read++ {
		if _, err := c.Read(buf); err != nil {
			break
		}
	}
	if !ok || dropped == 0 || int(dropped)+read != n {
		t.Errorf("%d sent, %d read, the kernel says it dropped %d (%v)", n, read, dropped, ok)
	}
}
