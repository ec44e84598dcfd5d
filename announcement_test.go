package terroir

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReasonsAreShortAndOneLine(t *testing.T) {
	for text, want := range map[string]string{"": "", " a\n\tb ": "a b", "\xff": "?", strings.Repeat("x", MaxReason): strings.Repeat("x", MaxReason),
		strings.Repeat("x", MaxReason+1): strings.Repeat("x", MaxReason-3) + "…"} {
		if got := ShortReason(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	for n := range 10 {
		got := ShortReason(strings.Repeat("x", n) + strings.Repeat("é€😀", 100))
		if len(got) > MaxReason || !utf8.ValidString(got) || ShortReason(got) != got {
			t.Errorf("%d bytes: %q", len(got), got)
		}
	}
}
