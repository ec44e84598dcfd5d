package strictyaml

import (
	"fmt"
	"testing"
)

type document struct {
	Name  string            `yaml:"name"`
	List  []string          `yaml:"list"`
	Items []struct{ A int } `yaml:"items"`
	Table map[string]string `yaml:"table"`
}

func TestDecodeKeepsDefaultsAndRefusesUnknownKeys(t *testing.T) {
	d := document{Name: "default", List: []string{"a"}}
	if err := Decode([]byte("table: {x: y}\n"), &d); err != nil || d.Name != "default" || d.Table["x"] != "y" || len(d.List) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	if err := Decode([]byte("nmae: x\n"), &d); err == nil {
		t.Error("an unknown key is taken")
	}
}

// No form of a value in the place of another may panic.
func TestDecodeReturnsErrorsForEveryShape(t *testing.T) {
	values := []string{"", "~", "&a", "*a", "&a []", "!!seq", "!!seq []", "!!null", "!x", "!!binary", "!!map", "<<", "[", "{", "]", "? ", "|", ">", "- ", "!!seq &a", "&a !!seq ~", "&a ~", "[*a]", "{a: *a}", "!!set {}", "'", "\"", "%", "@", "`", "---", "..."}
	for _, key := range []string{"name", "list", "items", "table"} {
		for _, value := range values {
			for _, form := range []string{"%s: %s\n", "%s:\n  - %s\n", "%s:\n  a: %s\n", "%s: [%s]\n", "&a %s: %s\n", "%s: %s\nname: *a\n"} {
				text := fmt.Sprintf(form, key, value)
				var d document
				_ = Decode([]byte(text), &d)
			}
		}
	}
}
