package listen

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"terroir"
)

// accept serves one TCP port until it is closed.
func (s *Server) accept(l *net.TCPListener, p terroir.ServedPort) {
	for {
		c, err := l.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// The client waits on. Without a descriptor it is turned away, and counted once.
			if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) || !s.spare.turnAway(l) {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			s.lose("descriptors", 1)
			continue
		}
		source := unmap(c.RemoteAddr().(*net.TCPAddr).AddrPort())
		if !s.admit(c, source.Addr()) {
			_ = c.SetLinger(0)
			_ = c.Close()
			continue
		}
		s.working.Go(func() {
			defer s.dismiss(c, source.Addr())
			s.serve(c, p, source)
		})
	}
}

// session is one TCP session while it lasts.
type session struct {
	s     *Server
	conn  net.Conn
	event *terroir.Event
	begun time.Time
	// kept is the beginning of what the client sent, total how much that was.
	kept  []byte
	total int64
}

func (s *Server) serve(c *net.TCPConn, p terroir.ServedPort, source netip.AddrPort) {
	now := time.Now()
	x := &session{s: s, conn: c, begun: now, event: s.event(now, p, terroir.TCP, source, unmap(c.LocalAddr().(*net.TCPAddr).AddrPort()).Addr())}
	if p.TLS {
		x.serveTLS()
	} else {
		x.end(x.read(c))
	}
	_ = c.Close()
	if err := s.record(x.event, x.kept, x.begun); err != nil {
		s.fail(err)
	}
}

// event begins an event; the port is that of the configuration, wherever it is really bound.
func (s *Server) event(at time.Time, p terroir.ServedPort, t terroir.Transport, source netip.AddrPort, own netip.Addr) *terroir.Event {
	e := &terroir.Event{Time: at.UTC().Truncate(time.Microsecond), Region: s.opt.Region, Revision: s.revision, Transport: t, Source: source,
		Destination: netip.AddrPortFrom(own, p.Port), Attempts: 1}
	e.Sensor = s.opt.Sensor
	return e
}

func (s *Server) record(e *terroir.Event, kept []byte, begun time.Time) error {
	e.Duration = time.Since(begun).Truncate(time.Microsecond)
	e.Payload = terroir.NewPayloadID(kept)
	if len(kept) > 0 {
		e.AppProto = s.opt.Name(kept, e.Transport)
		if h, ok := s.opt.Hello(kept); ok && e.Transport == terroir.TCP {
			e.TLS = h
		}
	}
	if err := s.sink.Put(s.ctx, terroir.Record{Event: e, Payload: kept}); err != nil {
		return fmt.Errorf("listen: event not recorded: %w", err)
	}
	return nil
}

// end sets kind and close from how reading ended.
func (x *session) end(why terroir.Close) {
	e := x.event
	e.Close, e.SourceBytes, e.Truncated = why, x.total, x.total > int64(len(x.kept))
	switch {
	case x.total > 0:
		e.Kind = terroir.KindPayload
	case why == terroir.CloseClientFIN || why == terroir.CloseClientRST || why == terroir.CloseTLSError:
		e.Kind = terroir.KindError
	default:
		e.Kind = terroir.KindConnection
	}
}

// read reads until somebody ends the session, and returns why it ended.
func (x *session) read(r io.Reader) terroir.Close {
	buf := make([]byte, 2048)
	for {
		if why := x.deadline(x.total > 0); why != 0 {
			return why
		}
		n, err := r.Read(buf)
		if n > 0 {
			x.keep(buf[:n])
			if x.total >= x.s.opt.SessionBytes {
				return terroir.CloseSizeLimit
			}
		}
		if err != nil {
			return x.why(err)
		}
		if n == len(buf) && len(buf) < 64<<10 {
			buf = make([]byte, 64<<10) // The client has much to say.
		}
	}
}

func (x *session) keep(b []byte) {
	x.total += int64(len(b))
	if room := x.s.opt.KeepBytes - len(x.kept); room > 0 {
		x.kept = append(x.kept, b[:min(len(b), room)]...)
	}
}

// deadline sets how long the next read may take; it returns a reason when the session is over already.
func (x *session) deadline(after bool) terroir.Close {
	idle := x.s.opt.IdleBefore
	if after {
		idle = x.s.opt.IdleAfter
	}
	now := time.Now()
	until := now.Add(idle)
	if oldest := x.begun.Add(x.s.opt.MaxAge); oldest.Before(until) {
		until = oldest
	}
	if !until.After(now) {
		return terroir.CloseIdleLimit
	}
	_ = x.conn.SetReadDeadline(until)
	if x.s.isClosing() {
		return terroir.CloseShutdown // Shutdown set the deadline before this did.
	}
	return 0
}

// why says who ended the session.
func (x *session) why(err error) terroir.Close {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		if x.s.isClosing() {
			return terroir.CloseShutdown
		}
		return terroir.CloseIdleLimit
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ENOTCONN):
		return terroir.CloseClientRST
	}
	return terroir.CloseClientFIN
}

// serveTLS completes the handshake where the client begins one, and reads what comes inside.
func (x *session) serveTLS() {
	raw := &peeked{Conn: x.conn}
	head, why := x.peek(raw)
	hello, ok := x.s.opt.Hello(head)
	if !ok {
		x.inTheClear(head, why)
		return
	}
	x.event.TLS = hello
	raw.again = bytes.NewReader(head)
	if closed := x.deadline(false); closed != 0 {
		x.end(closed)
		return
	}
	_ = x.conn.SetWriteDeadline(time.Now().Add(x.s.opt.IdleBefore))
	inner := tls.Server(raw, x.s.tls)
	if err := inner.HandshakeContext(x.s.ctx); err != nil {
		why := terroir.CloseTLSError
		if x.s.isClosing() {
			why = terroir.CloseShutdown
		}
		x.end(why)
		x.event.SourceBytes, x.event.Truncated = raw.read, false
		return
	}
	x.end(x.read(inner))
	_ = inner.Close()
}

// inTheClear is a client on a TLS port that did not send a whole ClientHello.
func (x *session) inTheClear(head []byte, why terroir.Close) {
	if len(head) > 0 && x.s.opt.Need(head) > 0 {
		x.end(terroir.CloseTLSError) // It began a handshake and broke off.
		x.event.SourceBytes = int64(len(head))
		return
	}
	x.keep(head)
	if why == 0 {
		why = x.read(x.conn)
	}
	x.end(why)
}

// peek reads until a ClientHello is whole, or it is clear that none comes. why is set when the session ended.
func (x *session) peek(r io.Reader) (head []byte, why terroir.Close) {
	buf := make([]byte, 4096)
	for {
		if why := x.deadline(len(head) > 0); why != 0 {
			return head, why
		}
		n, err := r.Read(buf)
		head = append(head, buf[:n]...)
		if err != nil {
			return head, x.why(err)
		}
		if x.s.opt.Need(head) == 0 {
			return head, 0
		}
	}
}

// peeked is a connection of which the beginning was read already. It counts what the client sent.
type peeked struct {
	net.Conn
	again *bytes.Reader
	read  int64
}

// Read implements io.Reader.
func (p *peeked) Read(b []byte) (int, error) {
	if p.again != nil && p.again.Len() > 0 {
		return p.again.Read(b)
	}
	n, err := p.Conn.Read(b)
	p.read += int64(n)
	return n, err
}
