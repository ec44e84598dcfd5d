package listen

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"terroir"
)

// session is one TCP session while it lasts.
type session struct {
	s      *Server
	conn   *client
	guest  *guest
	serves *service
	in     stream
	event  *terroir.Event
	begun  time.Time

	// kept is the beginning of what the client sent before the first answer; total is how much it sent in all, missed
	// how much of that is neither in kept nor in transcript.
	kept          []byte
	transcript    []byte
	total, missed int64

	dialogue terroir.Dialogue
	// answered is set by the first answer to something, closed once the sensor's side is closed.
	answered, closed bool
	// idled is set once the persona has broken the silence.
	idled bool
}

// end sets kind and close from how reading ended.
func (x *session) end(why terroir.Close) {
	e := x.event
	e.Close, e.SourceBytes, e.Truncated = why, x.total, x.missed > 0
	switch {
	case x.total > 0:
		e.Kind = terroir.KindPayload
	case why == terroir.CloseClientFIN || why == terroir.CloseClientRST || why == terroir.CloseTLSError:
		e.Kind = terroir.KindError
	default:
		e.Kind = terroir.KindConnection
	}
}

// talk reads and answers until somebody ends the session, and returns why it ended.
func (x *session) talk(out io.Writer) terroir.Close {
	x.dialogue = x.s.opt.Answer(x.serves.ServedPort, rand.Uint64())
	if x.dialogue != nil {
		x.answer(out, x.dialogue.Greeting())
	}
	for {
		silence := x.patience()
		speaks := x.speaksAfter(silence)
		if speaks > 0 {
			silence = speaks
		}
		x.deadline(silence)
		var full bool
		err := x.in.next(func(b []byte) { full = x.take(out, b) })
		if full {
			return terroir.CloseSizeLimit
		}
		if err == nil {
			continue
		}
		why := x.why(err)
		if yielded, _ := x.s.guests.mustLeave(x.guest); yielded || why != terroir.CloseIdleLimit || speaks == 0 {
			return why
		}
		x.idled = true
		x.answer(out, x.dialogue.Idle())
	}
}

// speaksAfter is how long the client may say nothing until the persona does; 0 when it will not, or not before the session
// ends.
func (x *session) speaksAfter(silence time.Duration) time.Duration {
	if x.dialogue == nil || x.idled || x.total > 0 {
		return 0
	}
	if after := x.dialogue.Silence(); after < silence {
		return after
	}
	return 0
}

// take keeps what came and answers it. It says whether the client sent too much.
func (x *session) take(out io.Writer, b []byte) (full bool) {
	x.s.guests.heard(x.guest)
	x.keep(b)
	if x.total >= x.s.opt.SessionBytes {
		return true
	}
	if x.dialogue != nil && !x.closed {
		for _, r := range x.dialogue.Take(b) {
			x.answer(out, r)
		}
	}
	return false
}

// keep puts what the client sent into the payload or, after an answer, into the transcript.
func (x *session) keep(b []byte) {
	x.total += int64(len(b))
	if x.answered {
		x.missed += x.note('C', b)
		return
	}
	n := min(len(b), x.s.opt.KeepBytes-len(x.kept))
	if !x.s.guests.hold(x.guest, n) {
		n = 0
	}
	x.kept = append(x.kept, b[:n]...)
	x.missed += int64(len(b) - n)
}

// note appends a message to the transcript, as far as there is room, and returns how many bytes there was none for.
func (x *session) note(who byte, b []byte) int64 {
	n := min(len(b), x.s.opt.KeepBytes-len(x.transcript))
	if n <= 0 || !x.s.guests.hold(x.guest, n) {
		return int64(len(b))
	}
	x.transcript = fmt.Appendf(x.transcript, "%c %d\n", who, n)
	x.transcript = append(append(x.transcript, b[:n]...), '\n')
	return int64(len(b) - n)
}

// maxDelay bounds how long an answer may be held back.
const maxDelay = 5 * time.Second

// answer sends a reply. What the client does not take within its patience is given up.
func (x *session) answer(out io.Writer, r terroir.Reply) {
	if x.closed || len(r.Bytes) == 0 && !r.Close {
		return
	}
	if r.Delay > 0 {
		x.conn.mayWait()
		select {
		case <-x.s.closing:
			return
		case <-time.After(min(r.Delay, maxDelay)):
		}
	}
	if len(r.Bytes) > 0 {
		if x.total > 0 {
			x.answered = true
			x.note('S', r.Bytes)
		}
		_ = x.conn.SetWriteDeadline(time.Now().Add(x.s.opt.IdleAfter))
		if _, err := out.Write(r.Bytes); err != nil {
			x.closed = true // Reading tells why.
			return
		}
	}
	if r.Close {
		x.closed = true
		if c, ok := out.(interface{ CloseWrite() error }); ok {
			_ = c.CloseWrite() // What the client still says is read, until it ends, too.
		}
		_ = x.conn.CloseWrite() // TLS ends only its own side.
	}
}

// patience is how long the client may be silent now.
func (x *session) patience() time.Duration {
	if x.total > 0 {
		return x.s.opt.IdleAfter
	}
	return max(x.s.opt.IdleBefore-time.Since(x.begun), 0)
}

// deadline sets how long the next read may take. Where the session is over that is no time at all: only what has
// arrived is still read.
func (x *session) deadline(silence time.Duration) {
	now := time.Now()
	until := now.Add(silence)
	if oldest := x.begun.Add(x.s.opt.MaxAge); oldest.Before(until) {
		until = oldest
	}
	_ = x.conn.SetReadDeadline(until)
	// Whoever ends the session may have set the deadline before this did.
	if yielded, closing := x.s.guests.mustLeave(x.guest); yielded || closing {
		_ = x.conn.SetReadDeadline(now)
	}
}

// why says who ended the session.
func (x *session) why(err error) terroir.Close {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		if x.s.guests.isClosing() {
			return terroir.CloseShutdown
		}
		return terroir.CloseIdleLimit
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ENOTCONN):
		return terroir.CloseClientRST
	}
	return terroir.CloseClientFIN
}
