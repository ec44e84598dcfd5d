// Package listen serves a configuration's ports, tells what clients do there, and answers as the port's persona says.
// UDP is never answered.
//
// A TCP session ends in one of these states:
//
//	who ended it, and why                      | client had sent nothing | client had sent something
//	-------------------------------------------+-------------------------+--------------------------
//	client, FIN (client_fin)                   | error                   | payload
//	client, RST (client_rst)                   | error                   | payload
//	sensor: silent for too long, too old, or   |                         |
//	  its place was needed (idle_limit)        | connection              | payload
//	sensor: sent too much (size_limit)         | —                       | payload
//	sensor: shut down (shutdown)               | connection              | payload
//	TLS handshake failed (tls_error)           | error                   | —
//
// On a port with TLS, "something" is what comes inside. A client that does not begin with a ClientHello there has sent
// something in the clear: a payload. On every other port a ClientHello is itself the payload. A PROXY header from a
// trusted proxy is not something that the client sent; from anybody else it is.
//
// A UDP flow is the datagrams of one source to one port until it pauses; it is always a payload. The first datagram is
// the payload.
//
// The payload is what the client sends before the sensor's first answer. What follows is the transcript: messages,
// each as a line "C n" (client) or "S n" (sensor), its n bytes, and a line's end.
package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
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
	// KeepBytes is how much of a payload is kept, and how much of a transcript (64 KiB), SessionBytes how much a client
	// may send (4 MiB).
	KeepBytes    int
	SessionBytes int64
	// IdleBefore is how long a client may be silent at first (30 s), IdleAfter how long after it sent something (5 s),
	// MaxAge how long a session may last (5 min).
	IdleBefore, IdleAfter, MaxAge time.Duration
	// MaxSessions bounds the sessions at once (20,000), MaxPerSource those of one address or IPv6 /64 (256),
	// MaxPerNetwork those of one /24 or IPv6 /48 (1024). When all places are taken the longest silent session yields.
	MaxSessions, MaxPerSource, MaxPerNetwork int
	// MaxHeld bounds the bytes of payloads and transcripts that all sessions together hold (128 MiB). Beyond, what is sent
	// is counted but not kept, the event says truncated, and the longest silent session yields.
	MaxHeld int64
	// DatagramsPerSecond bounds the datagrams of one source to one port per second (1000); the rest are counted.
	DatagramsPerSecond int
	// Certificate answers handshakes on ports with TLS.
	Certificate tls.Certificate
	// Answer begins the dialogue of a session on the port; nil, as its result, means silence. The seed differs between
	// sessions.
	Answer func(p terroir.ServedPort, seed uint64) terroir.Dialogue
	// Proxies are the addresses whose PROXY headers are believed, on ports that ask for them.
	Proxies []netip.Prefix
	// Name names a protocol by its first bytes; Hello reads a ClientHello, Need says how many bytes it lacks. Each may
	// be nil.
	Name  func([]byte, terroir.Transport) string
	Hello func([]byte) (terroir.TLSHello, bool)
	Need  func([]byte) int
	// Fingerprint tells signature and tool of the headers of a SYN. It may be nil.
	Fingerprint func(syn []byte) (signature, tool string)
	// Fallback, if set, is asked for another port (0 for any) where one is taken or forbidden.
	Fallback func(terroir.ServedPort) uint16
}

