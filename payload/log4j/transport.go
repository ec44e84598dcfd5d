package log4j

import (
	"bytes"
	"html"
	"sort"
	"strconv"
	"unicode/utf8"
)

// maxLayers is how many layers of transport encoding are undone.
const maxLayers = 5

// layer is a text of which as many transport encodings were undone as it has outer layers.
type layer struct {
	text  []byte
	outer *layer
	// shifts say where in the outer layer the bytes stood: those from at on at at+by. The sequence that became the byte at
	// at-1 ends there.
	shifts []shift
}

type shift struct{ at, by int }

// decode undoes one encoding of every character that has one; nil when none has.
func (l *layer) decode() *layer {
	text := l.text
	i := bytes.IndexAny(text, `%\&`)
	if i < 0 {
		return nil
	}
	inner, done := &layer{outer: l}, 0
	for i < len(text) {
		r, n, known := sequence(text[i:])
		if !known {
			i += n
			continue
		}
		if inner.text == nil {
			inner.text = make([]byte, 0, len(text))
		}
		inner.text = append(inner.text, text[done:i]...)
		if r < 0 {
			inner.text = append(inner.text, byte(-r-1))
		} else {
			inner.text = utf8.AppendRune(inner.text, r)
		}
		i += n
		done = i
		inner.shifts = append(inner.shifts, shift{len(inner.text), i - len(inner.text)})
	}
	if len(inner.shifts) == 0 {
		return nil
	}
	inner.text = append(inner.text, text[done:]...)
	return inner
}

// sequence reads an encoded character: what it is (or raw, where it is a byte) and how long it is. Of what is none it says how
// much to pass over.
func sequence(b []byte) (r rune, n int, known bool) {
	switch b[0] {
	case '%':
		r, n = percent(b)
	case '\\':
		r, n = backslash(b)
	case '&':
		r, n = entity(b)
	}
	if n > 0 {
		return r, n, true
	}
	for n = 1; b[0] == '\\' && n < len(b) && b[n] == '\\'; n++ {
		// What follows a run of backslashes was looked at.
	}
	return 0, n, false
}

// outermost is where the bytes from start to before end stood in the text that was received.
func (l *layer) outermost(start, end int) (offset, length int) {
	for ; l.outer != nil; l = l.outer {
		start, end = l.before(start), l.before(end)
	}
	return start, max(end-start, 0)
}

// before is where a byte, or what became it, began in the outer layer.
func (l *layer) before(at int) int {
	i := sort.Search(len(l.shifts), func(i int) bool { return l.shifts[i].at > at })
	if i == 0 {
		return at
	}
	return at + l.shifts[i-1].by
}

// raw is a byte, to be told from a character.
func raw(b uint64) rune { return -rune(b) - 1 }

// hexadecimal reads exactly n digits.
func hexadecimal(b []byte, n int) (uint64, bool) {
	if len(b) < n {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[:n]), 16, 32)
	return v, err == nil
}

// percent reads %XX and IIS's %uXXXX.
func percent(b []byte) (rune, int) {
	if v, ok := hexadecimal(b[1:], 2); ok {
		return raw(v), 3
	}
	if len(b) > 2 && b[1]|0x20 == 'u' {
		if v, ok := hexadecimal(b[2:], 4); ok {
			return rune(v), 6
		}
	}
	return 0, 0
}

// backslash reads \uXXXX, \xXX, octal \NNN and JSON's \/, however often the backslash itself was escaped.
func backslash(b []byte) (rune, int) {
	n := 1
	for n < len(b) && b[n] == '\\' {
		n++
	}
	if n == len(b) {
		return 0, 0
	}
	switch c := b[n]; {
	case c == '/':
		return '/', n + 1
	case c|0x20 == 'u':
		for n < len(b) && b[n]|0x20 == 'u' { // Java allows more than one.
			n++
		}
		if v, ok := hexadecimal(b[n:], 4); ok {
			return rune(v), n + 4
		}
	case c|0x20 == 'x':
		if v, ok := hexadecimal(b[n+1:], 2); ok {
			return raw(v), n + 3
		}
	case '0' <= c && c <= '7':
		v, i := rune(0), n
		for i < len(b) && i < n+3 && '0' <= b[i] && b[i] <= '7' {
			v = v*8 + rune(b[i]-'0')
			i++
		}
		if ' ' < v && v < 0x7f { // What is not printable is rather the number of a group in a pattern.
			return v, i
		}
	}
	return 0, 0
}

// maxEntity is the longest reference to a character that is read, in bytes.
const maxEntity = 12

// entity reads an HTML character reference.
func entity(b []byte) (rune, int) {
	end := bytes.IndexByte(b[:min(len(b), maxEntity)], ';')
	if end < 2 {
		return 0, 0
	}
	s := html.UnescapeString(string(b[:end+1]))
	r, n := utf8.DecodeRuneInString(s)
	if n != len(s) || s == "" {
		return 0, 0
	}
	return r, end + 1
}
