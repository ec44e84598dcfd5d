package render

import "encoding/hex"

// Parse is the inverse of Bytes: it undoes \r, \n, \t, \\ and \xNN, and leaves everything else as it is.
func Parse(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'r':
			out = append(out, '\r')
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case '\\':
			out = append(out, '\\')
		case 'x':
			if c, err := hex.DecodeString(string(b[i+1 : min(i+3, len(b))])); err == nil && len(c) == 1 {
				out = append(out, c[0])
				i += 2
				continue
			}
			out = append(out, '\\', 'x')
		default:
			out = append(out, '\\', b[i])
		}
	}
	return out
}
