package listen

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"terroir"
)

const (
	// flowIdle is how long a flow waits for its next datagram.
	flowIdle = 2 * time.Second
	// maxFlows bounds the flows of one port; beyond, each datagram is an event of its own.
	maxFlows = 4096
	// maxDatagram is the largest that there is.
	maxDatagram = 1 << 16
)

// flow is the datagrams of one source to one address and port, until it is silent for a while.
type flow struct {
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
	s     *Server
	p     terroir.ServedPort
	conn  *net.UDPConn
	own   netip.Addr
	read  func([]byte) (int, netip.Addr, net.Addr, error)
	flows map[flowKey]*flow
}

func (s *Server) openUDP(p terroir.ServedPort, at netip.AddrPort, network string) (func(), error) {
	c, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	u := &udpPort{s: s, p: p, conn: c, own: at.Addr(), flows: map[flowKey]*flow{}}
	if err := u.destinations(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s.closers = append(s.closers, c.Close)
	s.bound = append(s.bound, Bound{p, unmap(c.LocalAddr().(*net.UDPAddr).AddrPort())})
	return u.serve, nil
}

// destinations makes the kernel tell to which address a datagram was sent: a port that is bound to all of them does
// not know otherwise (IP_PKTINFO, RFC 3542 §6).
func (u *udpPort) destinations() error {
	if u.own.Is4() {
		pc := ipv4.NewPacketConn(u.conn)
		u.read = func(b []byte) (int, netip.Addr, net.Addr, error) {
			n, cm, from, err := pc.ReadFrom(b)
			if cm == nil {
				return n, netip.Addr{}, from, err
			}
			a, _ := netip.AddrFromSlice(cm.Dst)
			return n, a, from, err
		}
		return pc.SetControlMessage(ipv4.FlagDst, true)
	}
	pc := ipv6.NewPacketConn(u.conn)
	u.read = func(b []byte) (int, netip.Addr, net.Addr, error) {
		n, cm, from, err := pc.ReadFrom(b)
		if cm == nil {
			return n, netip.Addr{}, from, err
		}
		a, _ := netip.AddrFromSlice(cm.Dst)
		return n, a, from, err
	}
	return pc.SetControlMessage(ipv6.FlagDst, true)
}

// serve reads datagrams until the port is closed. What is read wakes up regularly to end silent flows.
func (u *udpPort) serve() {
	idle := min(flowIdle, u.s.opt.IdleAfter)
	buf := make([]byte, maxDatagram)
	for {
		_ = u.conn.SetReadDeadline(time.Now().Add(idle / 4))
		n, own, from, err := u.read(buf)
		if errors.Is(err, net.ErrClosed) {
			u.sweep(time.Now(), 0, terroir.CloseShutdown)
			return
		}
		now := time.Now()
		if err == nil {
			u.datagram(now, buf[:n], own, unmap(from.(*net.UDPAddr).AddrPort()))
		}
		u.sweep(now, idle, terroir.CloseIdleLimit)
	}
}

func (u *udpPort) datagram(now time.Time, b []byte, own netip.Addr, source netip.AddrPort) {
	if !own.IsValid() {
		own = u.own
	}
	key := flowKey{source, own.Unmap()}
	f := u.flows[key]
	if f == nil {
		f = &flow{event: u.s.event(now, u.p, terroir.UDP, source, key.own), begun: now, kept: append([]byte(nil), b[:min(len(b), u.s.opt.KeepBytes)]...)}
		f.event.Kind = terroir.KindPayload
		if len(u.flows) < maxFlows {
			u.flows[key] = f
		}
	}
	f.last = now
	f.event.SourceBytes += int64(len(b))
	if u.flows[key] == nil {
		u.end(key, f, terroir.CloseIdleLimit)
	}
}

// sweep ends the flows that have been silent for as long as idle.
func (u *udpPort) sweep(now time.Time, idle time.Duration, why terroir.Close) {
	for key, f := range u.flows {
		if now.Sub(f.last) >= idle {
			u.end(key, f, why)
		}
	}
}

func (u *udpPort) end(key flowKey, f *flow, why terroir.Close) {
	delete(u.flows, key)
	f.event.Close, f.event.Truncated = why, f.event.SourceBytes > int64(len(f.kept))
	if err := u.s.record(f.event, f.kept, f.begun); err != nil {
		u.s.fail(err)
	}
}
