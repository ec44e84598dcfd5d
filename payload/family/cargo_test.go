package family

import (
	"terroir"
	"terroir/payload"
	"terroir/payload/decode"
)

// newTemplate makes a template as the hub does: the cargo is the innermost command that decoding finds.
func newTemplate(b []byte, self payload.Self, t terroir.Transport) terroir.Template {
	var cargo []byte
	tree := decode.Decode(b, decode.Options{})
	if i := tree.Cargo(); i >= 0 {
		cargo = tree.Nodes[i].Bytes
	}
	return payload.NewTemplate(b, self, payload.Recognize(b, t), cargo)
}
