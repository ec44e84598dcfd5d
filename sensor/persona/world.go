package persona

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// world is what templates know.
type world struct {
	identity string
	seed     uint64
	texts    map[string]string
	groups   []string
	draws    uint64
	kept     map[string]string
}

// Arg is what group n caught, without control characters and at most 128 bytes.
func (w *world) Arg(n int) string {
	if n < 0 || n >= len(w.groups) {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, w.groups[n][:min(len(w.groups[n]), 128)])
}

// maxKept bounds what a session is remembered by.
const maxKept = 16

// Keep remembers a value for the rest of the session, and says nothing. What is too much is forgotten.
func (w *world) Keep(key, value string) string {
	if w.kept == nil {
		w.kept = map[string]string{}
	}
	if _, known := w.kept[key]; known || len(w.kept) < maxKept {
		w.kept[key] = value
	}
	return ""
}

// Kept is what Keep remembered, or "".
func (w *world) Kept(key string) string { return w.kept[key] }

// Text is one of the persona's texts.
func (w *world) Text(name string) (string, error) {
	t, ok := w.texts[name]
	if !ok {
		return "", fmt.Errorf("there is no text %q", name)
	}
	return t, nil
}

// ID is n hexadecimal digits that are the same at every visit: of the sensor's identity and a name.
func (w *world) ID(name string, n int) string { return digits(n, w.identity, name) }

// Random is n hexadecimal digits that differ between sessions, and from call to call.
func (w *world) Random(n int) string {
	w.draws++
	return digits(n, strconv.FormatUint(w.seed, 16), strconv.FormatUint(w.draws, 16))
}

// Bytes is n bytes of Random, none of them 0.
func (w *world) Bytes(n int) string {
	b, _ := hex.DecodeString(w.Random(2 * n)) // Its digits are hexadecimal.
	for i := range b {
		b[i] |= 1
	}
	return string(b)
}

// Now is the time, UTC, in a layout of Go.
func (w *world) Now(layout string) string { return time.Now().UTC().Format(layout) }

// Unix is the time in seconds since 1970.
func (w *world) Unix() int64 { return time.Now().Unix() }

func digits(n int, parts ...string) string {
	n = min(max(n, 0), 1024)
	var out []byte
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	for len(out) < n {
		out = hex.AppendEncode(out, sum[:])
		sum = sha256.Sum256(sum[:])
	}
	return string(out[:n])
}

// functions are those that need to know nothing: lengths and numbers of binary protocols.
var functions = template.FuncMap{
	"cat":  func(parts ...string) string { return strings.Join(parts, "") },
	"i16":  func(n int) string { return string(binary.BigEndian.AppendUint16(nil, uint16(n))) },
	"i32":  func(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) },
	"crlf": func() string { return "\r\n" },
	// bulk is a bulk string of RESP; pg a message of PostgreSQL's protocol 3: type, length, body.
	"bulk": func(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) },
	"pg":   pgMessage,
	// table is a result of PostgreSQL with one column of text.
	"table": table,
	// my is a packet of MySQL's protocol: length (3 bytes, little endian), number, body.
	"my": func(number int, body string) string {
		return string([]byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), byte(number)}) + body
	},
	// h2 is a frame of HTTP/2 (RFC 9113 §4.1); grpc a message of gRPC, not compressed.
	"h2": func(kind, flags, stream int, body string) string {
		b := []byte{byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body)), byte(kind), byte(flags)}
		return string(binary.BigEndian.AppendUint32(b, uint32(stream))) + body
	},
	"grpc": func(body string) string {
		return "\x00" + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + body
	},
	"upper": strings.ToUpper,
	"lower": strings.ToLower,
	"atoi":  func(s string) int { n, _ := strconv.Atoi(s); return n },
}

// pgMessage makes a message of PostgreSQL's protocol 3: type, length, body.
func pgMessage(kind, body string) string {
	return kind + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))) + body
}

// table makes RowDescription, DataRows and CommandComplete.
func table(column string, rows ...string) string {
	// No table, no column of one; type 25 (text) of any length, no modifier, format text.
	out := pgMessage("T", "\x00\x01"+column+"\x00"+"\x00\x00\x00\x00"+"\x00\x00"+"\x00\x00\x00\x19"+"\xff\xff"+"\xff\xff\xff\xff"+"\x00\x00")
	for _, r := range rows {
		out += pgMessage("D", "\x00\x01"+string(binary.BigEndian.AppendUint32(nil, uint32(len(r))))+r)
	}
	return out + pgMessage("C", fmt.Sprintf("SELECT %d\x00", len(rows)))
}
