package persona

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"text/template"
	"time"
)

// maxReply bounds one answer.
const maxReply = 64 << 10

// reply is an answer that is ready to be rendered.
type reply struct {
	status int
	// mirror answers requests of HTTP/1.0 with that version.
	mirror bool
	// head are the lines of an HTTP answer, body its body; else body is all.
	head, body *template.Template
	// plain is the body when there is nothing to fill in.
	plain []byte
}

func (r *reply) http() bool { return r != nil && r.status > 0 }

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
	r := &reply{status: a.Status, mirror: p.StatusLine == "mirror"}
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
		words := http.StatusText(a.Status)
		if p.StatusLine == "bare" {
			words = ""
		}
		head := fmt.Sprintf("HTTP/1.1 %d %s\r\n", a.Status, words)
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
	old := r.mirror && m.old
	if old {
		copy(out.Bytes(), "HTTP/1.0")
	}
	fmt.Fprintf(&out, "Date: %s\r\n", time.Now().UTC().Format(http.TimeFormat))
	if r.status >= 200 && r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		fmt.Fprintf(&out, "Content-Length: %d\r\n", len(body))
	}
	if m.last && !old {
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
