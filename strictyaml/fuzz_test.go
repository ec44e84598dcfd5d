package strictyaml

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// FuzzDecode: any text is a document or an error, the same one each time; what a document does not name stays as it was;
// and a key too many makes an error of it.
func FuzzDecode(f *testing.F) {
	f.Add("name: a\nlist: [a, b]\nitems: [{a: 1}]\ntable: {a: b}\n")
	f.Add("list: &a []\nitems: *a\n")
	f.Add("table: {x: y}\n")
	files, _ := filepath.Glob(filepath.Join("..", "sensor", "persona", "builtin", "*.yaml"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text[:min(len(text), 4<<10)]))
	}
	fresh := func() document { return document{Name: "default", List: []string{"a"}} }
	f.Fuzz(func(t *testing.T, text string) {
		first, second := fresh(), fresh()
		err := Decode([]byte(text), &first)
		again := Decode([]byte(text), &second)
		if (err == nil) != (again == nil) || err == nil && !reflect.DeepEqual(first, second) {
			t.Fatalf("%+v %v, then %+v %v", first, err, second, again)
		}
		if err != nil || reflect.DeepEqual(first, document{}) {
			return // Wrong, or nothing but comments.
		}
		for key, same := range map[string]bool{"name": first.Name == "default", "list": reflect.DeepEqual(first.List, fresh().List),
			"items": first.Items == nil, "table": first.Table == nil} {
			if !same && !strings.Contains(text, key) && !strings.ContainsAny(text, "\\*<") { // Escapes, aliases and merges name it otherwise.
				t.Errorf("%s is not named and became %+v", key, first)
			}
		}
		if strings.HasPrefix(text, "name: ") && !strings.ContainsAny(text, "\"'|>#&*[{\r\u0085\u2028\u2029") && !strings.Contains(text, "---") && !strings.Contains(text, "...") {
			more := fresh()
			if err := Decode([]byte("nmae: x\n"+text), &more); err == nil {
				t.Errorf("an unknown key before %q is taken", text)
			}
		}
	})
}
