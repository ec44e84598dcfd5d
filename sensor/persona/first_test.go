package persona

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// TestWhatFitsBeginsAsItMay: a text that an expression fits is never passed over.
func TestWhatFitsBeginsAsItMay(t *testing.T) {
	expressions := []string{`^PING$`, `(?i)^get (\S+)`, `^(a|b+|[c-f]x)?z`, `^\s*x`, `(?s)^.a`, `^$`, `^[^a-z]k`, `(?i)^(k|ſ)`, `^é|^x`, `x|^y`, `^(?:|a)b`, `(?m)^a`, `^\x{10ffff}`, `^[\x{80}-\x{90}]`}
	set, err := Builtin("test")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range set.Names() {
		for _, r := range set.byName[name].Rules {
			if r.Regexp != "" {
				expressions = append(expressions, r.Regexp)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(expressions).Draw(t, "expression")
		text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,8}`), rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 6), func(b []byte) string { return string(b) }),
			rapid.StringMatching(e)).Draw(t, "text")
		if regexp.MustCompile(e).MatchString(text) && !firstOf(e).allow(text) {
			t.Fatalf("%q fits %q, and is passed over", text, e)
		}
	})
	for e, passed := range map[string]string{`(?i)^GET `: "set", `^PING$`: "info", `^(a|b)`: ""} {
		if firstOf(e).allow(passed) {
			t.Errorf("%q is looked at for %q", passed, e)
		}
	}
}
