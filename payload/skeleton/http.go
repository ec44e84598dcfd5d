package skeleton

import (
	"bytes"
	"slices"
	"strings"
)

// maxHeaders bounds the headers that are written.
const maxHeaders = 64

// http writes a request of HTTP, RTSP, SIP or SSDP: its line, the names of its headers in their order, its body by what it is.
// Host is left out: it names the sensor, and it is everywhere.
func (w *writer) http(b []byte) bool {
	line, rest, _ := bytes.Cut(bytes.TrimLeft(b, "\r\n"), []byte("\n"))
	method, target, ok := bytes.Cut(bytes.TrimRight(line, "\r "), []byte(" "))
	if !ok || len(method) == 0 || len(method) > 20 || printable(method) != len(method) {
		return false
	}
	w.text(string(method) + " ")
	version := ""
	if i := bytes.LastIndexByte(target, ' '); i >= 0 {
		target, version = target[:i], string(target[i+1:])
	}
	target = unpercent(bytes.TrimSpace(target))
	w.target(target)
	w.space()
	w.text(version[:min(len(version), 16)])
	w.line()
	like, name := &writer{}, &writer{}
	like.text(string(method) + " ")
	like.target(target)
	name.out = slices.Clone(like.out)
	like.line()
	contentType, body := w.headers(rest, like, name)
	like.line()
	w.body(contentType, body)
	like.body(contentType, body)
	if len(target) < 2 || !isJSON(body) { // A path says more than the names in a body.
		name.line()
		name.body(contentType, body)
	}
	w.like, w.name = like.out, name.out
	return true
}

// unpercent undoes escapes of percent where they stand for text that separates nothing in a request line.
func unpercent(b []byte) []byte {
	if bytes.IndexByte(b, '%') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) && hexDigit(b[i+1]) && hexDigit(b[i+2]) {
			if c := unhex(b[i+1])<<4 | unhex(b[i+2]); c >= ' ' && c < 0x7f && bytes.IndexByte([]byte("?&=#%<"), c) < 0 {
				out = append(out, c)
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// target writes the path's segments, and the names in the query with slots for their values. In absolute form the host is a slot.
func (w *writer) target(b []byte) {
	if i := bytes.Index(b, []byte("://")); i > 0 && i < 8 {
		w.text(string(b[:i+3]))
		host, _, _ := bytes.Cut(b[i+3:], []byte("/"))
		w.slot(hostKind(host), host)
		b = b[i+3+len(host):]
	}
	path, query, ok := bytes.Cut(b, []byte("?"))
	w.words(path)
	if ok {
		w.text("?")
		w.fields(query)
	}
}

// hostKind tells the sensor itself from others.
func hostKind(host []byte) Slot {
	if len(host) == 0 {
		return Value
	}
	if s, _ := maskAt(host); s == Self {
		return Self
	}
	return Value
}

// fields writes name=value&…: the values as slots.
func (w *writer) fields(b []byte) {
	for i, field := range bytes.Split(b, []byte("&")) {
		if w.full() {
			return
		}
		if i > 0 {
			w.text("&")
		}
		name, value, ok := bytes.Cut(field, []byte("="))
		w.words(name)
		if ok {
			w.text("=")
			w.value(value)
		}
	}
}

// headers writes a line a header, and where they end; it returns the content type and what follows. In what is compared a header
// is one byte, whatever the order, unless its value is text to be read: what is asked for weighs more than with which library.
// A name has headers of the latter sort only.
func (w *writer) headers(b []byte, like, name *writer) (contentType string, body []byte) {
	var signs []byte
	defer func() {
		slices.Sort(signs)
		like.out = append(like.out, signs...)
	}()
	for range maxHeaders {
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			if ok {
				w.text("end")
				w.line()
			}
			return contentType, rest
		}
		b = rest
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		lower := strings.ToLower(string(field))
		if lower == "host" {
			continue
		}
		signs = append(signs, sign(lower))
		switch {
		case readable(value):
			w.words(field)
			w.text(": ")
			w.words(value)
			like.words(value)
			name.line()
			name.words(field)
			name.text(": ")
			name.words(value)
		case lower == "content-type":
			contentType = strings.ToLower(string(value))
			w.text(string(field) + ": ")
			media, _, _ := bytes.Cut(value, []byte(";"))
			w.words(media)
		default:
			w.words(field)
			w.text(": ")
			w.slot(kind(value), value)
		}
		w.line()
	}
	return contentType, b
}

// sign is a byte that stands for a header's name: no byte of ASCII, so that no text is like it.
func sign(name string) byte {
	h := uint32(2166136261) // FNV-1a
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return 0x80 | byte(h>>16)&0x7f
}

func (w *writer) body(contentType string, b []byte) {
	trimmed := bytes.TrimSpace(b)
	switch {
	case len(trimmed) == 0:
	case isJSON(trimmed):
		w.json(trimmed)
	case strings.HasPrefix(contentType, "multipart/"):
		w.multipart(trimmed)
	case strings.Contains(contentType, "urlencoded"):
		w.fields(trimmed)
	default:
		w.general(trimmed)
	}
}

func isJSON(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && (b[0] == '{' || b[0] == '[')
}

// multipart writes the heads of the parts, and their contents by what they are.
func (w *writer) multipart(b []byte) {
	boundary, _, _ := bytes.Cut(b, []byte("\n"))
	boundary = bytes.TrimSpace(boundary)
	if len(boundary) < 3 {
		w.general(b)
		return
	}
	for part := range bytes.SplitSeq(b, boundary) {
		if w.full() {
			return
		}
		part = bytes.TrimSpace(part)
		if len(part) == 0 || string(part) == "--" {
			continue
		}
		head, content, ok := bytes.Cut(part, []byte("\r\n\r\n"))
		if !ok {
			head, content, _ = bytes.Cut(part, []byte("\n\n"))
		}
		w.words(head)
		w.line()
		w.body("", content)
		w.line()
	}
}

// maxDepth bounds how deep JSON is followed.
const maxDepth = 16

// json writes the names of objects in their order and slots for values. It reads what looks like JSON, also where it is broken.
func (w *writer) json(b []byte) {
	depth := 0
	for len(b) > 0 && !w.full() {
		switch c := b[0]; c {
		case '{', '[':
			if depth++; depth > maxDepth {
				w.slot(Binary, b)
				return
			}
			w.text(string(c))
			b = b[1:]
		case '}', ']':
			depth--
			w.text(string(c))
			b = b[1:]
		case '"':
			s, rest := jsonString(b)
			after := bytes.TrimLeft(rest, " \t\r\n")
			if len(after) > 0 && after[0] == ':' {
				w.words(s)
			} else {
				w.value(s)
			}
			b = rest
		case ',', ':':
			w.text(string(c))
			b = b[1:]
		case ' ', '\t', '\r', '\n':
			b = b[1:]
		default:
			n := max(span(b, func(c byte) bool { return c > ' ' && c != ',' && c != '}' && c != ']' }), 1)
			w.value(b[:n])
			b = b[n:]
		}
	}
}

// jsonString is what stands between the quotes, as it is written, and what follows.
func jsonString(b []byte) (s, rest []byte) {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[1:i], b[i+1:]
		}
	}
	return b[1:], nil
}
