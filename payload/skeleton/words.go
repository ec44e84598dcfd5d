package skeleton

import (
	"bytes"
	"net/netip"
)

// words writes text in which addresses, URLs, numbers and the like are slots, and blanks are one.
func (w *writer) words(b []byte) {
	boundary := true
	for len(b) > 0 && !w.full() {
		if s, n := maskAt(b); n > 0 {
			w.slot(s, b[:n])
			b, boundary = b[n:], true
			continue
		}
		if boundary && alnum(b[0]) || b[0] == '\\' || digit(b[0]) || b[0] == '[' {
			if s, n := tokenAt(b, boundary); n > 0 {
				w.slot(s, b[:n])
				b, boundary = b[n:], true
				continue
			}
		}
		n := 1
		switch c := b[0]; {
		case c == '\n':
			w.line()
		case c == ' ' || c == '\t' || c == '\r':
			w.space()
		default:
			for n < len(b) && (letter(b[n]) && letter(c) || b[n] >= 0x80) {
				n++
			}
			w.text(string(b[:n]))
		}
		boundary = !alnum(b[n-1])
		b = b[n:]
	}
}

// masks are the slots that a template has already.
var masks = []struct {
	text []byte
	slot Slot
}{
	{[]byte("<CARGO>"), Cargo}, {[]byte("<HONEYPOT IP>"), Self}, {[]byte("<HONEYPOT HOST>"), Self},
	{[]byte("<UUID>"), UUID}, {[]byte("<TIME>"), Time}, {[]byte("<N>"), Number}, {[]byte("<PORT>"), Number}, {[]byte("<HEX>"), Hex},
}

func maskAt(b []byte) (Slot, int) {
	if b[0] != '<' {
		return 0, 0
	}
	for _, m := range masks {
		if bytes.HasPrefix(b, m.text) {
			return m.slot, len(m.text)
		}
	}
	return 0, 0
}

// tokenAt is the slot for which the text's beginning is a value, and its length. In the middle of a word that is a number
// or an escape only.
func tokenAt(b []byte, boundary bool) (Slot, int) {
	if n := escapes(b); n > 0 {
		return Hex, n
	}
	if boundary {
		for _, t := range tokens {
			if n := t.length(b); n > 0 {
				return t.slot, n
			}
		}
	}
	if n := span(b, digit); n > 0 {
		return Number, n
	}
	return 0, 0
}

var tokens = []struct {
	slot   Slot
	length func([]byte) int
}{{URL, urlLength}, {Address, address4}, {Address, address6}, {Base64, base64Length}, {Hex, hexLength}}

func span(b []byte, is func(byte) bool) int {
	n := 0
	for n < len(b) && is(b[n]) {
		n++
	}
	return n
}

