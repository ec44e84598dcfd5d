package decode

import (
	"bytes"
	"strconv"
	"strings"
)

// protocol takes a payload apart by the protocol that it is in; false when it is in none that is known here, or when that
// found nothing, for a word of Redis may begin a command line too.
func (d *decoder) protocol(s span) bool {
	b := d.bytes(s)
	switch {
	case isRequest(b):
		d.request(s)
		return true
	case isRedis(b):
		d.redis(s)
	case isQuery(b):
		d.query(s)
	}
	return len(d.tree.Nodes) > 1
}

// isRequest: RFC 9112 §3, a request line with a version.
func isRequest(b []byte) bool {
	line := b[:max(bytes.IndexByte(b, '\n'), 0)]
	method, _, ok := bytes.Cut(line, []byte(" "))
	return ok && len(method) > 0 && len(method) <= 20 && bytes.IndexFunc(method, func(r rune) bool { return (r < 'A' || r > 'Z') && r != '-' }) < 0 &&
		bytes.Contains(line, []byte(" HTTP/"))
}

// maxHeaders bounds the header fields that are looked at.
const maxHeaders = 200

// head are the header fields that say how the body is wrapped.
type head struct{ media, coding, transfer string }

// request takes an HTTP request apart: target, header values and body, each on its own.
func (d *decoder) request(s span) {
	b := d.bytes(s)
	first := bytes.IndexByte(b, '\n') + 1
	at := bytes.IndexByte(b, ' ') + 1
	end := bytes.LastIndex(b[:first], []byte(" HTTP/"))
	if at < end {
		d.target(s.sub(at, end))
	}
	var h head
	pos := first
	for n := 0; pos < len(b) && n < maxHeaders; n++ {
		next := len(b)
		if i := bytes.IndexByte(b[pos:], '\n'); i >= 0 {
			next = pos + i + 1
		}
		line := bytes.TrimRight(b[pos:next], "\r\n")
		if len(line) == 0 {
			d.body(s.sub(next, len(b)), h)
			return
		}
		if colon := bytes.IndexByte(line, ':'); colon >= 0 {
			value := trim(b, pos+colon+1, pos+len(line))
			h.note(string(line[:colon]), string(b[value[0]:value[1]]))
			d.any(s.sub(value[0], value[1]), 1)
		} else {
			d.any(s.sub(pos, pos+len(line)), 1)
		}
		pos = next
	}
}

func (h *head) note(name, value string) {
	switch strings.ToLower(name) {
	case "content-type":
		h.media = value
	case "content-encoding":
		h.coding = strings.ToLower(value)
	case "transfer-encoding":
		h.transfer = strings.ToLower(value)
	}
}

// trim is where b[from:to] stands without blanks around it.
func trim(b []byte, from, to int) [2]int {
	for from < to && (b[from] == ' ' || b[from] == '\t' || b[from] == '\r' || b[from] == '\n') {
		from++
	}
	for to > from && (b[to-1] == ' ' || b[to-1] == '\t' || b[to-1] == '\r' || b[to-1] == '\n') {
		to--
	}
	return [2]int{from, to}
}

// target takes a request's target apart into path and query.
func (d *decoder) target(s span) {
	b := d.bytes(s)
	i := bytes.IndexByte(b, '?')
	if i < 0 {
		d.any(s, 1)
		return
	}
	d.any(s.sub(0, i), 1)
	d.form(s.sub(i+1, len(b)), "query")
}

// body takes a request's body apart.
func (d *decoder) body(s span, h head) {
	b := d.bytes(s)
	if len(b) == 0 {
		return
	}
	if strings.Contains(h.transfer, "chunked") {
		if out := dechunk(b); len(out) > 0 && d.spend(len(b)) {
			d.add(s, layer{kind: "chunked", bytes: out})
			d.bodyOf(len(d.tree.Nodes)-1, h)
			return
		}
	}
	switch {
	case isMultipart(h.media):
		d.multipart(s, h.media)
	case strings.HasPrefix(h.media, "application/x-www-form-urlencoded"), isForm(b):
		d.form(s, "body")
	default:
		d.any(s, 1)
	}
}

// bodyOf goes on with the body in a node, unless that is known to be compressed.
func (d *decoder) bodyOf(node int, h head) {
	if b := d.tree.Nodes[node].Bytes; isMultipart(h.media) && !isGzip(b) {
		d.multipart(span{node: node, end: len(b)}, h.media)
	} else if isForm(b) {
		d.form(span{node: node, end: len(b)}, "body")
	}
}

