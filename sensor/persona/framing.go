package persona

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// framing splits what a client sends into messages.
type framing interface {
	// split takes the first message from b, which is not empty. n is how much it took; whole says that there is a
	// message, and not only something to be left out. With n = 0 and not whole it needs more.
	split(b []byte) (m message, n int, whole bool)
}

// message is what rules look at.
type message struct {
	// text is the message as rules see it.
	text string
	// last says that the client wants no further answer, headOnly that it wants no body, old that it speaks HTTP/1.0.
	last, headOnly, old bool
	// upgrade is the protocol to which the client asks to change (HTTP).
	upgrade string
}

var framings = map[string]func() framing{
	"raw":       func() framing { return raw{} },
	"line":      func() framing { return line{} },
	"telnet":    func() framing { return &telnet{} },
	"memcached": func() framing { return memcached{} },
	"resp":      func() framing { return resp{} },
	"http":      func() framing { return &web{} },
	"postgres":  func() framing { return &postgres{} },
}

func framingNames() []string {
	var names []string
	for n := range framings {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// head is as much of a message as rules look at.
func head(b []byte) string { return string(b[:min(len(b), 4096)]) }

// raw takes whatever came as a message.
type raw struct{}

func (raw) split(b []byte) (message, int, bool) { return message{text: head(b)}, len(b), true }

// line takes lines that end in LF or CR LF; rules see them without.
type line struct{}

func (line) split(b []byte) (message, int, bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return message{}, 0, false
	}
	return message{text: head(bytes.TrimSuffix(b[:i], []byte("\r")))}, i + 1, true
}

// telnet takes lines that end in CR NUL, CR LF, CR or LF (RFC 854), and leaves negotiation out.
type telnet struct {
	// cr says that the line before ended in CR at the end of what had come.
	cr bool
}

const (
	iac = 255
	sb  = 250
	se  = 240
)

func (t *telnet) split(b []byte) (message, int, bool) {
	if t.cr && (b[0] == '\n' || b[0] == 0) {
		t.cr = false
		return message{}, 1, false
	}
	var text []byte
	for i := 0; i < len(b); {
		switch c := b[i]; c {
		case iac:
			n := command(b[i:])
			if n == 0 {
				return message{}, 0, false
			}
			if len(text) == 0 && i == 0 {
				return message{}, n, false
			}
			i += n
		case '\r', '\n', 0:
			n := i + 1
			if c == '\r' && n < len(b) && (b[n] == '\n' || b[n] == 0) {
				n++
			}
			t.cr = c == '\r' && n == i+1
			return message{text: head(text)}, n, true
		default:
			text = append(text, c)
			i++
		}
	}
	return message{}, 0, false
}

// command is the length of the command at the beginning of b, or 0 when it is not whole.
func command(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case b[1] == sb:
		if i := bytes.Index(b, []byte{iac, se}); i >= 0 {
			return i + 2
		}
		return 0
	case b[1] > sb && b[1] < iac:
		if len(b) < 3 {
			return 0
		}
		return 3
	}
	return 2
}

// memcached takes lines, with the data that follows those that store something
// (https://github.com/memcached/memcached/blob/master/doc/protocol.txt), and the requests of the binary protocol, which
// rules see as "binary OPCODE". Of lines they see the words with one blank between them.
type memcached struct{}

func (memcached) split(b []byte) (message, int, bool) {
	if b[0] == 0x80 {
		if len(b) < 24 {
			return message{}, 0, false
		}
		n := 24 + int(binary.BigEndian.Uint32(b[8:]))
		if n > maxMessage || n < 24 {
			n = len(b)
		}
		if len(b) < n {
			return message{}, 0, false
		}
		return message{text: fmt.Sprintf("binary %#02x", b[1])}, n, true
	}
	m, n, whole := line{}.split(b)
	words := strings.Fields(m.text)
	m.text = strings.Join(words, " ")
	if !whole || len(words) < 5 || !slices.Contains([]string{"set", "add", "replace", "append", "prepend", "cas"}, words[0]) {
		return m, n, whole
	}
	size, err := strconv.Atoi(words[4])
	if err != nil || size < 0 || size > maxMessage {
		return m, n, whole
	}
	if len(b) < n+size+2 {
		return message{}, 0, false
	}
	return m, n + size + 2, true
}

