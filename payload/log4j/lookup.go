package log4j

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// lookup is the value of "prefix:key" as the Interpolator finds it, or nil. Nothing is looked up: what only the victim knows
// becomes a symbol where it is certain to have a value, and has none where it need not have one.
func (m *machine) lookup(name []byte, hasDefault bool, at place, before int) []byte {
	prefix, key, ok := bytes.Cut(name, []byte(":"))
	if !ok {
		return m.property(name)
	}
	p := string(m.fold(prefix, false))
	if m.permissive {
		p = strings.TrimSpace(p)
	}
	var value []byte
	switch p {
	case "lower":
		value = m.fold(key, false)
	case "upper":
		value = m.fold(key, true)
	case "date":
		value = m.date(key, hasDefault)
	case "sys":
		value = m.systemProperty(key)
	case "java":
		value = m.java(key)
	case "event":
		value = m.event(key)
	case "jndi":
		m.hit(hit{"log4j", key, at, m.evaluations - before})
		if m.permissive {
			value = m.symbol(p, key) // Shown as it is, and not evaluated again.
		}
	default:
		value = m.foreign(p, name, key, at, before)
	}
	if value == nil {
		value = m.property(key)
	}
	return value
}

func (m *machine) hit(h hit) {
	if len(m.hits) == maxLookups {
		m.spent = true
		return
	}
	m.hits = append(m.hits, h)
}

// property is a value of Log4j's own map, which is asked last, whatever the prefix.
func (m *machine) property(key []byte) []byte {
	if string(key) == "hostName" || string(key) == "contextName" {
		return m.symbol("", key)
	}
	return nil
}

// symbol stands for a value that only the victim knows, "prefix:key".
func (m *machine) symbol(prefix string, key []byte) []byte {
	name := key
	if prefix != "" {
		name = slices.Concat([]byte(prefix), []byte{':'}, key)
	}
	if !m.spend(len(name)) {
		return nil
	}
	n := len(m.symbols)
	rendered := m.render(name)
	m.symbols = append(m.symbols, rendered[:min(len(rendered), MaxResolved)])
	return []byte{unknown, 0x80 | byte(n>>12)&0x3f, 0x80 | byte(n>>6)&0x3f, 0x80 | byte(n)&0x3f}
}

// render writes the symbols as they were written: "${env:USER}".
func (m *machine) render(b []byte) []byte {
	var out []byte
	for len(b) > 0 && len(out) <= MaxResolved {
		i := bytes.IndexByte(b, unknown)
		if i < 0 || len(b) < i+4 {
			return append(out, b...)
		}
		out = append(out, b[:i]...)
		if n := int(b[i+1]&0x3f)<<12 | int(b[i+2]&0x3f)<<6 | int(b[i+3]&0x3f); n < len(m.symbols) {
			out = append(append(append(out, opening...), m.symbols[n]...), '}')
		}
		b = b[i+4:]
	}
	return out
}

// fold changes the case as Java does, with Unicode's full mappings: "ı" becomes "I", "ß" becomes "SS". Bytes that are no UTF-8,
// and symbols, stay. The result is never nil.
func (m *machine) fold(b []byte, upper bool) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		n := validPrefix(b)
		out = m.foldText(out, b[:n], upper)
		b = b[n:]
		if len(b) > 0 {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return out
}

func validPrefix(b []byte) int {
	n := 0
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// foldText appends what valid UTF-8 becomes.
func (m *machine) foldText(out, b []byte, upper bool) []byte {
	ascii := true
	for _, c := range b {
		ascii = ascii && c < utf8.RuneSelf
		switch {
		case upper && 'a' <= c && c <= 'z', !upper && 'A' <= c && c <= 'Z':
			c ^= 0x20
		}
		out = append(out, c)
	}
	switch {
	case ascii:
		return out
	case upper:
		return append(out[:len(out)-len(b)], cases.Upper(language.Und).Bytes(b)...)
	}
	if m.permissive { // Not "i" with a dot above, which is what Java makes of it and nobody wants.
		return append(out[:len(out)-len(b)], cases.Lower(language.Und).Bytes(bytes.ReplaceAll(b, []byte("İ"), []byte("i")))...)
	}
	return append(out[:len(out)-len(b)], cases.Lower(language.Und).Bytes(b)...)
}
