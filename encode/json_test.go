package encode

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"terroir/views"
)

func TestJSONIsInertAndMeansTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text") + rapid.SampledFrom([]string{"", "\u202e", "\x1b[2J", "\u009b", "\U000e0041", "<b>"}).Draw(t, "more")
		r := &views.Result{Columns: []views.Column{{Name: "x", Type: "string"}}, Rows: [][]any{{text}}}
		var whole, lines, indented bytes.Buffer
		if err := JSON(&whole, r); err != nil {
			t.Fatal(err)
		}
		if err := NDJSON(&lines, r); err != nil {
			t.Fatal(err)
		}
		if err := Indented(&indented, r); err != nil {
			t.Fatal(err)
		}
		for _, b := range []string{whole.String(), lines.String(), indented.String()} {
			if i := strings.IndexFunc(b, func(r rune) bool { return unicode.Is(unicode.C, r) && r != '\n' }); i >= 0 {
				t.Fatalf("%q stands in %q", b[i:], b)
			}
		}
		var back views.Result
		if err := json.Unmarshal(indented.Bytes(), &back); err != nil || back.Rows[0][0] != strings.ToValidUTF8(text, "\ufffd") {
			t.Fatalf("%q came back as %q, %v", text, back.Rows, err)
		}
	})
}
