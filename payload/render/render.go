// Package render shows received bytes to people without letting them steer a terminal.
package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bytes shows bytes to people: printable characters as they are, \r, \n, \t and \\ as such, everything else, and what
// could steer a terminal or turn the direction of text, as \xNN. The text is cut after max characters with "…".
func Bytes(b []byte, max int) string {
	var out strings.Builder
	n := 0
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		part := one(r, b[:size])
		if n+utf8.RuneCountInString(part) > max {
			out.WriteString("…")
			break
		}
		n += utf8.RuneCountInString(part)
		out.WriteString(part)
		b = b[size:]
	}
	return out.String()
}

// one is the text of one character.
func one(r rune, raw []byte) string {
	switch {
	case r == '\r':
		return `\r`
	case r == '\n':
		return `\n`
	case r == '\t':
		return `\t`
	case r == '\\':
		return `\\`
	case r == utf8.RuneError && len(raw) == 1, !unicode.IsPrint(r), unicode.Is(unicode.Mn, r):
		var s strings.Builder
		for _, c := range raw {
			fmt.Fprintf(&s, `\x%02x`, c)
		}
		return s.String()
	}
	return string(raw)
}
