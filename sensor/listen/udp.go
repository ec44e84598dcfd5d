package listen

import (
	"container/list"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"terroir"
)

const (
	// flowIdle is how long a flow waits for its next datagram.
	flowIdle = 2 * time.Second
	// maxFlows and maxFlowBytes bound the flows of one port on one address; beyond, the most silent ones end early.
	maxFlows     = 4096
	maxFlowBytes = 2 << 20
	// maxDatagram is the largest that there is.
	maxDatagram = 1 << 16
	// drainWithin is how long a port that is closed goes on reading what has arrived.
	drainWithin = 50 * time.Millisecond
	// udpRecorders hand ended flows to the sink, and udpQueue bounds those that wait for them, of all ports together.
	udpRecorders = 32
	udpQueue     = 128
)

// flow is the datagrams of one source to one address and port, until it is silent for a while or too old.
type flow struct {
	key         flowKey
	event       *terroir.Event
	kept        []byte
	begun, last time.Time
}

type flowKey struct {
	source netip.AddrPort
	own    netip.Addr
}

// udpPort serves one UDP port on one address.
type udpPort struct {
	s    *Server
	p    *port
	conn *net.UDPConn
	own  netip.Addr
	rate rate
	// order has the flows, the most silent one first; size is what they keep.
	flows map[flowKey]*list.Element
	order *list.List
	size  int
	// dropped is what the kernel had dropped when it was asked last.
	dropped uint32
}

func (s *Server) openUDP(p *port, at netip.AddrPort, network string) (opening, error) {
	c, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return opening{}, err
	}
	u := &udpPort{s: s, p: p, conn: c, own: at.Addr(), flows: map[flowKey]*list.Element{}, order: list.New(), rate: rate{max: s.opt.DatagramsPerSecond}}
	if err := u.destinations(); err != nil {
		return opening{}, errors.Join(err, c.Close())
	}
	p.bound = unmap(c.LocalAddr().(*net.UDPAddr).AddrPort())
	// The reader takes what has arrived, and closes the socket.
	p.shutdown = func() error { return c.SetReadDeadline(time.Now()) }
	return opening{p, func() { s.working.Go(u.serve) }, c.Close}, nil
}

// destinations makes the kernel tell to which address a datagram was sent: a port that is bound to all of them does
// not know otherwise (IP_PKTINFO, RFC 3542 §6).
func (u *udpPort) destinations() error {
	if u.own.Is4() {
		return ipv4.NewPacketConn(u.conn).SetControlMessage(ipv4.FlagDst, true)
	}
	return ipv6.NewPacketConn(u.conn).SetControlMessage(ipv6.FlagDst, true)
}

// destination is what the control messages of a datagram say; the zero Addr when they say nothing.
func (u *udpPort) destination(control []byte) netip.Addr {
	var to net.IP
	if u.own.Is4() {
		var m ipv4.ControlMessage
		if m.Parse(control) == nil {
			to = m.Dst
		}
	} else {
		var m ipv6.ControlMessage
		if m.Parse(control) == nil {
			to = m.Dst
		}
	}
	a, _ := netip.AddrFromSlice(to)
	return a
}

// serve reads datagrams until the port closes. It wakes up regularly to end silent flows.
func (u *udpPort) serve() {
	idle := min(flowIdle, u.s.opt.IdleAfter)
	buf, control := make([]byte, maxDatagram), make([]byte, 256)
	var until time.Time
	closing, quiet := false, false
	for {
		now := time.Now()
		if !now.Before(until) || u.p.closing.Load() && !closing {
			if closing && (quiet || now.Sub(u.p.closed) > takeWithin) {
				break // Nothing came for a while.
			}
			quiet = closing
			closing = u.p.closing.Load()
			u.sweep(now, idle)
			u.countDropped()
			until = now.Add(idle / 4)
			if closing {
				until = now.Add(drainWithin)
			}
			_ = u.conn.SetReadDeadline(until)
		}
		n, nc, _, from, err := u.conn.ReadMsgUDPAddrPort(buf, control)
		switch {
		case err == nil:
			quiet = false
			u.datagram(time.Now(), buf[:n], u.destination(control[:nc]), unmap(from))
		case !errors.Is(err, os.ErrDeadlineExceeded):
			u.s.guests.lose("udp_read", 1)
			time.Sleep(10 * time.Millisecond)
		}
	}
	u.end()
}

