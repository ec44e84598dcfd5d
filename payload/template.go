// Package payload says what a client sent: its protocol, its template, in which what names the sensor is masked, and a
// rendering that is safe to show. Nothing is fetched, executed or looked up.
package payload

import (
	"fmt"
	"regexp"

	"terroir"
	"terroir/payload/protocol"
	"terroir/payload/tlshello"
)

// Template is the payload with what names the sensor masked (ReplaceSelf) and tokens that change from one run of a
// tool to the next put in typed slots: <UUID>, <TIME>, <HEX> (16 digits or more), <N> (15 digits or more). A TLS hello is
// the list of what it offers: its random bytes say nothing.
//
// Masking is careful on purpose: two payloads with one template differ in nothing that a person would look for.
func Template(b []byte, self Self) []byte {
	b = ReplaceSelf(b, self)
	if h, ok := tlshello.Parse(b); ok {
		return fmt.Appendf(nil, "TLS ClientHello %s %s SNI=%s ALPN=%s", h.JA3, h.JA4, h.SNI, h.ALPN)
	}
	for _, m := range masks {
		if m.may(b) {
			b = m.pattern.ReplaceAll(b, m.slot)
		}
	}
	return b
}

// mask is one sort of volatile token. The pattern's groups are what stands around it and stays.
type mask struct {
	pattern *regexp.Regexp
	slot    []byte
	// least is the length of the shortest token: shorter payloads cannot hold one.
	least int
}

func (m *mask) may(b []byte) bool { return len(b) >= m.least }

var masks = []mask{
	{regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), []byte("<UUID>"), 36},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?`), []byte("<TIME>"), 19},
	{regexp.MustCompile(`\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT\b`), []byte("<TIME>"), 29},
	{regexp.MustCompile(`\b\d{15,}\b`), []byte("<N>"), 15},
	{regexp.MustCompile(`\b(?:[0-9a-f]{16,}|[0-9A-F]{16,})\b`), []byte("<HEX>"), 16},
}

// AnalyzerVersion grows whenever the same payload would get other facts.
const AnalyzerVersion = 2

// Analyze finds out what the payload is. It depends on nothing but its arguments.
func Analyze(b []byte, t terroir.Transport, self Self) terroir.PayloadFacts {
	return terroir.PayloadFacts{
		Payload: terroir.NewPayloadID(b), Template: terroir.NewPayloadID(Template(b, self)),
		AppProto: protocol.Recognize(b, t), AnalyzerVersion: AnalyzerVersion,
	}
}
