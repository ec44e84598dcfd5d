package decode

import "bytes"

// literal reads a string literal; end stands behind its quote. Attackers nest quotes without escaping them, so a quote
// counts as the last only if what follows may follow a string; without any such quote the first one counts.
func (e *evaluation) literal(i int) (text []byte, end int) {
	if e.d.work == 0 {
		return nil, i + 1
	}
	q := e.b[i]
	first := -1
	stop := min(len(e.b), i+1+maxText)
	for j := i + 1; j < stop; j++ {
		switch e.b[j] {
		case '\\':
			j++
		case q:
			if first < 0 {
				first = j
			}
			if q == '`' || endsString(e.b[j+1:]) {
				e.d.spend(2 * (j - i))
				return unescapeLiteral(e.b[i+1 : j]), j + 1
			}
		}
	}
	e.d.spend(2 * (stop - i))
	if first < 0 {
		return unescapeLiteral(e.b[i+1 : stop]), stop
	}
	return unescapeLiteral(e.b[i+1 : first]), first + 1
}

// maxBlanks is how many blanks may stand between a string and what follows.
const maxBlanks = 64

// endsString says that what follows a quote may follow a string: a separator, an operator, a method.
func endsString(rest []byte) bool {
	t := bytes.TrimLeft(rest[:min(len(rest), maxBlanks)], " \t\r\n")
	if len(t) == 0 {
		return true
	}
	switch t[0] {
	case ',', ')', ';', ']', '}', '+':
		return true
	case '.':
		t = bytes.TrimLeft(t[1:], " ")
		return len(t) > 0 && (isName[t[0]] && !digits(t[:1]) || t[0] == '$' || t[0] == '\'' || t[0] == '"')
	}
	return false
}

// unescapeLiteral undoes the escapes that the languages share.
func unescapeLiteral(b []byte) []byte {
	out, n := rewrite(b, '\\', func(p []byte) ([]byte, int) {
		if len(p) < 2 {
			return nil, 0
		}
		if i := bytes.IndexByte([]byte("nrtb0"), p[1]); i >= 0 {
			return []byte{"\n\r\t\b\x00"[i]}, 2
		}
		if r, n := unicodeEscape(p[1:]); n > 0 {
			return r, 1 + n
		}
		if p[1] == 'x' {
			if c, ok := hexPair(p, 2); ok {
				return []byte{c}, 4
			}
		}
		if bytes.IndexByte([]byte("'\"`\\/$\n"), p[1]) >= 0 {
			return p[1:2], 2
		}
		return nil, 0
	})
	if n == 0 {
		return bytes.Clone(b)
	}
	return out
}
