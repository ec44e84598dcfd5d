package payload

import (
	"bytes"
	"strings"
	"unicode"
)

// maxUserAgent bounds a user agent.
const maxUserAgent = 512

// UserAgent is the value of the first User-Agent header of an HTTP request, cut at 512 bytes, with control and format
// characters replaced; "" without one.
func UserAgent(b []byte) string {
	b = b[:min(len(b), 64<<10)]
	for line := range bytes.Lines(b) {
		name, value, ok := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(":"))
		if len(name) == 0 && !ok {
			return "" // The end of the headers.
		}
		if ok && strings.EqualFold(string(name), "User-Agent") {
			value = bytes.TrimSpace(value)
			return printable(string(value[:min(len(value), maxUserAgent)]))
		}
	}
	return ""
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
