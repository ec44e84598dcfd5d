// Package listen serves a configuration's ports and tells what clients do there. It answers nothing but TLS
// handshakes, and UDP never.
//
// A TCP session ends in one of these states:
//
//	who ended it, and why                      | client had sent nothing | client had sent something
//	-------------------------------------------+-------------------------+--------------------------
//	client, FIN (client_fin)                   | error                   | payload
//	client, RST (client_rst)                   | error                   | payload
//	sensor: silent for too long (idle_limit)   | connection              | payload
//	sensor: sent too much (size_limit)         | —                       | payload
//	sensor: shut down (shutdown)               | connection              | payload
//	TLS handshake failed (tls_error)           | error                   | —
//
// On a port with TLS, "something" is what comes inside. A client that does not begin with a ClientHello there has sent
// something in the clear: a payload. On every other port a ClientHello is itself the payload.
package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"terroir"
)

// Sink takes what was observed. Put may block, and is called concurrently.
type Sink interface {
	Put(ctx context.Context, r terroir.Record) error
}

// Options of a server. Zero numbers get defaults.
type Options struct {
	Sensor, Region string
	// Addresses to bind; none means all, IPv4 and IPv6 apart.
	Addresses []netip.Addr
	// KeepBytes is how much of a payload is kept (64 KiB), SessionBytes how much a client may send (4 MiB).
	KeepBytes    int
	SessionBytes int64
	// IdleBefore is how long a client may be silent at first (30 s), IdleAfter how long after it sent something (5 s),
	// MaxAge how long a session may last (5 min).
	IdleBefore, IdleAfter, MaxAge time.Duration
	// MaxSessions bounds the sessions at once (4096), MaxPerSource those of one address (256).
	MaxSessions, MaxPerSource int
	// Certificate answers handshakes on ports with TLS.
	Certificate tls.Certificate
	// Name names a protocol by its first bytes; Hello reads a ClientHello, Need says how many bytes it lacks. Each may
	// be nil.
	Name  func([]byte, terroir.Transport) string
	Hello func([]byte) (terroir.TLSHello, bool)
	Need  func([]byte) int
	// Fallback, if set, is asked for another port (0 for any) where one is taken or forbidden.
	Fallback func(terroir.ServedPort) uint16
}

func (o *Options) defaults() {
	setDefault(&o.KeepBytes, 64<<10)
	setDefault(&o.SessionBytes, 4<<20)
	setDefault(&o.IdleBefore, 30*time.Second)
	setDefault(&o.IdleAfter, 5*time.Second)
	setDefault(&o.MaxAge, 5*time.Minute)
	setDefault(&o.MaxSessions, 4096)
	setDefault(&o.MaxPerSource, 256)
	if o.Name == nil {
		o.Name = func([]byte, terroir.Transport) string { return "" }
	}
	if o.Hello == nil {
		o.Hello = func([]byte) (terroir.TLSHello, bool) { return terroir.TLSHello{}, false }
	}
	if o.Need == nil {
		o.Need = func([]byte) int { return 0 }
	}
}

func setDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Bound is a port that is served: the port of the configuration, and the address that is really bound.
type Bound struct {
	Port terroir.ServedPort
	Addr netip.AddrPort
}

// Server serves until Shutdown.
type Server struct {
	opt      Options
	revision int32
	tls      *tls.Config
	sink     Sink
	ctx      context.Context
	errs     chan error

	bound   []Bound
	closers []func() error

	mu       sync.Mutex
	closing  bool
	sessions map[net.Conn]struct{}
	sources  map[netip.Addr]int
	refused  map[string]int64
	working  sync.WaitGroup
	stop     chan struct{}
	// ended are the UDP flows that wait to be recorded; recording is what does so, and reports.
	ended     chan *flow
	recording sync.WaitGroup
	// spare is a descriptor that is given up to turn a client away when there is none left.
	spare spare
}

