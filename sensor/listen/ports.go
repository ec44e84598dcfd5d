package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"terroir"
)

// Bound is a port that is served: the port of the configuration, and the address that is really bound.
type Bound struct {
	Port terroir.ServedPort
	Addr netip.AddrPort
}

// key names a listener: a port on one of the configured addresses.
type key struct {
	transport terroir.Transport
	port      uint16
	addr      netip.Addr
}

// port is one open listener. What is served there may change while it stays open.
type port struct {
	serves   atomic.Pointer[service]
	bound    netip.AddrPort
	closing  atomic.Bool
	closed   time.Time // set before closing
	shutdown func() error
}

// service is what a port serves under a revision.
type service struct {
	terroir.ServedPort
	revision int32
	explored bool
}

// close makes the port's loop take what has arrived, and end.
func (p *port) close() error {
	p.closed = time.Now()
	p.closing.Store(true)
	return p.shutdown()
}

// Bound lists what is served: IPv4 before IPv6, by port, TCP before UDP.
func (s *Server) Bound() []Bound {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Bound
	for _, p := range s.ports {
		list = append(list, Bound{p.serves.Load().ServedPort, p.bound})
	}
	slices.SortFunc(list, func(a, b Bound) int {
		return cmp.Or(a.Addr.Addr().Compare(b.Addr.Addr()), cmp.Compare(a.Port.Port, b.Port.Port), cmp.Compare(a.Port.Transport, b.Port.Transport))
	})
	return list
}

// Serves reports whether the port is open, to explore or for good: by its number in the configuration, and by the one
// that is really bound. It is quick enough to be asked for every packet.
func (s *Server) Serves(t terroir.Transport, number uint16) bool {
	b := s.served.Load()
	return b != nil && b[t&1][number>>6]&(1<<(number&63)) != 0
}

// bits has a bit for every port: of UDP (transport 2) and of TCP (1), by the last bit of the transport.
type bits [2][1024]uint64

// noteServed makes Serves know what is open. The caller holds mu.
func (s *Server) noteServed() {
	b := &bits{}
	for k, p := range s.ports {
		for _, number := range []uint16{k.port, p.bound.Port()} {
			b[k.transport&1][number>>6] |= 1 << (number & 63)
		}
	}
	s.served.Store(b)
}

// Reconfigure makes the server serve what c says: it opens and closes only the ports that differ. Sessions under way
// go on. When a new port cannot be bound nothing changes, and the error is that of Start.
func (s *Server) Reconfigure(c terroir.Configuration) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	wanted := map[key]service{}
	for _, p := range c.Ports {
		for _, a := range s.addresses() {
			wanted[key{p.Transport, p.Port, a}] = service{p, c.Revision, false}
		}
	}
	opened, err := s.openAll(wanted)
	if err != nil {
		return err
	}
	s.mu.Lock()
	var old []*port
	for k, p := range s.ports {
		if w, stays := wanted[k]; stays {
			p.serves.Store(&w)
		} else if !p.serves.Load().explored {
			delete(s.ports, k)
			old = append(old, p)
		}
	}
	for k, o := range opened {
		s.ports[k] = o.port
	}
	s.noteServed()
	s.mu.Unlock()
	for _, o := range opened {
		o.run()
	}
	return closeAll(old)
}

// Explore opens a port that is not of the configuration until the returned function is called. Its events are marked.
func (s *Server) Explore(p terroir.ServedPort, revision int32) (stop func() error, err error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	wanted := map[key]service{}
	for _, a := range s.addresses() {
		wanted[key{p.Transport, p.Port, a}] = service{p, revision, true}
	}
	opened, err := s.openAll(wanted)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	for k, o := range opened {
		s.ports[k] = o.port
	}
	s.noteServed()
	s.mu.Unlock()
	for _, o := range opened {
		o.run()
	}
	return func() error { return s.stopExploring(opened) }, nil
}

// stopExploring closes those of the ports that did not become part of the configuration meanwhile.
func (s *Server) stopExploring(opened map[key]opening) error {
	s.mu.Lock()
	var old []*port
	for k, o := range opened {
		if s.ports[k] == o.port && o.port.serves.Load().explored {
			delete(s.ports, k)
			old = append(old, o.port)
		}
	}
	s.noteServed()
	s.mu.Unlock()
	return closeAll(old)
}

func closeAll(ports []*port) error {
	var errs []error
	for _, p := range ports {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}

// opening is a port that is bound, with what serves it, and what closes it where nothing is to.
type opening struct {
	port    *port
	run     func()
	discard func() error
}

// openAll binds what is not open yet: all of it, or nothing.
func (s *Server) openAll(wanted map[key]service) (map[key]opening, error) {
	opened := map[key]opening{}
	for k, w := range wanted {
		s.mu.Lock()
		_, open := s.ports[k]
		s.mu.Unlock()
		if open || s.ending.Load() {
			continue
		}
		o, err := s.bind(k, w)
		if err != nil {
			for _, o := range opened {
				_ = o.discard()
			}
			return nil, bindError(w.ServedPort, k.addr, err)
		}
		if o.port != nil {
			opened[k] = o
		}
	}
	return opened, nil
}

func (s *Server) addresses() []netip.Addr {
	if len(s.opt.Addresses) > 0 {
		return s.opt.Addresses
	}
	return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
}

// bind opens one port on one address; the opening is empty where the machine lacks IPv6 altogether.
func (s *Server) bind(k key, w service) (opening, error) {
	at := netip.AddrPortFrom(k.addr, k.port)
	o, err := s.open(at, w)
	if (errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)) && s.opt.Fallback != nil {
		o, err = s.open(netip.AddrPortFrom(k.addr, s.opt.Fallback(w.ServedPort)), w)
	}
	if errors.Is(err, syscall.EAFNOSUPPORT) && k.addr == netip.IPv6Unspecified() {
		return opening{}, nil
	}
	return o, err
}

func (s *Server) open(at netip.AddrPort, w service) (opening, error) {
	version := "4"
	if at.Addr().Is6() {
		version = "6"
	}
	p := &port{}
	p.serves.Store(&w)
	if w.Transport == terroir.UDP {
		return s.openUDP(p, at, "udp"+version)
	}
	config := net.ListenConfig{Control: prepare, KeepAlive: -1}
	any, err := config.Listen(context.Background(), "tcp"+version, at.String())
	if err != nil {
		return opening{}, err
	}
	l, err := newListener(any.(*net.TCPListener))
	if err != nil {
		return opening{}, err
	}
	p.bound = l.bound
	// The loop accepts what waits in the kernel's queue, and closes.
	p.shutdown = func() error { return l.SetDeadline(time.Now()) }
	run := func() {
		s.accepting.Add(1)
		s.hands.do(func() { s.accept(l, p, nil) })
	}
	return opening{p, run, l.Close}, nil
}

func bindError(p terroir.ServedPort, a netip.Addr, err error) error {
	e := &terroir.Error{Code: terroir.ECONFIG, Where: fmt.Sprintf("%s on %s", p, a), Message: "cannot listen", Err: rootCause(err)}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Hint = "stop what uses the port, or take it out of the configuration"
	case errors.Is(err, syscall.EACCES):
		e.Hint = "give the program CAP_NET_BIND_SERVICE, or take the port out of the configuration"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.Hint = "this machine does not have the address; correct listen.addresses"
	}
	return e
}

func rootCause(err error) error {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no
	}
	return err
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