func digit(c byte) bool    { return c >= '0' && c <= '9' }
func letter(c byte) bool   { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func alnum(c byte) bool    { return digit(c) || letter(c) }
func hexDigit(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// escapes is the length of two or more bytes written as \xNN.
func escapes(b []byte) int {
	n := 0
	for n+4 <= len(b) && b[n] == '\\' && b[n+1] == 'x' && hexDigit(b[n+2]) && hexDigit(b[n+3]) {
		n += 4
	}
	if n < 8 {
		return 0
	}
	return n
}

func urlByte(c byte) bool {
	return c > ' ' && c < 0x7f && bytes.IndexByte([]byte("\"'`<>|;(){}\\,^"), c) < 0
}

// urlLength is the length of a URL with a scheme.
func urlLength(b []byte) int {
	n := span(b[:min(len(b), 12)], letter)
	if n < 2 || !bytes.HasPrefix(b[n:], []byte("://")) {
		return 0
	}
	n += 3
	for n < len(b) {
		// A masked token is part of the URL.
		if _, m := maskAt(b[n:]); m > 0 {
			n += m
		} else if m := lookup(b[n:]); m > 0 {
			n += m
		} else if urlByte(b[n]) {
			n++
		} else {
			break
		}
	}
	return n
}

// maxLookup bounds a variable within a URL.
const maxLookup = 64

// lookup is the length of a variable in braces, as shells and Log4j have them.
func lookup(b []byte) int {
	if !bytes.HasPrefix(b, []byte("${")) {
		return 0
	}
	return bytes.IndexByte(b[:min(len(b), maxLookup)], '}') + 1
}

// address4 is the length of an IPv4 address in dotted text.
func address4(b []byte) int {
	n := 0
	for part := range 4 {
		if part > 0 {
			if n >= len(b) || b[n] != '.' {
				return 0
			}
			n++
		}
		d := span(b[n:], digit)
		if d == 0 || d > 3 {
			return 0
		}
		n += d
	}
	return n
}

func address6Byte(c byte) bool { return hexDigit(c) || c == ':' || c == '.' }

// address6 is the length of an IPv6 address, also in brackets.
func address6(b []byte) int {
	open := 0
	if b[0] == '[' {
		open = 1
	}
	n := span(b[open:min(len(b), 48)], address6Byte)
	if bytes.Count(b[open:open+n], []byte(":")) < 2 {
		return 0
	}
	if a, err := netip.ParseAddr(string(b[open : open+n])); err != nil || !a.Is6() {
		return 0
	}
	if open == 1 && open+n < len(b) && b[open+n] == ']' {
		return n + 2
	}
	return open + n
}

// minBase64 is the length from which a run is taken for base64: shorter ones are words as often.
const minBase64 = 20

func base64Byte(c byte) bool { return alnum(c) || c == '+' || c == '/' || c == '_' || c == '-' }

// base64Length is the length of a run that has the mixture of base64: digits, upper and lower case, few separators.
func base64Length(b []byte) int {
	var upper, lower, digits, others int
	n := 0
	for n < len(b) && base64Byte(b[n]) {
		switch c := b[n]; {
		case digit(c):
			digits++
		case c >= 'A' && c <= 'Z':
			upper++
		case letter(c):
			lower++
		default:
			if others++; others > 4+n/8 {
				return 0
			}
		}
		n++
	}
	if n < minBase64 || upper < n/12 || lower < n/12 || digits < 1 || upper < 2 || others > n/8 {
		return 0
	}
	for n < len(b) && b[n] == '=' {
		n++
	}
	return n
}

// hexLength is the length of a number in hexadecimal: 0x…, or eight digits and more with letters among them.
func hexLength(b []byte) int {
	if len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x' {
		if n := span(b[2:], hexDigit); n > 0 {
			return n + 2
		}
	}
	n := span(b, hexDigit)
	if n < 8 || span(b, digit) == n || span(b, letter) == n || n < len(b) && alnum(b[n]) {
		return 0
	}
	return n
}

// kind is the slot of a value as a whole.
func kind(b []byte) Slot {
	if len(b) > 0 {
		if s, n := maskAt(b); n == len(b) {
			return s
		}
		for _, t := range tokens {
			if t.length(b) == len(b) {
				return t.slot
			}
		}
		if span(b, func(c byte) bool { return digit(c) || c == '-' || c == '+' || c == '.' }) == len(b) && bytes.ContainsAny(b, "0123456789") {
			return Number
		}
	}
	if bytes.ContainsAny(b, " \t\r\n") {
		return String
	}
	return Value
}

// value writes a slot for a value as a whole, unless it is text to be read: then its words.
func (w *writer) value(b []byte) {
	if readable(b) {
		w.words(b)
		return
	}
	w.slot(kind(b), b)
}

// readable reports whether a value carries the cargo, a lookup or a shell's function, so that it is more than a value.
func readable(b []byte) bool {
	return bytes.Contains(b, cargoMark) || bytes.Contains(b, []byte("${")) || bytes.Contains(b, []byte("() {"))
}
