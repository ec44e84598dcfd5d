package payload

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"

	"terroir"
	"terroir/payload/tlshello"
)

// Template is the payload with what names the sensor masked (ReplaceSelf) and tokens that change from one run of a
// tool to the next put in typed slots: <PORT> (behind the sensor's address), <UUID>, <TIME>, <HEX> (16 digits or more),
// <N> (15 digits or more). A TLS hello is the list of what it offers: its random bytes say nothing.
//
// Masking is careful on purpose: two payloads with one template differ in nothing that a person would look for.
func Template(b []byte, self Self) []byte {
	b = maskSelf(b, self)
	if h, ok := tlshello.Parse(b); ok {
		return fmt.Appendf(nil, "TLS ClientHello %s %s SNI=%s ALPN=%s", h.JA3, h.JA4, h.SNI, h.ALPN)
	}
	return maskVolatile(b)
}

// bracketed is a sensor's IPv6 address as URLs have it: brackets and all, it stands where IPv4 has none.
var bracketed = []byte("[" + MaskIP + "]")

func maskSelf(b []byte, self Self) []byte {
	b = ReplaceSelf(b, self)
	if bytes.Contains(b, bracketed) {
		b = bytes.ReplaceAll(b, bracketed, []byte(MaskIP))
	}
	return b
}

func maskVolatile(b []byte) []byte {
	for _, m := range masks {
		if m.may(b) {
			b = m.pattern.ReplaceAll(b, m.slot)
		}
	}
	return b
}

// NewTemplate makes the template of a payload that speaks the protocol ("" where it is not known) and carries the cargo, the
// innermost command that decoding found, or nil. Its id is the SHA-256 over protocol, masked payload and masked cargo, each
// behind its length in eight bytes, big endian.
func NewTemplate(b []byte, self Self, proto string, cargo []byte) terroir.Template {
	t := terroir.Template{AppProto: proto, Text: Template(b, self)}
	if len(cargo) > 0 {
		t.Cargo = maskVolatile(maskSelf(cargo, self))
	}
	h := sha256.New()
	for _, part := range [][]byte{[]byte(t.AppProto), t.Text, t.Cargo} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	t.ID = terroir.PayloadID(h.Sum(nil))
	return t
}

// mask is one sort of volatile token. The pattern's groups are what stands around it and stays.
type mask struct {
	pattern *regexp.Regexp
	slot    []byte
	// may says, quickly, whether the payload can hold such a token.
	may func([]byte) bool
}

func containing(s string) func([]byte) bool {
	return func(b []byte) bool { return bytes.Contains(b, []byte(s)) }
}

// longRun reports whether there are 15 hexadecimal digits in a row.
func longRun(b []byte) bool {
	run := 0
	for _, c := range b {
		if !hexDigit(c) {
			run = 0
		} else if run++; run >= 15 {
			return true
		}
	}
	return false
}

// clock reports whether a minute and a second can stand there.
func clock(b []byte) bool { return len(b) >= 19 && bytes.Count(b, []byte(":")) >= 2 }

var masks = []mask{
	{regexp.MustCompile(`(<HONEYPOT (?:IP|HOST)>:)\d{1,5}\b`), []byte("${1}<PORT>"), containing("<HONEYPOT ")},
	{regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), []byte("<UUID>"),
		func(b []byte) bool { return len(b) >= 36 && bytes.Count(b, []byte("-")) >= 4 }},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?`), []byte("<TIME>"), clock},
	{regexp.MustCompile(`\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT\b`), []byte("<TIME>"), containing(" GMT")},
	{regexp.MustCompile(`\b\d{15,}\b`), []byte("<N>"), longRun},
	{regexp.MustCompile(`\b(?:[0-9a-f]{16,}|[0-9A-F]{16,})\b`), []byte("<HEX>"), longRun},
}
