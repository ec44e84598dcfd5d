package bus

import (
	"reflect"
	"testing"

	"terroir"
)

func TestTokensComeBackAsTheyWere(t *testing.T) {
	want := &Token{ID: "0123456789ab", Hub: "tls://hub.example:4222", CA: []byte{1, 2, 3}, JWT: "j", Seed: "s"}
	got, err := ParseToken(" " + want.String() + "\n")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
	for _, text := range []string{"", "terroir1.", "terroir1.e30", want.String()[1:], want.String()[:30], "terroir2." + want.String()[9:]} {
		if _, err := ParseToken(text); terroir.ErrorCode(err) != terroir.EINVALID {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMarksAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]Mark{"ff 12": {255, 12}, "1 0": {1, 0}} {
		if got, err := parseMark(text); err != nil || got != want {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "ff", "ff x", "x 1", "ff 1 2", "-1 1"} {
		if m, err := parseMark(text); err == nil {
			t.Errorf("%q is %v", text, m)
		}
	}
}

// FuzzParseToken takes any text without a panic; what it takes comes back as it was.
func FuzzParseToken(f *testing.F) {
	f.Add((&Token{ID: "a", Hub: "tls://b:1", CA: []byte("c")}).String())
	f.Fuzz(func(t *testing.T, text string) {
		token, err := ParseToken(text)
		if err != nil {
			return
		}
		again, err := ParseToken(token.String())
		if err != nil || !reflect.DeepEqual(again, token) {
			t.Errorf("%+v became %+v, %v", token, again, err)
		}
	})
}
