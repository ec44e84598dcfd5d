package listen

import (
	"crypto/tls"
	"net"
	"time"

	"terroir"
)

// serveTLS completes the handshake where the client begins one, and reads what comes inside.
func (x *session) serveTLS() {
	head, why := x.peek()
	hello, ok := x.s.opt.Hello(head)
	if !ok {
		x.inTheClear(head, why)
		return
	}
	x.event.TLS = hello
	raw := &counted{Conn: x.conn, in: &reader{stream: &after{head, x.in}}}
	x.conn.mayWait() // A handshake takes a while.
	x.deadline(x.s.opt.IdleBefore)
	_ = x.conn.SetWriteDeadline(time.Now().Add(x.s.opt.IdleBefore))
	inner := tls.Server(raw, x.s.tls)
	if err := inner.HandshakeContext(x.s.ctx); err != nil {
		why := terroir.CloseTLSError
		if x.s.guests.isClosing() {
			why = terroir.CloseShutdown
		}
		x.end(why)
		x.event.SourceBytes = raw.read
		return
	}
	x.in = &buffered{r: inner}
	x.end(x.talk(inner))
	_ = inner.Close()
}

// inTheClear is a client on a TLS port that did not send a whole ClientHello.
func (x *session) inTheClear(head []byte, why terroir.Close) {
	if len(head) > 0 && x.s.opt.Need(head) > 0 {
		x.end(terroir.CloseTLSError) // It began a handshake and broke off.
		x.event.SourceBytes = int64(len(head))
		return
	}
	if why != 0 {
		x.keep(head)
		x.end(why)
		return
	}
	x.in = &after{head, x.in}
	x.end(x.talk(x.conn))
}

// peek reads until a ClientHello is whole, or it is clear that none comes. why is set when the session ended.
func (x *session) peek() (head []byte, why terroir.Close) {
	for {
		patience := x.s.opt.IdleBefore - time.Since(x.begun)
		if len(head) > 0 {
			patience = x.s.opt.IdleAfter
		}
		x.deadline(patience)
		if err := x.in.next(func(b []byte) { head = append(head, b...) }); err != nil {
			return head, x.why(err)
		}
		x.s.guests.heard(x.guest)
		if x.s.opt.Need(head) == 0 {
			return head, 0
		}
	}
}

// counted is a connection that counts what is read from it.
type counted struct {
	net.Conn
	in   *reader
	read int64
}

// Read implements io.Reader.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	c.read += int64(n)
	return n, err
}
