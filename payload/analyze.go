package payload

import (
	"terroir"
	"terroir/payload/protocol"
)

// AnalyzerVersion grows whenever the same payload would get other facts.
const AnalyzerVersion = 3

// Analyze finds out what the payload is. It depends on nothing but its arguments.
func Analyze(b []byte, t terroir.Transport, self Self) terroir.Analysis {
	proto := protocol.Recognize(b, t)
	tpl := NewTemplate(b, self, proto, nil)
	return terroir.Analysis{Template: tpl, Facts: terroir.PayloadFacts{
		Payload: terroir.NewPayloadID(b), Template: tpl.ID, AppProto: proto, Label: protocol.Label(b, proto), UserAgent: protocol.UserAgent(b),
		AnalyzerVersion: AnalyzerVersion,
	}}
}
