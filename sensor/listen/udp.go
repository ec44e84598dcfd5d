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
	p    terroir.ServedPort
	conn *net.UDPConn
	own  netip.Addr
	// order has the flows, the most silent one first; size is what they keep.
	flows map[flowKey]*list.Element
	order *list.List
	size  int
	// dropped is what the kernel had dropped when it was asked last.
	dropped uint32
}

func (s *Server) openUDP(p terroir.ServedPort, at netip.AddrPort, network string) (func(), error) {
	c, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	u := &udpPort{s: s, p: p, conn: c, own: at.Addr(), flows: map[flowKey]*list.Element{}, order: list.New()}
	if err := u.destinations(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s.closers = append(s.closers, func() error {
		if s.isClosing() {
			return c.SetReadDeadline(time.Now()) // Its reader takes what has arrived, and closes it.
		}
		return c.Close()
	})
	s.bound = append(s.bound, Bound{p, unmap(c.LocalAddr().(*net.UDPAddr).AddrPort())})
	return u.serve, nil
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

// serve reads datagrams until the server closes. It wakes up regularly to end silent flows.
func (u *udpPort) serve() {
	idle := min(flowIdle, u.s.opt.IdleAfter)
	buf, control := make([]byte, maxDatagram), make([]byte, 256)
	var until time.Time
	closing := false
	for {
		now := time.Now()
		if !now.Before(until) || u.s.isClosing() && !closing {
			if closing {
				break
			}
			closing = u.s.isClosing()
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
			u.datagram(time.Now(), buf[:n], u.destination(control[:nc]), unmap(from))
		case !errors.Is(err, os.ErrDeadlineExceeded):
			u.s.lose("udp_read", 1)
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
		u.s.lose("kernel", int64(n-u.dropped)) // The kernel's counter wraps.
		u.dropped = n
	}
}

func (u *udpPort) datagram(now time.Time, b []byte, own netip.Addr, source netip.AddrPort) {
	if !own.IsValid() {
		own = u.own
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
	f := &flow{key: key, event: u.s.event(now, u.p, terroir.UDP, source, key.own), begun: now, last: now,
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
			u.s.lose("udp", 1)
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
		if err := s.record(f.event, f.kept, f.begun); err != nil {
			s.fail(err)
		}
	}
}
