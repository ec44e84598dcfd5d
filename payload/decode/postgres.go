package decode

import (
	"bytes"
	"encoding/binary"
)

// isQuery says that bytes are a simple query of PostgreSQL's protocol (its documentation, §55.7), alone or after a startup
// message, or the statement by itself.
func isQuery(b []byte) bool {
	_, _, ok := simpleQuery(b)
	return ok
}

// simpleQuery is where the first query stands; ok says that it names a program.
func simpleQuery(b []byte) (from, to int, ok bool) {
	for i := 0; i+5 < len(b) && i < 4096; i++ {
		if b[i] != 'Q' {
			continue
		}
		if n := int(binary.BigEndian.Uint32(b[i+1:])); n > 4 && n <= len(b)-i-1+4096 && n < 1<<20 {
			end := min(i+1+n, len(b))
			return i + 5, end, indexFold(b[i+5:end], "program") >= 0
		}
	}
	return 0, 0, false
}

// query finds COPY … FROM PROGRAM '…' in all queries.
func (d *decoder) query(s span) {
	from, to, _ := simpleQuery(d.bytes(s))
	q := d.bytes(s)[from:to]
	if !d.spend(4 * len(q)) {
		return
	}
	for pos := 0; ; {
		i := indexFold(q[pos:], "program")
		if i < 0 {
			break
		}
		pos += i + len("program")
		open := bytes.IndexByte(q[pos:], '\'')
		if open < 0 || len(bytes.Trim(q[pos:pos+open], " \t\r\nEe")) > 0 {
			continue
		}
		start := pos + open + 1
		text, end := sqlString(q, start)
		d.add(s.sub(from+start, from+end), layer{kind: "postgresql", note: "a program that COPY runs", bytes: text, lang: shell, runs: true})
		pos = end
	}
	d.encoded(s)
}

// indexFold is where a word in lower-case ASCII stands, in whatever case, or -1. Bytes that are no text keep their place.
func indexFold(b []byte, word string) int {
	for i := 0; i+len(word) <= len(b); i++ {
		j := 0
		for j < len(word) && (b[i+j] == word[j] || b[i+j]|0x20 == word[j] && word[j] >= 'a') {
			j++
		}
		if j == len(word) {
			return i
		}
	}
	return -1
}

// sqlString reads a string in which a quote is written twice.
func sqlString(q []byte, i int) (text []byte, end int) {
	for ; i < len(q); i++ {
		if q[i] == '\'' {
			if i+1 >= len(q) || q[i+1] != '\'' {
				break
			}
			i++
		}
		text = append(text, q[i])
	}
	return text, i
}