// resp takes commands of Redis (https://redis.io/docs/latest/develop/reference/protocol-spec/): arrays of bulk strings
// or inline. Rules see the words with one blank between them.
type resp struct{}

// maxWords bounds the words of a command.
const maxWords = 1024

func (resp) split(b []byte) (message, int, bool) {
	if b[0] != '*' {
		m, n, whole := line{}.split(b)
		m.text = strings.Join(strings.Fields(m.text), " ")
		return m, n, whole
	}
	count, at := number(b, 0)
	if at == 0 {
		return message{}, 0, false
	}
	if count < 0 || count > maxWords {
		return message{text: head(b)}, len(b), true
	}
	var words []string
	for range count {
		if at >= len(b) {
			return message{}, 0, false
		}
		if b[at] != '$' {
			return message{text: head(b)}, len(b), true
		}
		size, next := number(b, at)
		if next == 0 {
			return message{}, 0, false
		}
		if size < 0 || size > maxMessage {
			return message{text: head(b)}, len(b), true
		}
		if len(b) < next+size+2 {
			return message{}, 0, false
		}
		words = append(words, head(b[next:next+size]))
		at = next + size + 2
	}
	return message{text: head([]byte(strings.Join(words, " ")))}, at, true
}

// number reads the number after the byte at b[at], to the end of the line. next is 0 when the line is not whole; a line
// that is not a number gives −1.
func number(b []byte, at int) (n, next int) {
	i := bytes.IndexByte(b[at:], '\n')
	if i < 0 {
		return 0, 0
	}
	n, err := strconv.Atoi(string(bytes.TrimRight(b[at+1:at+i], "\r")))
	if err != nil {
		n = -1
	}
	return n, at + i + 1
}

// postgres takes messages of PostgreSQL's protocol 3 (https://www.postgresql.org/docs/current/protocol-message-formats.html).
// Rules see "SSLRequest", "GSSENCRequest", "CancelRequest", "Protocol MAJOR.MINOR" for one that is not 3, "Startup KEY
// VALUE …", and after that the type's letter, a blank and the body, with blanks for zeros.
type postgres struct{ started bool }

var pgRequests = map[uint32]string{80877103: "SSLRequest", 80877104: "GSSENCRequest", 80877102: "CancelRequest"}

func (p *postgres) split(b []byte) (message, int, bool) {
	skip := 0
	if p.started {
		skip = 1
	}
	if len(b) < skip+4 {
		return message{}, 0, false
	}
	size := int(binary.BigEndian.Uint32(b[skip:]))
	if size < 4 || size > maxMessage {
		return message{text: "malformed"}, len(b), true
	}
	if len(b) < skip+size {
		return message{}, 0, false
	}
	body, n := b[skip+4:skip+size], skip+size
	text := func(b []byte) string {
		return head(bytes.TrimSpace(bytes.ReplaceAll(b, []byte{0}, []byte{' '})))
	}
	if p.started {
		return message{text: strings.TrimSpace(string(b[0]) + " " + text(body))}, n, true
	}
	if len(body) < 4 {
		return message{text: "malformed"}, len(b), true
	}
	code := binary.BigEndian.Uint32(body)
	if name, ok := pgRequests[code]; ok {
		return message{text: name}, n, true
	}
	if code>>16 != 3 {
		return message{text: fmt.Sprintf("Protocol %d.%d", code>>16, code&0xffff)}, len(b), true
	}
	p.started = true
	return message{text: "Startup " + text(body[4:])}, n, true
}