// dechunk undoes the chunked coding (RFC 9112 §7.1) as far as it goes.
func dechunk(b []byte) (out []byte) {
	for len(b) > 0 {
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		if !ok {
			break
		}
		size, _, _ := bytes.Cut(bytes.TrimSpace(line), []byte(";"))
		n, err := strconv.ParseUint(string(size), 16, 32)
		if err != nil || n == 0 {
			break
		}
		n = min(n, uint64(len(rest)))
		out = append(out, rest[:n]...)
		b = bytes.TrimPrefix(bytes.TrimPrefix(rest[n:], []byte("\r")), []byte("\n"))
	}
	return out
}

// isForm says that a text looks like the fields of a form: name=value, without blanks.
func isForm(b []byte) bool {
	i := bytes.IndexByte(b[:min(len(b), 64)], '=')
	if i <= 0 || bytes.ContainsAny(b, " \n\"<{") {
		return false
	}
	for _, c := range b[:i] {
		if !isBase64[c] && c != '.' && c != '[' && c != ']' && c != '%' {
			return false
		}
	}
	return true
}

const maxFields = 200

// form takes a query or a form's body apart (URL standard, application/x-www-form-urlencoded). A field without "=" counts as
// a value: devices are attacked that take the whole query for a command.
func (d *decoder) form(s span, where string) {
	b := d.bytes(s)
	pos := 0
	for n := 0; pos <= len(b) && n < maxFields; n++ {
		end := endOfField(b, pos)
		name, from := "", pos
		if i := bytes.IndexByte(b[pos:end], '='); i >= 0 && isFieldName(b[pos:pos+i]) {
			name, from = string(b[pos:pos+i]), pos+i+1
		}
		d.field(s.sub(from, end), where, name)
		pos = end + 1
	}
}

func isFieldName(b []byte) bool {
	return len(b) > 0 && len(b) <= 100 && !bytes.ContainsAny(b, " +;|$`(\n")
}

// endOfField is the next single "&": two of them are a shell's.
func endOfField(b []byte, pos int) int {
	for i := pos; i < len(b); i++ {
		if b[i] != '&' {
			continue
		}
		if i+1 < len(b) && b[i+1] == '&' {
			i++
			continue
		}
		return i
	}
	return len(b)
}

func (d *decoder) field(s span, where, name string) {
	b := d.bytes(s)
	if len(b) == 0 || !d.spend(len(b)) {
		return
	}
	out, n := percent(b)
	if n == 0 || bytes.IndexByte(b, ' ') < 0 {
		out, n = fromForm(b)
	}
	if n == 0 {
		d.any(s, 1)
		return
	}
	note := "field " + cut(name, maxNote) + " of the " + where
	if name == "" {
		note = "the " + where
	}
	if d.add(s, layer{kind: "form", note: note, bytes: out}) && bytes.IndexByte(b, '+') >= 0 {
		d.encoded(s) // Who forgot to escape the "+" of base64 meant it.
	}
}

// fromForm undoes %NN and "+".
func fromForm(b []byte) ([]byte, int) {
	plus := bytes.Count(b, []byte("+"))
	if plus > 0 && !looksBase64(b) {
		b = bytes.ReplaceAll(b, []byte("+"), []byte(" "))
	} else {
		plus = 0
	}
	out, n := percent(b)
	return out, n + plus
}

// looksBase64 says that a value is base64 that was not escaped, so that its "+" are meant.
func looksBase64(b []byte) bool { return len(b) >= minBase64 && endOfRun(b, 0) == len(b) }

func isMultipart(media string) bool {
	return strings.HasPrefix(strings.ToLower(media), "multipart/") && boundary(media) != ""
}

func boundary(media string) string {
	_, v, ok := strings.Cut(media, "boundary=")
	if !ok {
		return ""
	}
	v, _, _ = strings.Cut(v, ";")
	return strings.Trim(strings.TrimSpace(v), `"`)
}

// multipart takes a body apart (RFC 2046 §5.1); each part stands on its own.
func (d *decoder) multipart(s span, media string) {
	b := d.bytes(s)
	mark := []byte("--" + boundary(media))
	pos := bytes.Index(b, mark)
	for n := 0; pos >= 0 && n < maxFields; n++ {
		from := pos + len(mark)
		end, next := len(b), -1
		if i := bytes.Index(b[from:], mark); i >= 0 {
			end, next = from+i, from+i
		}
		if i := bytes.Index(b[from:end], []byte("\r\n\r\n")); i >= 0 {
			d.any(s.sub(from, from+i), 1)
			from += i + 4
		}
		if part := trim(b, from, end); part[0] < part[1] {
			d.any(s.sub(part[0], part[1]), 1)
		}
		pos = next
	}
}
