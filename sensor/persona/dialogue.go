package persona

import (
	"strings"
	"time"

	"terroir"
)

const (
	// maxMessage bounds a message, and with it what a dialogue holds. A longer one is unknown.
	maxMessage = 16 << 10
	// maxReplies bounds the answers to what came at once, maxSaid the bytes of a session's answers.
	maxReplies = 64
	maxSaid    = 256 << 10
)

// dialogue is a persona in one session.
type dialogue struct {
	p       *Persona
	framing framing
	world   world
	state   string
	buf     []byte
	// heard counts messages, said bytes.
	heard, said int
	over        bool
}

// Greeting implements terroir.Dialogue.
func (d *dialogue) Greeting() terroir.Reply { return d.say(&d.p.Greeting, message{}, nil) }

// Silence implements terroir.Dialogue.
func (d *dialogue) Silence() time.Duration { return d.p.Idle.delay }

// Idle implements terroir.Dialogue.
func (d *dialogue) Idle() terroir.Reply {
	r := d.say(&d.p.Idle, message{}, nil)
	r.Delay = 0 // The silence was it.
	return r
}

// Take implements terroir.Dialogue.
func (d *dialogue) Take(b []byte) []terroir.Reply {
	var replies []terroir.Reply
	d.buf = append(d.buf, b...)
	for !d.over && len(d.buf) > 0 && len(replies) < maxReplies {
		m, n, whole := d.framing.split(d.buf)
		if !whole && n == 0 {
			if len(d.buf) < maxMessage {
				return replies
			}
			m, n, whole = message{text: head(d.buf)}, len(d.buf), true
		}
		d.buf = d.buf[n:]
		if whole {
			if r := d.answer(m); len(r.Bytes) > 0 || r.Close {
				replies = append(replies, r)
			}
		}
	}
	if len(d.buf) == 0 || d.over || len(replies) == maxReplies {
		d.buf = nil
	}
	return replies
}

func (d *dialogue) answer(m message) terroir.Reply {
	d.heard++
	for i := range d.p.Rules {
		r := &d.p.Rules[i]
		if r.In != "" && r.In != d.state || r.First && d.heard > 1 || r.Upgrade != "" && !strings.EqualFold(r.Upgrade, m.upgrade) {
			continue
		}
		if groups, ok := r.fits(m.text); ok {
			return d.say(&r.Answer, m, groups)
		}
	}
	return d.say(&d.p.Unknown, m, nil)
}

// fits says whether the message fits, and what the groups of the regexp caught.
func (r *Rule) fits(text string) (groups []string, ok bool) {
	switch {
	case r.Is != "":
		return nil, strings.EqualFold(text, r.Is)
	case r.Prefix != "":
		return nil, len(text) >= len(r.Prefix) && strings.EqualFold(text[:len(r.Prefix)], r.Prefix)
	case r.re != nil && !r.first.allow(text):
		return nil, false
	case r.re != nil:
		groups = r.re.FindStringSubmatch(text)
		return groups, groups != nil
	}
	return nil, true
}

// say renders an answer and moves the dialogue on.
func (d *dialogue) say(a *Answer, m message, groups []string) terroir.Reply {
	if a.Then != "" {
		d.state = a.Then
	}
	r := terroir.Reply{Delay: a.delay, Close: a.Close || m.last && a.say.http()}
	if a.say != nil {
		r.Bytes = a.say.render(&d.world, m, groups)
	}
	if d.said += len(r.Bytes); d.said > maxSaid {
		r.Bytes, r.Close = nil, true
	}
	d.over = d.over || r.Close
	return r
}
