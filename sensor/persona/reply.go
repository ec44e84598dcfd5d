package persona

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// maxReply bounds one answer.
const maxReply = 64 << 10

// reply is an answer that is ready to be rendered.
type reply struct {
	status int
	// head are the lines of an HTTP answer, body its body; else body is all.
	head, body *template.Template
	// plain is the body when there is nothing to fill in.
	plain []byte
}

func (r *reply) http() bool { return r != nil && r.status > 0 }

// world is what templates know.
type world struct {
	identity string
	seed     uint64
	texts    map[string]string
	groups   []string
	draws    uint64
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
	"pg": func(kind, body string) string {
		return kind + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))) + body
	},
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
	"atoi":  func(s string) int { n, _ := strconv.Atoi(s); return n },
}

// compileAnswer makes the answer's templates, and renders them once.
func (p *Persona) compileAnswer(a *Answer, groups int) error {
	if err := a.checkDelay(); err != nil {
		return err
	}
	given := 0
	for _, yes := range []bool{a.Reply != "", a.Bytes != "", a.Status != 0} {
		if yes {
			given++
		}
	}
	if given > 1 || a.Status == 0 && (a.Body != "" || len(a.Headers) > 0) {
		return errors.New("an answer has either reply, bytes, or status with headers and body")
	}
	if given == 0 {
		return nil
	}
	r, err := p.compileReply(a)
	if err != nil {
		return err
	}
	a.say = r
	w := &world{texts: p.Texts, groups: make([]string, groups+1)}
	for _, t := range []*template.Template{r.head, r.body} {
		if t == nil {
			continue
		}
		if err := t.Execute(&bounded{}, w); err != nil {
			return err
		}
	}
	return nil
}

func (a *Answer) checkDelay() error {
	if a.Delay == "" {
		return nil
	}
	d, err := time.ParseDuration(a.Delay)
	if err != nil || d < 0 || d > 30*time.Second {
		return fmt.Errorf("delay %q is not a duration of at most 30s", a.Delay)
	}
	a.delay = d
	return nil
}

func (p *Persona) compileReply(a *Answer) (*reply, error) {
	r := &reply{status: a.Status}
	body := p.lines(a.Reply) + a.Body
	if a.Bytes != "" {
		var err error
		if body, err = unescape(a.Bytes); err != nil {
			return nil, err
		}
	}
	if a.Status != 0 {
		if http.StatusText(a.Status) == "" {
			return nil, fmt.Errorf("status %d is not one of HTTP", a.Status)
		}
		head := fmt.Sprintf("HTTP/1.1 %d %s\r\n", a.Status, http.StatusText(a.Status))
		for _, h := range append(p.Headers[:len(p.Headers):len(p.Headers)], a.Headers...) {
			head += h + "\r\n"
		}
		t, err := template.New("headers").Funcs(functions).Parse(head)
		if err != nil {
			return nil, err
		}
		r.head = t
	}
	if !strings.Contains(body, "{{") {
		r.plain = []byte(body)
		return r, nil
	}
	t, err := template.New("reply").Funcs(functions).Option("missingkey=error").Parse(body)
	r.body = t
	return r, err
}

// render makes the bytes of an answer. Templates that fail in a session, which compiling excludes, are cut there.
func (r *reply) render(w *world, m message, groups []string) []byte {
	w.groups = groups
	body := r.plain
	if r.body != nil {
		var b bounded
		_ = r.body.Execute(&b, w)
		body = b.Bytes()
	}
	if r.head == nil {
		return body
	}
	var out bounded
	_ = r.head.Execute(&out, w)
	fmt.Fprintf(&out, "Date: %s\r\n", time.Now().UTC().Format(http.TimeFormat))
	if r.status >= 200 && r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		fmt.Fprintf(&out, "Content-Length: %d\r\n", len(body))
	}
	if m.last {
		out.WriteString("Connection: close\r\n")
	}
	out.WriteString("\r\n")
	if !m.headOnly {
		out.Write(body)
	}
	return out.Bytes()
}

// bounded is a buffer that refuses to grow beyond maxReply.
type bounded struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxReply {
		return 0, errors.New("the answer is too long")
	}
	return b.Buffer.Write(p)
}

// escapes are the escapes of bytes, and the actions of templates, in which they mean what they mean in Go.
var escapes = regexp.MustCompile(`(?s)\{\{.*?\}\}|\\x[0-9a-fA-F]{2}|\\.|\\`)

// unescape replaces \xNN, \r, \n, \t, \0 and \\ outside of a template's actions.
func unescape(s string) (string, error) {
	var wrong error
	out := escapes.ReplaceAllStringFunc(s, func(e string) string {
		switch {
		case strings.HasPrefix(e, "{{"):
			return e
		case strings.HasPrefix(e, `\x`) && len(e) == 4:
			b, _ := hex.DecodeString(e[2:])
			return string(b)
		}
		switch e {
		case `\r`:
			return "\r"
		case `\n`:
			return "\n"
		case `\t`:
			return "\t"
		case `\0`:
			return "\x00"
		case `\\`:
			return `\`
		}
		wrong = fmt.Errorf("escape %q is none of \\xNN, \\r, \\n, \\t, \\0, \\\\", e)
		return e
	})
	return out, wrong
}
