// Package strictyaml reads the YAML files of people: configurations, mappings, front matter of views, personas. It
// stands around the library so that a broken file is an error in every case.
package strictyaml

import (
	"fmt"

	"github.com/goccy/go-yaml"
)

// Decode reads one document into v, in which what the document does not name stays as it is; one that holds nothing but
// comments makes v zero. An unknown key is an error, which is the library's own, with its place. So is a document on
// which the library panics: it does on some lists that are only a tag, an anchor or an alias (found by a fuzz target).
func Decode(text []byte, v any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the YAML is broken: %v", r)
		}
	}()
	return yaml.UnmarshalWithOptions(text, v, yaml.Strict())
}
