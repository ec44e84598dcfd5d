package payload

import (
	"strings"

	"terroir"
	"terroir/enrich/identify"
	"terroir/payload/decode"
	"terroir/payload/indicator"
	"terroir/payload/protocol"
)

// AnalyzerVersion grows whenever the same payload would get other facts.
const AnalyzerVersion = 5

// Analyze finds out what the payload is: its protocol, its layers, what it names and its template. It depends on nothing
// but its arguments, and is bounded as decode.Decode is.
func Analyze(b []byte, t terroir.Transport, self Self) terroir.Analysis {
	proto := protocol.Recognize(b, t)
	tree := decode.Decode(b, decode.Options{})
	var cargo []byte
	if i := tree.Cargo(); i >= 0 {
		cargo = tree.Nodes[i].Bytes
	}
	template := NewTemplate(b, self, proto, cargo)
	id := terroir.NewPayloadID(b)
	found := indicator.Find(tree, self.Addrs, self.Hosts)
	for i := range found {
		found[i].Payload = id
	}
	shown := NewMask(self)
	return terroir.Analysis{Template: template, Indicators: found, Facts: terroir.PayloadFacts{
		Payload: id, Template: template.ID, AppProto: proto, Label: shown.Text(protocol.Label(b, proto)), Tags: tags(tree),
		UserAgent: shown.Text(strings.ToValidUTF8(protocol.UserAgent(b), "?")), Scanner: identify.Identify(b), Steps: tree.Steps(), AnalyzerVersion: AnalyzerVersion,
	}}
}
