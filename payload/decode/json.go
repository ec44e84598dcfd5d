package decode

import (
	"bytes"
	"encoding/json"
	"strings"
)

// isJSON says that a text is meant as JSON: it may be broken or cut off.
func isJSON(b []byte) bool {
	t := bytes.TrimLeft(b, " \r\n\t")
	if len(t) < 4 || t[0] != '{' && t[0] != '[' {
		return false
	}
	inner := bytes.TrimLeft(t[1:], " \r\n\t[{")
	return len(inner) > 0 && inner[0] == '"' || json.Valid(t)
}

const maxStrings = 500

// json takes the strings out of a text in JSON: containers first, whose fields say more together.
func (d *decoder) json(s span, level int) {
	b := d.bytes(s)
	if !d.spend(4 * len(b)) {
		return
	}
	known := d.container(s)
	d.statements(s)
	eachString(b, func(from, to int, key string, escaped bool) {
		in := s.sub(from, to)
		if known && containerFields[key] {
			return
		}
		if !escaped {
			d.any(in, level+1)
			return
		}
		if v, ok := unquote(b[from:to]); ok {
			note := ""
			if key != "" {
				note = "value of " + cut(key, maxNote)
			}
			d.add(in, layer{kind: "json", note: note, bytes: v})
		}
	})
}

// eachString calls use for each string value, with its place between the quotes and the key before it.
func eachString(b []byte, use func(from, to int, key string, escaped bool)) {
	key := ""
	for i, n := 0, 0; i < len(b) && n < maxStrings; {
		open := bytes.IndexByte(b[i:], '"')
		if open < 0 {
			return
		}
		from := i + open + 1
		to, escaped := endOfString(b, from)
		i = to + 1
		if after := bytes.TrimLeft(b[min(i, len(b)):min(i+8, len(b))], " \t"); len(after) > 0 && after[0] == ':' {
			key = string(b[from:min(to, from+maxNote)])
			continue
		}
		if to > from {
			use(from, to, key, escaped)
			n++
		}
	}
}

func endOfString(b []byte, i int) (end int, escaped bool) {
	for ; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			escaped = true
			i++
		}
	}
	return min(i, len(b)), escaped
}

// unquote undoes the escapes of a JSON string (RFC 8259 §7); what is none stays.
func unquote(b []byte) ([]byte, bool) {
	var v string
	if json.Unmarshal(append(append([]byte{'"'}, b...), '"'), &v) == nil {
		return []byte(v), true
	}
	out, n := rewrite(b, '\\', func(p []byte) ([]byte, int) {
		if len(p) < 2 {
			return nil, 0
		}
		if i := strings.IndexByte(`"\/nrtbf`, p[1]); i >= 0 {
			return []byte{"\"\\/\n\r\t\b\f"[i]}, 2
		}
		if r, n := unicodeEscape(p[1:]); n > 0 {
			return r, 1 + n
		}
		return nil, 0
	})
	return out, n > 0
}
