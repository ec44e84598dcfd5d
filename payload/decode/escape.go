package decode

import (
	"bytes"
	"html"
	"strconv"
	"unicode/utf8"
)

// escape is a way of writing characters.
type escape struct {
	kind string
	// marks are characters of which one, and then one, must be there; min is how often it must be used.
	marks [2]string
	undo  func([]byte) ([]byte, int)
	min   int
}

var escapes = []escape{
	{"unicode", [2]string{`\%`, "uU"}, unicodeEscapes, 1},
	{"hex", [2]string{`\`, "xX"}, hexEscapes, 2},
	{"octal", [2]string{`\`, "0123"}, octalEscapes, 2},
	{"html", [2]string{"&", ";"}, htmlEntities, 1},
}

var percents = []escape{{"percent", [2]string{"%", "%"}, percent, 1}}

// escapes undoes one way of escaping characters; the others are found in its result. The result is the whole text, for what
// is escaped is seldom a whole value.
func (d *decoder) escapes(s span, ways []escape, has *[256]bool) bool {
	b := d.bytes(s)
	for _, e := range ways {
		if !anyOf(has, e.marks[0]) || !anyOf(has, e.marks[1]) || !d.spend(len(b)) {
			continue
		}
		if out, n := e.undo(b); n >= e.min && plausible(out) && d.add(s, layer{kind: e.kind, bytes: out}) {
			return true
		}
	}
	return false
}

func anyOf(has *[256]bool, set string) bool {
	for i := range len(set) {
		if has[set[i]] {
			return true
		}
	}
	return false
}

// rewrite replaces what replace finds at positions of the mark. Replace returns the text that stands for the first n bytes,
// or n = 0.
func rewrite(b []byte, mark byte, replace func([]byte) (r []byte, n int)) (out []byte, count int) {
	start := 0
	for i := 0; i < len(b); {
		next := bytes.IndexByte(b[i:], mark)
		if next < 0 {
			break
		}
		i += next
		r, n := replace(b[i:])
		if n == 0 {
			i++
			continue
		}
		out = append(append(out, b[start:i]...), r...)
		i += n
		start = i
		count++
	}
	if count == 0 {
		return b, 0
	}
	return append(out, b[start:]...), count
}

// percent undoes %NN (RFC 3986 §2.1).
func percent(b []byte) ([]byte, int) {
	return rewrite(b, '%', func(p []byte) ([]byte, int) {
		if c, ok := hexPair(p, 1); ok {
			return []byte{c}, 3
		}
		return nil, 0
	})
}

func hexPair(p []byte, at int) (byte, bool) {
	if len(p) < at+2 {
		return 0, false
	}
	hi, lo := nibble(p[at]), nibble(p[at+1])
	return hi<<4 | lo, hi < 16 && lo < 16
}

// nibble is the value of a hexadecimal digit, 255 for anything else.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// unicodeEscapes undoes \uXXXX, with any number of backslashes, \u{X} and %uXXXX.
func unicodeEscapes(b []byte) ([]byte, int) {
	out, n := rewrite(b, '\\', func(p []byte) ([]byte, int) {
		slashes := 0
		for slashes < len(p) && slashes < 8 && p[slashes] == '\\' {
			slashes++
		}
		r, n := unicodeEscape(p[slashes:])
		if n == 0 {
			return nil, 0
		}
		return r, slashes + n
	})
	again, m := rewrite(out, '%', func(p []byte) ([]byte, int) {
		r, n := unicodeEscape(p[1:])
		if n == 0 {
			return nil, 0
		}
		return r, 1 + n
	})
	return again, n + m
}

// unicodeEscape reads uXXXX or u{X}.
func unicodeEscape(p []byte) ([]byte, int) {
	if len(p) < 4 || p[0] != 'u' && p[0] != 'U' {
		return nil, 0
	}
	digits, n := p[1:min(len(p), 5)], 5
	if p[1] == '{' {
		end := bytes.IndexByte(p[:min(len(p), 10)], '}')
		if end < 3 {
			return nil, 0
		}
		digits, n = p[2:end], end+1
	} else if len(p) < n {
		return nil, 0
	}
	v, err := strconv.ParseUint(string(digits), 16, 32)
	if err != nil || v > utf8.MaxRune {
		return nil, 0
	}
	return utf8.AppendRune(nil, rune(v)), n
}

// hexEscapes undoes \xNN.
func hexEscapes(b []byte) ([]byte, int) {
	return rewrite(b, '\\', func(p []byte) ([]byte, int) {
		if len(p) < 4 || p[1] != 'x' && p[1] != 'X' {
			return nil, 0
		}
		c, ok := hexPair(p, 2)
		if !ok {
			return nil, 0
		}
		return []byte{c}, 4
	})
}

// octalEscapes undoes \NNN.
func octalEscapes(b []byte) ([]byte, int) {
	return rewrite(b, '\\', func(p []byte) ([]byte, int) {
		if len(p) < 4 {
			return nil, 0
		}
		v, err := strconv.ParseUint(string(p[1:4]), 8, 8)
		if err != nil {
			return nil, 0
		}
		return []byte{byte(v)}, 4
	})
}

// maxEntity is the length of the longest entity that is looked for.
const maxEntity = 32

// htmlEntities undoes entities that end with a semicolon: without it &copy=1 of a query would be one.
func htmlEntities(b []byte) ([]byte, int) {
	return rewrite(b, '&', func(p []byte) ([]byte, int) {
		end := bytes.IndexByte(p[:min(len(p), maxEntity)], ';')
		if end < 2 {
			return nil, 0
		}
		was := string(p[:end+1])
		is := html.UnescapeString(was)
		if is == was || is[len(is)-1] == ';' && is != ";" {
			return nil, 0
		}
		return []byte(is), end + 1
	})
}
