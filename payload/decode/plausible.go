package decode

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// magics are how files begin that payloads carry: gzip, zlib is left out (two bytes are too few), ELF, Windows programs,
// ZIP, Java classes and serialized objects, PNG, XZ, PDF.
var magics = [][]byte{{0x1f, 0x8b, 8}, []byte("\x7fELF"), []byte("MZ\x90\x00"), []byte("PK\x03\x04"), {0xca, 0xfe, 0xba, 0xbe}, {0xac, 0xed, 0, 5}, []byte("\x89PNG"),
	[]byte("\xfd7zXZ"), []byte("%PDF-")}

// hasMagic says that the bytes begin as a known kind of file.
func hasMagic(b []byte) bool {
	for _, m := range magics {
		if bytes.HasPrefix(b, m) {
			return true
		}
	}
	return isZlib(b) && len(b) > 16
}

// oddShare is one in how many characters may be odd in a text.
const oddShare = 20

// plausible says that bytes are mostly text, or a known kind of file.
func plausible(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	odd, n := 0, 0
	for i := 0; i < len(b) && n < 4096; n++ {
		c := b[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
				odd++
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			odd++
		}
		i += size
	}
	return odd*oddShare <= n || hasMagic(b)
}
