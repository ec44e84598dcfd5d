package log4j

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// readMessage reads one message, strictly and permissively. Of what begins at one place only the strict reading counts.
func readMessage(text []byte, b *Budget) (list []reading, complete bool) {
	if bytes.IndexByte(text, unknown) >= 0 {
		text = bytes.ReplaceAll(text, []byte{unknown}, []byte{unknown - 1})
	}
	buf := newBuffer(text, nil)
	strict := &machine{budget: b}
	strict.substitute(buf, 0, len(text), 0, nil, 0)
	whole := make(map[int]bool) // The places whose lookup fires, and whether nothing is left within it.
	for i, h := range strict.hits {
		if !repeated(strict.hits[:i], h) {
			list = append(list, strict.reading(h, true))
		}
		before, seen := whole[h.start]
		whole[h.start] = !bytes.Contains(h.name, opening) && (before || !seen)
	}
	if buf.covered(whole) {
		return list, !strict.spent
	}
	permissive := &machine{budget: b, permissive: true}
	out := permissive.substitute(buf, 0, len(text), 0, nil, 0)
	for i, h := range permissive.hits {
		if _, fires := whole[h.start]; !fires && !repeated(strict.hits, h) && !repeated(permissive.hits[:i], h) {
			list = append(list, permissive.reading(h, false))
		}
	}
	if len(list) == 0 && permissive.evaluations > 0 && spellsLookup(out) {
		list = append(list, malformed(text, permissive.evaluations))
	}
	return list, !strict.spent && !permissive.spent
}

// covered says that every expression that stands in no other is one of the places of which nothing is left to read.
func (b *buffer) covered(whole map[int]bool) bool {
	for k := 0; k < len(b.opens); k = b.opens[k].next {
		if o := b.opens[k]; o.end < 0 || !whole[o.at] {
			return false
		}
	}
	return true
}

// repeated says that the same lookup came of the same place before: what a lookup leaves as it was is evaluated again with what
// is around it.
func repeated(hits []hit, h hit) bool {
	for _, o := range hits {
		if o.start < h.end && h.start < o.end && bytes.Equal(o.name, h.name) {
			return true
		}
	}
	return false
}

// reading describes a hit.
func (m *machine) reading(h hit, fires bool) reading {
	resolved := m.render(h.name)
	r := reading{Lookup: Lookup{Offset: h.start, Length: h.end - h.start, Family: h.family, Fires: fires, Evaluations: h.evaluations}}
	var good bool
	if h.family == "log4j" {
		good = r.jndi(resolved)
		resolved = append([]byte("jndi:"), resolved...)
	} else {
		good = r.commonsText(resolved)
	}
	r.Resolved = cut(resolved)
	if good {
		r.rank += 2
	}
	if fires {
		r.rank++
	}
	return r
}

// cut makes text of at most MaxResolved bytes of it.
func cut(b []byte) string {
	if len(b) > MaxResolved {
		b = b[:MaxResolved]
	}
	s := strings.ToValidUTF8(string(b), string(utf8.RuneError))
	for len(s) > MaxResolved {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// spellsLookup says that what evaluation left would be a JNDI lookup if the braces were where they belong.
func spellsLookup(out []byte) bool {
	flat := make([]byte, 0, len(out))
	for _, c := range out {
		if c != '$' && c != '{' && c != '}' {
			flat = append(flat, c)
		}
	}
	return bytes.Contains(bytes.ToLower(flat), []byte("jndi:"))
}

// malformed is the attempt that reaches from the first expression of a message to the end of the last.
func malformed(text []byte, evaluations int) reading {
	start, end := bytes.Index(text, opening), bytes.LastIndexByte(text, '}')+1
	if end <= start {
		end = len(text)
	}
	return reading{Lookup: Lookup{Offset: start, Length: end - start, Resolved: cut(text[start:end]), Family: "log4j", Malformed: true,
		Evaluations: evaluations}}
}
