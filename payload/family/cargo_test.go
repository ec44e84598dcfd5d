package family

import (
	"regexp"

	"terroir"
	"terroir/payload"
	"terroir/payload/protocol"
)

var calls = regexp.MustCompile("(?s)exec(?:Sync)?\\((['\"`])(.*?[^\\\\])(['\"`])[,)]")

func newTemplate(b []byte, self payload.Self, t terroir.Transport) terroir.Template {
	var cargo []byte
	if m := calls.FindSubmatch(b); m != nil {
		cargo = m[2]
	}
	return payload.NewTemplate(b, self, protocol.Recognize(b, t), cargo)
}
