package log4j

import (
	"bytes"
	"slices"
)

var opening = []byte("${")

const (
	// maxDepth is how deep lookups may nest.
	maxDepth = 500
	// perLookup is what a lookup costs in bytes touched, however short it is.
	perLookup = 16
	// unknown begins a value that only the victim knows: this byte and three with the number of the symbol. It stands in no
	// UTF-8 text; where a message has it, it is replaced.
	unknown = 0xff
)

// machine evaluates one message as Log4j 2.14.1's StrSubstitutor.substitute does, over its Interpolator; where permissive, also
// what the sender seems to have meant.
type machine struct {
	budget     *Budget
	permissive bool
	// aborted says that Log4j would have thrown an exception: it evaluates nothing more of the message.
	aborted bool
	// spent says that a bound was hit.
	spent       bool
	symbols     [][]byte
	hits        []hit
	evaluations int
}

// hit is a lookup that was evaluated and would leave the victim.
type hit struct {
	family string
	// name is what stood between the braces, evaluated, without its default.
	name []byte
	place
	evaluations int
}

// place is a range of the message.
type place struct{ start, end int }

// buffer is a text in which is substituted.
type buffer struct {
	text  []byte
	opens []open
	// within is where a computed text comes from; nil for the message itself.
	within *place
}

// open is a "${" of a buffer.
type open struct {
	at int
	// end is where its brace is, -1 when it has none; next is the number of the first open after that.
	end, next int
}

// prior are the names whose values are being evaluated, innermost first.
type prior struct {
	name  []byte
	outer *prior
}

func (p *prior) contains(name []byte) bool {
	for ; p != nil; p = p.outer {
		if bytes.Equal(p.name, name) {
			return true
		}
	}
	return false
}

// newBuffer finds the pairs of braces. Log4j counts every "${", also one that is escaped, and no other brace.
func newBuffer(text []byte, within *place) *buffer {
	b := &buffer{text: text, within: within}
	var stack []int
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '$' && i+1 < len(text) && text[i+1] == '{':
			stack = append(stack, len(b.opens))
			b.opens = append(b.opens, open{at: i, end: -1})
			i++
		case c == '}' && len(stack) > 0:
			o := &b.opens[stack[len(stack)-1]]
			o.end, o.next = i, len(b.opens)
			stack = stack[:len(stack)-1]
		}
	}
	return b
}

// place is where in the message a range of the buffer comes from.
func (b *buffer) place(start, end int) place {
	if b.within != nil {
		return *b.within
	}
	return place{start, end}
}

// spend takes from the budget; when it is used up, the machine stops.
func (m *machine) spend(n int) bool {
	if m.spent || !m.budget.spend(n) {
		m.spent = true
	}
	return !m.spent
}

func (m *machine) stopped() bool { return m.spent || m.aborted }

// substitute evaluates the range of a buffer; k is the number of the first open in it.
func (m *machine) substitute(b *buffer, start, end, k int, priors *prior, depth int) (out []byte) {
	if depth > maxDepth || !m.spend(end-start+perLookup) {
		m.spent = true
		return nil
	}
	out = make([]byte, 0, end-start)
	pos := start
	for k < len(b.opens) && b.opens[k].at < end && !m.stopped() {
		o := b.opens[k]
		out = append(out, b.text[pos:o.at]...)
		if n := len(out); n > 0 && out[n-1] == '$' && !m.permissive {
			// Escaped: the dollar before it goes, and what stands within is looked at all the same.
			pos, k = o.at+1, k+1
			continue
		}
		if o.end < 0 {
			// Without an end, Log4j looks no further, also not at what stands within.
			if !m.permissive {
				return append(out, b.text[o.at:end]...)
			}
			var value []byte
			value, pos = m.unterminated(b, end, k, depth)
			out = append(out, value...)
			for k < len(b.opens) && b.opens[k].at < pos {
				k++
			}
			continue
		}
		out = append(out, m.expression(b, o, k, priors, depth)...)
		pos, k = o.end+1, o.next
	}
	return append(out, b.text[pos:end]...)
}

// expression evaluates "${name:-default}".
func (m *machine) expression(b *buffer, o open, k int, priors *prior, depth int) []byte {
	asWritten, before := b.text[o.at:o.end+1], m.evaluations
	expr := m.substitute(b, o.at+2, o.end, k+1, nil, depth+1)
	if m.stopped() {
		return asWritten
	}
	at := b.place(o.at, o.end+1)
	name, fallback := splitDefault(expr)
	if priors.contains(name) { // Infinite loop in property interpolation.
		m.aborted = !m.permissive
		return asWritten
	}
	value := m.lookup(name, fallback != nil, at, before)
	if value == nil {
		value = fallback
	}
	if value == nil && m.permissive {
		return slices.Concat(opening, expr, []byte{'}'}) // What is within it is shown evaluated.
	}
	if value == nil || m.stopped() {
		return asWritten
	}
	m.evaluations++
	if !m.spend(len(value)) || !bytes.Contains(value, opening) {
		return value
	}
	return m.substitute(newBuffer(value, &at), 0, len(value), 0, &prior{name, priors}, depth+1)
}

// unterminated reads "${name" without a brace, for senders who forgot it or whose text was cut. It returns where it ends.
func (m *machine) unterminated(b *buffer, end, k, depth int) (value []byte, limit int) {
	o, before := b.opens[k], m.evaluations
	limit = b.targetEnd(o.at+2, end, k+1)
	if !m.spend(limit - o.at) {
		return nil, end
	}
	expr := m.substitute(b, o.at+2, limit, k+1, nil, depth+1)
	if !m.stopped() {
		name, fallback := splitDefault(expr)
		m.lookup(name, fallback != nil, b.place(o.at, limit), before)
	}
	return slices.Concat(opening, expr), limit
}

// targetEnd is where a target ends that has no brace after it: at the first character that no target has, outside of the
// expressions within it.
func (b *buffer) targetEnd(i, end, k int) int {
	for i < end {
		if k < len(b.opens) && b.opens[k].at == i {
			if o := b.opens[k]; o.end >= 0 {
				i, k = o.end+1, o.next
			} else {
				i, k = i+2, k+1
			}
			continue
		}
		if c := b.text[i]; c <= ' ' || c == 0x7f || c == '\'' || c == '"' || c == '<' || c == '>' || c == '`' {
			return i
		}
		i++
	}
	return end
}

// splitDefault takes "name:-default" apart; the default is nil when there is none. ":\-" is a colon and a hyphen of the name.
// That the hyphen is lost when a default follows is what Log4j does.
func splitDefault(expr []byte) (name, fallback []byte) {
	for i := 0; ; i++ {
		n := bytes.IndexByte(expr[i:], ':')
		if n < 0 {
			return expr, nil
		}
		i += n
		switch rest := expr[i:]; {
		case bytes.HasPrefix(rest, []byte(`:\-`)):
			head := bytes.Clone(expr[:i+1])
			if j := bytes.Index(rest[3:], []byte(":-")); j >= 0 {
				return append(head, rest[3:3+j]...), rest[3+j+2:]
			}
			return append(head, rest[2:]...), nil
		case bytes.HasPrefix(rest, []byte(":-")):
			return expr[:i], rest[2:]
		}
	}
}
