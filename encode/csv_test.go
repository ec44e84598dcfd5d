package encode

import (
	"strings"
	"testing"

	"terroir/views"
)

func TestCSVSteersNothing(t *testing.T) {
	for text, want := range map[string]string{
		"curl/8.5.0": "curl/8.5.0", "": "", "a\nb": "\"a\nb\"", "ä 漢": "ä 漢", "-1+1": "'-1+1", "＝1+1": "'＝1+1", "@x": "'@x", "a=1": "a=1",
		"\x1b]0;owned\a\x1b[2Jx": `\x1b]0;owned\a\x1b[2Jx`, "a\u202eb": `a\u202eb`, "a\rb": `a\rb`, "\x00=1": `\x00=1`, "\u0085": `\u0085`,
	} {
		var b strings.Builder
		r := &views.Result{Columns: []views.Column{{Name: "c"}}, Rows: [][]any{{text}}}
		if err := CSV(&b, r); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(strings.TrimPrefix(b.String(), "c\n"), "\n"); got != want && !(text == "" && got == `""`) {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
	}
}
