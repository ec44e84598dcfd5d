package render

import (
	"bytes"
	"math"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestBytesAreSafeToShow(t *testing.T) {
	for in, want := range map[string]string{
		"PING\r\n": `PING\r\n`, "\x1b[31mred\x07": `\x1b[31mred\x07`, "a\\b": `a\\b`, "\xff\xfe": `\xff\xfe`, "größe": "größe",
		"\u202egnp": `\xe2\x80\xaegnp`, "\u00a0": `\xc2\xa0`, "": "",
	} {
		if got := Bytes([]byte(in), 100); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
	if got := Bytes([]byte("0123456789"), 4); got != "0123…" {
		t.Errorf("cut to %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range Bytes(rapid.SliceOf(rapid.Byte()).Draw(t, "b"), 50) {
			if !unicode.IsPrint(r) {
				t.Fatalf("%U is shown", r)
			}
		}
	})
}

// FuzzParse: what is shown can be read back.
func FuzzParse(f *testing.F) {
	f.Add([]byte("a\x00\\x41\r\n\u202e"))
	f.Add([]byte(`\x4\`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := Parse([]byte(Bytes(b, math.MaxInt))); !bytes.Equal(got, b) {
			t.Errorf("%q is read back as %q", b, got)
		}
		if len(Parse(b)) > len(b) {
			t.Error("longer than what was read")
		}
	})
}
