package persona

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/net/http2/hpack"
)

// web takes requests of HTTP/1 (RFC 9112) and, after its preface, frames of HTTP/2 (RFC 9113). Rules see
// "METHOD TARGET" of the one, and of the other "h2 TYPE STREAM", for HEADERS with ":method :path" after it. What is
// neither is "malformed". Bodies are passed over.
type web struct {
	// left is what remains of a body; chunked says that it ends with a chunk of length 0.
	left    int64
	chunked bool
	http2   bool
	hpack   *hpack.Decoder
}

var preface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

func (w *web) split(b []byte) (message, int, bool) {
	switch {
	case w.http2:
		return w.frame(b)
	case w.left > 0:
		n := min(int64(len(b)), w.left)
		w.left -= n
		return message{}, int(n), false
	case w.chunked:
		return w.chunk(b)
	case bytes.HasPrefix(b, preface):
		w.http2 = true
		return message{text: "h2 preface"}, len(preface), true
	case bytes.HasPrefix(preface, b):
		return message{}, 0, false
	}
	return w.request(b)
}

func (w *web) request(b []byte) (message, int, bool) {
	if n := len(b) - len(bytes.TrimLeft(b, "\r\n")); n > 0 {
		return message{}, n, false
	}
	end, n := headerEnd(b)
	if end < 0 {
		if !couldBeRequest(b) {
			return message{text: "malformed", last: true}, len(b), true
		}
		return message{}, 0, false
	}
	r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(b[:end]), bytes.NewReader([]byte("\r\n\r\n")))))
	if err != nil {
		return message{text: "malformed", last: true}, len(b), true
	}
	w.left = max(r.ContentLength, 0)
	w.chunked = len(r.TransferEncoding) > 0
	old := !r.ProtoAtLeast(1, 1)
	return message{text: r.Method + " " + r.RequestURI, last: r.Close || old, headOnly: r.Method == http.MethodHead, old: old,
		upgrade: r.Header.Get("Upgrade")}, n, true
}

// headerEnd finds where the header ends, and where what follows begins.
func headerEnd(b []byte) (end, next int) {
	crlf, lf := bytes.Index(b, []byte("\r\n\r\n")), bytes.Index(b, []byte("\n\n"))
	if lf >= 0 && (crlf < 0 || lf < crlf) {
		return lf, lf + 2
	}
	return crlf, crlf + 4
}

// couldBeRequest says whether b may be the beginning of a request: a method in letters, and text.
func couldBeRequest(b []byte) bool {
	for i, c := range b {
		switch {
		case c == ' ':
			return i > 0
		case c < 'A' || c > 'z':
			return false
		case i > 20:
			return false
		}
	}
	return true
}

// chunk passes over the chunks of a body.
func (w *web) chunk(b []byte) (message, int, bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return message{}, 0, false
	}
	text := bytes.TrimSpace(b[:i])
	if len(text) == 0 { // What ends the chunk before.
		return message{}, i + 1, false
	}
	var size int64
	if _, err := fmt.Sscanf(string(text[:min(len(text), 16)]), "%x", &size); err != nil || size < 0 {
		w.chunked = false
		return message{text: "malformed", last: true}, len(b), true
	}
	if size == 0 {
		end, n := headerEnd(b)
		if end < 0 {
			return message{}, 0, false
		}
		w.chunked = false
		return message{}, n, false
	}
	w.left = size
	return message{}, i + 1, false
}

// frameTypes are those of RFC 9113 §6.
var frameTypes = [...]string{"DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"}

func (w *web) frame(b []byte) (message, int, bool) {
	if len(b) < 9 {
		return message{}, 0, false
	}
	n := 9 + int(binary.BigEndian.Uint32(b)>>8)
	if n > maxMessage || int(b[3]) >= len(frameTypes) {
		return message{text: "malformed", last: true}, len(b), true
	}
	if len(b) < n {
		return message{}, 0, false
	}
	text := fmt.Sprintf("h2 %s %d", frameTypes[b[3]], binary.BigEndian.Uint32(b[5:])&0x7fffffff)
	if ack := b[4]&1 != 0; ack && (b[3] == 4 || b[3] == 6) {
		return message{}, n, false
	}
	if b[3] == 1 {
		text += w.fields(b[4], b[9:n])
	}
	return message{text: text}, n, true
}

// fields are method and path of a HEADERS frame's fields (RFC 7541).
func (w *web) fields(flags byte, block []byte) string {
	const padded, priority = 0x8, 0x20
	if flags&padded != 0 && len(block) > 0 {
		block = block[1:max(len(block)-int(block[0]), 1)]
	}
	if flags&priority != 0 {
		block = block[min(5, len(block)):]
	}
	if w.hpack == nil {
		w.hpack = hpack.NewDecoder(4096, nil)
		w.hpack.SetMaxStringLength(4096)
	}
	fields, err := w.hpack.DecodeFull(block)
	if err != nil {
		return ""
	}
	var method, path string
	for _, f := range fields {
		switch f.Name {
		case ":method":
			method = f.Value
		case ":path":
			path = f.Value
		}
	}
	return " " + method + " " + head([]byte(path))
}
