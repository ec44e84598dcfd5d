package encode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Marshal is v as JSON in which every character that a terminal might obey, or that turns the direction of text, is escaped: a
// stranger's text is as harmless on a terminal as in a program, and means the same.
func Marshal(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return inertJSON(b), nil
}

// Indented writes v as Marshal does, over several lines.
func Indented(w io.Writer, v any) error {
	b, err := Marshal(v)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", " "); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err = out.WriteTo(w)
	return err
}

// inertJSON escapes within JSON's strings, the only place where such characters may stand.
func inertJSON(b []byte) []byte {
	if !bytes.ContainsFunc(b, obeyed) {
		return b
	}
	out := make([]byte, 0, len(b)+64)
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case !obeyed(r):
			out = append(out, b[:size]...)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		b = b[size:]
	}
	return out
}

// obeyed reports whether a terminal or a renderer of text might do something else with the character than show it.
func obeyed(r rune) bool { return unicode.Is(unicode.C, r) && r >= 0x7f }