// Start binds every port of the configuration and serves. Nothing is served when one cannot be bound: that yields an
// ECONFIG error which names the port.
func Start(ctx context.Context, opt Options, c terroir.Configuration, sink Sink) (*Server, error) {
	opt.defaults()
	s := &Server{
		opt: opt, revision: c.Revision, sink: sink, ctx: context.WithoutCancel(ctx), errs: make(chan error, 1), stop: make(chan struct{}),
		sessions: map[net.Conn]struct{}{}, sources: map[netip.Addr]int{}, refused: map[string]int64{},
		tls: tlsConfig(opt.Certificate), ended: make(chan *flow, udpQueue),
	}
	addrs := opt.Addresses
	if len(addrs) == 0 {
		addrs = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	var serve []func()
	for _, p := range c.Ports {
		for _, a := range addrs {
			run, err := s.bind(p, a)
			if err != nil {
				return nil, errors.Join(err, s.closeListeners())
			}
			if run != nil {
				serve = append(serve, run)
			}
		}
	}
	for _, run := range serve {
		s.working.Go(run)
	}
	s.spare.hold()
	for range udpRecorders {
		s.recording.Go(s.recordFlows)
	}
	s.recording.Go(s.reportRefused)
	return s, nil
}

// tlsConfig takes every client that there is: old versions and weak ciphers are what scanners offer.
func tlsConfig(c tls.Certificate) *tls.Config {
	config := &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS10} //nolint:gosec // a trap, not a bank
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, suite := range list {
			config.CipherSuites = append(config.CipherSuites, suite.ID)
		}
	}
	return config
}

// bind opens one port on one address and returns what serves it; nil where the machine lacks IPv6 altogether.
func (s *Server) bind(p terroir.ServedPort, a netip.Addr) (func(), error) {
	run, err := s.open(p, netip.AddrPortFrom(a, p.Port))
	if (errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)) && s.opt.Fallback != nil {
		run, err = s.open(p, netip.AddrPortFrom(a, s.opt.Fallback(p)))
	}
	if errors.Is(err, syscall.EAFNOSUPPORT) && a == netip.IPv6Unspecified() {
		return nil, nil
	}
	if err != nil {
		return nil, bindError(p, a, err)
	}
	return run, nil
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

func (s *Server) open(p terroir.ServedPort, at netip.AddrPort) (func(), error) {
	version := "4"
	if at.Addr().Is6() {
		version = "6"
	}
	if p.Transport == terroir.UDP {
		return s.openUDP(p, at, "udp"+version)
	}
	l, err := net.ListenTCP("tcp"+version, net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, l.Close)
	s.bound = append(s.bound, Bound{p, unmap(l.Addr().(*net.TCPAddr).AddrPort())})
	return func() { s.accept(l, p) }, nil
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// Bound lists what is served.
func (s *Server) Bound() []Bound { return s.bound }

// Err gives the first error of the sink or of a listener: from then on something may go unrecorded.
func (s *Server) Err() <-chan error { return s.errs }

func (s *Server) fail(err error) {
	select {
	case s.errs <- err:
	default: // The first one ends the sensor.
	}
}

func (s *Server) closeListeners() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// Shutdown stops serving, ends the open sessions and returns when all of them are recorded, or ctx ends. It returns an
// error of the sink that Err has not given yet.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	s.closing = true
	for c := range s.sessions {
		_ = c.SetReadDeadline(time.Now().Add(drainWithin)) // Its reader takes what has arrived, and sees that the server is closing.
	}
	s.mu.Unlock()
	err := s.closeListeners()
	done := make(chan struct{})
	go func() {
		s.working.Wait()
		close(s.ended)
		close(s.stop) // Nothing is refused any more: the last report is complete.
		s.recording.Wait()
		s.spare.close()
		close(done)
	}()
	select {
	case <-done:
		select {
		case failed := <-s.errs:
			err = errors.Join(failed, err)
		default:
		}
		return err
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("listen: sessions are still open: %w", ctx.Err()))
	}
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}
