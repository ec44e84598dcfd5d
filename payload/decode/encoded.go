package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// minBase64 and minHex are the shortest texts that are tried as such without anything saying that they are.
	minBase64 = 16
	minHex    = 24
	// maxTries bounds the runs that are tried in one text.
	maxTries = 64
)

// isBase64 are the letters of both alphabets (RFC 4648 §4 and §5).
var isBase64 = letters("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")

func letters(s string) (set [256]bool) {
	for i := range len(s) {
		set[s[i]] = true
	}
	return set
}

// encoded looks for long runs of base64 and hexadecimal digits that decode to something.
func (d *decoder) encoded(s span) {
	b := d.bytes(s)
	if !d.spend(len(b)) {
		return
	}
	tries := 0
	for i := 0; i < len(b) && tries < maxTries; {
		if !isBase64[b[i]] {
			i++
			continue
		}
		end := endOfRun(b, i)
		if end-i >= minBase64 && !d.covered(s.sub(i, end)) {
			tries++
			if !d.spend(end - i) {
				return
			}
			d.run(s.sub(i, end))
		}
		i = end
	}
}

// covered says that a span lies in one that was already taken for a command or a program, which says better what it is.
func (d *decoder) covered(s span) bool {
	for i := len(d.tree.Nodes) - 1; i > s.node && d.tree.Nodes[i].Parent == s.node; i-- {
		n := d.tree.Nodes[i]
		if (d.langs[i] == shell || d.langs[i] == code) && n.Offset <= s.off && s.end <= n.Offset+n.Length {
			return true
		}
	}
	return false
}

// endOfRun is where a run of base64 ends, its padding and line ends within it included.
func endOfRun(b []byte, i int) int {
	line := i
	for ; i < len(b); i++ {
		if isBase64[b[i]] {
			continue
		}
		next := i
		for next < len(b) && (b[next] == '\r' || b[next] == '\n' || b[next] == ' ') && next-i < 3 {
			next++
		}
		if next == i || next == len(b) || i-line < minLine || !longRun(b[next:]) && i-line != 76 && i-line != 64 {
			break
		}
		i, line = next, next
	}
	for pad := 0; i < len(b) && b[i] == '=' && pad < 2; pad++ {
		i++
	}
	return i
}

// minLine is the shortest line of base64 in lines.
const minLine = 60

func longRun(b []byte) bool {
	if len(b) < minBase64 {
		return false
	}
	for _, c := range b[:minBase64] {
		if !isBase64[c] {
			return false
		}
	}
	return true
}

// run tries a run as hexadecimal, as base64, and its parts between slashes, for a path may lead to it.
func (d *decoder) run(s span) {
	b := d.bytes(s)
	l := layer{part: d.isArgument(s)}
	if out, ok := unhex(b); ok && plausible(out) {
		d.add(s, layer{kind: "hex", bytes: out, part: l.part})
		return
	}
	if d.base64(s, "", false, l) {
		return
	}
	start := 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && b[i] != '/' {
			continue
		}
		if i-start >= minBase64 && i-start < len(b) {
			d.base64(s.sub(start, i), "", false, l)
		}
		start = i + 1
	}
}

// isArgument says that a span is the smaller half of a command line, which then says more than what is hidden in the span.
func (d *decoder) isArgument(s span) bool {
	n := &d.tree.Nodes[s.node]
	return n.Runs && d.langs[s.node] == shell && 2*(s.end-s.off) < len(n.Bytes)
}

func unhex(b []byte) ([]byte, bool) {
	if len(b) < minHex || len(b)%2 != 0 {
		return nil, false
	}
	out := make([]byte, len(b)/2)
	if _, err := hex.Decode(out, b); err != nil {
		return nil, false
	}
	return out, true
}

// base64 decodes a span and adds the result as l says. What is not announced as base64 must be plausible and not too short.
func (d *decoder) base64(s span, note string, announced bool, l layer) bool {
	out, ok := unbase64(d.bytes(s))
	if !ok || len(out) == 0 {
		return false
	}
	l.kind, l.note, l.bytes = "base64", note, out
	if wide, ok := fromUTF16(out); ok {
		l.kind, l.bytes = "utf16", wide
		if note == "" {
			l.note = "base64 of UTF-16LE"
		}
	} else if !announced && (!plausible(out) || len(out) < 12 && !hasMagic(out)) {
		return false
	}
	return d.add(s, l)
}

// unbase64 decodes either alphabet, with or without padding, blanks left out.
func unbase64(b []byte) ([]byte, bool) {
	clean := make([]byte, 0, len(b))
	for _, c := range b {
		switch c {
		case ' ', '\r', '\n', '\t', '\\':
		case '-':
			clean = append(clean, '+')
		case '_':
			clean = append(clean, '/')
		case '=':
		default:
			if !isBase64[c] {
				return nil, false
			}
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, err := base64.RawStdEncoding.Decode(out, clean)
	return out[:n], err == nil
}

// fromUTF16 reads UTF-16LE that is mostly ASCII, as PowerShell's -EncodedCommand is.
func fromUTF16(b []byte) ([]byte, bool) {
	b = bytes.TrimPrefix(b, []byte{0xff, 0xfe})
	if len(b) < 4 {
		return nil, false
	}
	zero := 0
	for i := 1; i < len(b); i += 2 {
		if b[i] == 0 && b[i-1] != 0 {
			zero++
		}
	}
	if zero*10 < len(b)/2*9 {
		return nil, false
	}
	var out []byte
	for i := 0; i+1 < len(b); i += 2 {
		r := rune(b[i]) | rune(b[i+1])<<8
		if utf16.IsSurrogate(r) {
			r = utf8.RuneError
		}
		out = utf8.AppendRune(out, r)
	}
	return out, true
}