// end records the flows that are left and closes the port.
func (u *udpPort) end() {
	u.countDropped()
	_ = u.conn.Close()
	for e := u.order.Front(); e != nil; e = e.Next() {
		u.s.ended <- u.finish(e.Value.(*flow), terroir.CloseShutdown)
	}
}

// countDropped counts what the kernel had no room for.
func (u *udpPort) countDropped() {
	if n, ok := socketDrops(u.conn); ok && n != u.dropped {
		u.s.guests.lose("kernel", int64(n-u.dropped)) // The kernel's counter wraps.
		u.dropped = n
	}
}

func (u *udpPort) datagram(now time.Time, b []byte, own netip.Addr, source netip.AddrPort) {
	if !own.IsValid() {
		own = u.own
	}
	if !u.rate.allows(now, source.Addr()) {
		u.s.guests.lose("datagram_rate", 1)
		return
	}
	key := flowKey{source, own.Unmap()}
	if e := u.flows[key]; e != nil {
		f := e.Value.(*flow)
		if now.Sub(f.begun) < u.s.opt.MaxAge || !u.leave(e) {
			f.last = now
			f.event.SourceBytes += int64(len(b))
			u.order.MoveToBack(e)
			return
		}
	}
	u.makeRoom(min(len(b), u.s.opt.KeepBytes))
	f := &flow{key: key, event: u.s.event(now, u.p.serves.Load(), terroir.UDP, source, key.own), begun: now, last: now,
		kept: append([]byte(nil), b[:min(len(b), u.s.opt.KeepBytes)]...)}
	f.event.Kind, f.event.SourceBytes = terroir.KindPayload, int64(len(b))
	u.flows[key] = u.order.PushBack(f)
	u.size += len(f.kept)
}

// makeRoom ends the most silent flows until size more bytes may be kept. One that the recorders cannot take is lost.
func (u *udpPort) makeRoom(size int) {
	for u.order.Len() > 0 && (u.order.Len() >= maxFlows || u.size+size > maxFlowBytes) {
		e := u.order.Front()
		if !u.leave(e) {
			u.s.guests.lose("udp", 1)
			u.remove(e)
		}
	}
}

// sweep ends the flows that have been silent for as long as idle.
func (u *udpPort) sweep(now time.Time, idle time.Duration) {
	for e := u.order.Front(); e != nil; e = u.order.Front() {
		if now.Sub(e.Value.(*flow).last) < idle || !u.leave(e) {
			return
		}
	}
}

// leave hands the flow to the recorders, unless they are busy: then it stays.
func (u *udpPort) leave(e *list.Element) bool {
	select {
	case u.s.ended <- u.finish(e.Value.(*flow), terroir.CloseIdleLimit):
		u.remove(e)
		return true
	default:
		return false
	}
}

func (u *udpPort) remove(e *list.Element) {
	f := e.Value.(*flow)
	u.order.Remove(e)
	delete(u.flows, f.key)
	u.size -= len(f.kept)
}

func (u *udpPort) finish(f *flow, why terroir.Close) *flow {
	f.event.Close, f.event.Truncated = why, f.event.SourceBytes > int64(len(f.kept))
	return f
}

// recordFlows hands ended flows to the sink.
func (s *Server) recordFlows() {
	for f := range s.ended {
		if err := s.record(f.event, f.kept, nil, f.begun); err != nil {
			s.fail(err)
		}
	}
}

// rate counts the datagrams of each source in the current second.
type rate struct {
	max    int
	second int64
	count  map[netip.Prefix]int
}

// maxRated bounds the sources that are told apart within a second. There is one table a port, of a few hundred KiB.
const maxRated = 8192

// allows counts a datagram, unless its source has had its share of this second. Sources beyond maxRated share one count.
func (r *rate) allows(now time.Time, from netip.Addr) bool {
	if second := now.Unix(); second != r.second || r.count == nil {
		r.second, r.count = second, map[netip.Prefix]int{}
	}
	source := sourceOf(from)
	if _, known := r.count[source]; !known && len(r.count) >= maxRated {
		source = netip.Prefix{}
	}
	r.count[source]++
	return r.count[source] <= r.max
}
