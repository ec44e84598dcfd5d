package skeleton

import "bytes"

// maxSearch bounds the search for the cargo, in bytes that are looked at.
const maxSearch = 1 << 20

var cargoMark = []byte("<CARGO>")

// replaceCargo puts <CARGO> where the text has the cargo: as it is, or written with the escapes of JSON, C or a URL. Where it
// does not stand, because it was wrapped in base64 or the like, the text stays.
func replaceCargo(text, cargo []byte) []byte {
	cargo = bytes.TrimSpace(cargo)
	if len(cargo) == 0 {
		return text
	}
	budget := maxSearch
	var out []byte
	for i := 0; i < len(text) && budget > 0; {
		n := 0
		if i == 0 || !alnum(text[i-1]) || !alnum(cargo[0]) {
			n = written(text[i:], cargo, &budget)
		}
		if n > 0 && (i+n == len(text) || !alnum(text[i+n]) || !alnum(cargo[len(cargo)-1])) {
			out = append(append(out, text[:i]...), cargoMark...)
			text, i = text[i+n:], 0
			continue
		}
		i++
	}
	if out == nil {
		return text
	}
	return append(out, text...)
}

// written is how many bytes of text stand for the cargo, or 0 when the text begins with something else.
func written(text, cargo []byte, budget *int) int {
	i := 0
	for _, c := range cargo {
		if i >= len(text) || *budget <= 0 {
			return 0
		}
		*budget--
		if text[i] == c {
			i++
			continue
		}
		got, n := unescape(text[i:])
		if n == 0 || got != c {
			return 0
		}
		i += n
	}
	return i
}

// unescape is the byte for which an escape stands, and the escape's length.
func unescape(b []byte) (byte, int) {
	switch {
	case b[0] == '+':
		return ' ', 1
	case b[0] == '%' && len(b) >= 3 && hexDigit(b[1]) && hexDigit(b[2]):
		return unhex(b[1])<<4 | unhex(b[2]), 3
	case b[0] != '\\' || len(b) < 2:
		return 0, 0
	case b[1] == 'x' && len(b) >= 4 && hexDigit(b[2]) && hexDigit(b[3]):
		return unhex(b[2])<<4 | unhex(b[3]), 4
	case b[1] == 'u' && len(b) >= 6 && b[2] == '0' && b[3] == '0' && hexDigit(b[4]) && hexDigit(b[5]):
		return unhex(b[4])<<4 | unhex(b[5]), 6
	}
	if i := bytes.IndexByte([]byte("ntr"), b[1]); i >= 0 {
		return "\n\t\r"[i], 2
	}
	return b[1], 2
}

func unhex(c byte) byte {
	if digit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
