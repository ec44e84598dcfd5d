package family

import (
	"fmt"

	"terroir"
	"terroir/payload"
)

// templates are those that were made: of the same payload there are many events.
var templates = map[string]terroir.Template{}

// newTemplate makes a template as the hub does.
func newTemplate(b []byte, self payload.Self, t terroir.Transport) terroir.Template {
	key := fmt.Sprint(self, t, string(b))
	made, ok := templates[key]
	if !ok {
		made = payload.Analyze(b, t, self).Template
		templates[key] = made
	}
	return made
}
