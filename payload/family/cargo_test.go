package family

import (
	"fmt"

	"terroir"
	"terroir/payload"
	"terroir/payload/decode"
	"terroir/payload/protocol"
)

// templates are those that were made: of the same payload there are many events.
var templates = map[string]terroir.Template{}

// newTemplate makes a template as the hub does: the cargo is the innermost command that decoding finds.
func newTemplate(b []byte, self payload.Self, t terroir.Transport) terroir.Template {
	key := fmt.Sprint(self, t, string(b))
	if made, ok := templates[key]; ok {
		return made
	}
	var cargo []byte
	tree := decode.Decode(b, decode.Options{})
	if i := tree.Cargo(); i >= 0 {
		cargo = tree.Nodes[i].Bytes
	}
	templates[key] = payload.NewTemplate(b, self, protocol.Recognize(b, t), cargo)
	return templates[key]
}