func (o *Options) defaults() {
	setDefault(&o.KeepBytes, 64<<10)
	setDefault(&o.SessionBytes, 4<<20)
	setDefault(&o.IdleBefore, 30*time.Second)
	setDefault(&o.IdleAfter, 5*time.Second)
	setDefault(&o.MaxAge, 5*time.Minute)
	setDefault(&o.MaxSessions, 20_000)
	setDefault(&o.MaxPerSource, 256)
	setDefault(&o.MaxPerNetwork, 1024)
	setDefault(&o.MaxHeld, 128<<20)
	setDefault(&o.DatagramsPerSecond, 1000)
	if o.Answer == nil {
		o.Answer = func(terroir.ServedPort, uint64) terroir.Dialogue { return nil }
	}
	if o.Name == nil {
		o.Name = func([]byte, terroir.Transport) string { return "" }
	}
	if o.Hello == nil {
		o.Hello = func([]byte) (terroir.TLSHello, bool) { return terroir.TLSHello{}, false }
	}
	if o.Fingerprint == nil {
		o.Fingerprint = func([]byte) (string, string) { return "", "" }
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

// Server serves until Shutdown.
type Server struct {
	opt    Options
	tls    *tls.Config
	sink   Sink
	ctx    context.Context
	errs   chan error
	guests *guests

	// changing is held while ports are opened or closed, mu while ports is looked at.
	changing sync.Mutex
	mu       sync.Mutex
	ports    map[key]*port
	served   atomic.Pointer[bits]
	// working are the UDP ports, accepting the TCP ports, hands those who serve clients.
	working   sync.WaitGroup
	accepting sync.WaitGroup
	hands     *hands
	// closing is closed when sessions are to end, stop when nothing is refused any more.
	closing, stop chan struct{}
	// ended are the UDP flows that wait to be recorded; recording is what does so, and reports.
	ended     chan *flow
	recording sync.WaitGroup
	// ending is set when shutdown begins.
	ending atomic.Bool
	// accepted counts the TCP connections taken.
	accepted atomic.Int64
	// spare is a descriptor that is given up to turn a client away when there is none left.
	spare spare
}

// Start binds every port of the configuration and serves. Nothing is served when one cannot be bound: that yields an
// ECONFIG error which names the port.
func Start(ctx context.Context, opt Options, c terroir.Configuration, sink Sink) (*Server, error) {
	opt.defaults()
	s := &Server{
		opt: opt, sink: sink, ctx: context.WithoutCancel(ctx), errs: make(chan error, 1), stop: make(chan struct{}),
		closing: make(chan struct{}), ports: map[key]*port{}, guests: newGuests(&opt), tls: tlsConfig(opt.Certificate),
		ended: make(chan *flow, udpQueue),
	}
	s.hands = newHands()
	for range udpRecorders {
		s.recording.Go(s.recordFlows)
	}
	s.recording.Go(s.reportRefused)
	if err := s.Reconfigure(c); err != nil {
		return nil, errors.Join(err, s.Shutdown(ctx))
	}
	s.spare.hold()
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

// Err gives the first error of the sink or of a listener: from then on something may go unrecorded.
func (s *Server) Err() <-chan error { return s.errs }

// Accepted is how many TCP connections were taken so far, with those that were then refused.
func (s *Server) Accepted() int64 { return s.accepted.Load() }

func (s *Server) fail(err error) {
	select {
	case s.errs <- err:
	default: // The first one ends the sensor.
	}
}

// Shutdown closes the ports, takes those who wait there, ends the open sessions and returns when all of them are
// recorded, or ctx ends. It returns an error of the sink that Err has not given yet.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.ending.Swap(true) {
		return nil
	}
	s.changing.Lock()
	s.mu.Lock()
	var open []*port
	for k, p := range s.ports {
		open = append(open, p)
		delete(s.ports, k)
	}
	s.noteServed()
	s.mu.Unlock()
	err := closeAll(open)
	s.changing.Unlock()
	done := make(chan struct{})
	go func() {
		s.accepting.Wait()
		s.guests.close()
		close(s.closing)
		s.working.Wait()
		s.hands.rest()
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

// reportEvery is the interval in which refused clients are recorded.
const reportEvery = 10 * time.Second

// reportRefused records how many clients were refused, every interval and at the end.
func (s *Server) reportRefused() {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		var last bool
		select {
		case <-s.stop:
			last = true
		case <-tick.C:
		}
		for reason, n := range s.guests.takeRefused() {
			l := &terroir.Loss{Time: time.Now().UTC(), Stage: "listen", Reason: reason, Attempts: n}
			l.Sensor = s.opt.Sensor
			if err := s.sink.Put(s.ctx, terroir.Record{Loss: l}); err != nil {
				s.fail(err)
			}
		}
		if last {
			return
		}
	}
}
