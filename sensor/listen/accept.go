package listen

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"terroir"
)

// visit is one client to serve.
type visit struct {
	conn   *client
	guest  *guest
	serves *service
	proxy  bool
}

// together is how many clients are accepted before the first of them is served: meanwhile they say something.
const together = 8

// accept serves the clients, and then one TCP port until it is closed, with what waits in the kernel's queue. Whoever
// accepts a client serves it, too. Before one makes it wait, somebody else goes on with the others: so a client that has
// said everything costs no change of goroutines, and one that has not keeps nobody waiting.
func (s *Server) accept(l *listener, p *port, visits []visit) {
	for {
		if len(visits) == 0 {
			c, err := l.accept()
			switch {
			case err == nil:
				visits = s.admit(make([]visit, 0, together), l, c, p)
			case p.closing.Load() && errors.Is(err, os.ErrDeadlineExceeded):
				// A deadline says nothing of who waits. Who goes on coming while the port closes comes too late.
				if c := l.another(); c != nil && time.Since(p.closed) < takeWithin {
					visits = s.admit(make([]visit, 0, together), l, c, p)
				} else {
					s.turnOff(l, c)
					return
				}
			case !s.noDescriptor(l, p, err):
				s.turnOff(l, nil)
				return
			}
			continue
		}
		v, rest, passed := visits[0], visits[1:], false
		v.conn.beforeWaiting(func() {
			passed = true
			s.hands.do(func() { s.accept(l, p, rest) })
		})
		s.serve(v)
		if passed {
			return
		}
		visits = rest
	}
}

// takeWithin is how long a port that closes goes on taking those who wait already.
const takeWithin = 2 * time.Second

// turnOff closes the port, and turns away who is left over.
func (s *Server) turnOff(l *listener, c *client) {
	if c != nil {
		s.accepted.Add(1)
		s.guests.lose("shutdown", 1)
		c.reset()
		_ = c.Close()
	}
	_ = l.Close()
	s.accepting.Done()
}

// admit takes the client in, or turns it away, and with it those that wait already.
func (s *Server) admit(visits []visit, l *listener, c *client, p *port) []visit {
	for ; c != nil; c = l.another() {
		s.accepted.Add(1)
		serves := p.serves.Load()
		proxy := serves.Proxy && s.trusts(c.source.Addr())
		g := s.guests.admit(c, c.source.Addr(), proxy)
		if g == nil {
			c.reset()
			_ = c.Close()
			continue
		}
		if visits = append(visits, visit{c, g, serves, proxy}); len(visits) == together {
			break
		}
	}
	return visits
}

// noDescriptor turns a client away, and counts it, when there is no descriptor for it. After other errors the client
// waits on. It is false when the port is closed and nobody waits.
func (s *Server) noDescriptor(l *listener, p *port, err error) bool {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		turned := s.spare.turnAway(l)
		if p.closing.Load() {
			_ = p.shutdown() // The deadline that turnAway took away.
		}
		if turned {
			s.accepted.Add(1)
			s.guests.lose("descriptors", 1)
			return true
		}
		if !s.spare.held() {
			s.guests.makeRoom() // A session that is silent gives its descriptor.
		}
	}
	if p.closing.Load() {
		return false
	}
	time.Sleep(10 * time.Millisecond)
	return true
}

func (s *Server) trusts(a netip.Addr) bool {
	for _, p := range s.opt.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (s *Server) serve(v visit) {
	defer s.guests.leave(v.guest)
	c, now := v.conn, time.Now()
	defer c.Close()
	x := &session{s: s, conn: c, in: c, guest: v.guest, serves: v.serves, begun: now}
	x.event = s.event(now, v.serves, terroir.TCP, c.source, c.own.Addr())
	if syn := c.syn(); len(syn) > 0 && !v.proxy { // The proxy's own says nothing of its client.
		x.event.TCPSignature, x.event.Tool = s.opt.Fingerprint(syn)
	}
	if v.proxy && !x.behindProxy() {
		return
	}
	if v.serves.TLS {
		x.serveTLS()
	} else {
		x.end(x.talk(c))
	}
	_ = c.Close()
	s.guests.retire(v.guest)
	if err := s.record(x.event, x.kept, x.transcript, x.begun); err != nil {
		s.fail(err)
	}
}

// event begins an event; the port is that of the configuration, wherever it is really bound.
func (s *Server) event(at time.Time, p *service, t terroir.Transport, source netip.AddrPort, own netip.Addr) *terroir.Event {
	e := &terroir.Event{Time: at.UTC().Truncate(time.Microsecond), Region: s.opt.Region, Revision: p.revision, Transport: t, Source: source,
		Destination: netip.AddrPortFrom(own, p.Port), Attempts: 1, Explored: p.explored}
	e.Sensor = s.opt.Sensor
	return e
}

func (s *Server) record(e *terroir.Event, kept, transcript []byte, begun time.Time) error {
	e.Duration = time.Since(begun).Truncate(time.Microsecond)
	e.Payload, e.Transcript = terroir.NewPayloadID(kept), terroir.NewPayloadID(transcript)
	if len(kept) > 0 {
		e.AppProto = s.opt.Name(kept, e.Transport)
		if h, ok := s.opt.Hello(kept); ok && e.Transport == terroir.TCP {
			e.TLS = h
		}
	}
	if err := s.sink.Put(s.ctx, terroir.Record{Event: e, Payload: kept, Transcript: transcript}); err != nil {
		return fmt.Errorf("listen: event not recorded: %w", err)
	}
	return nil
}
