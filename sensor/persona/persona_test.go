package persona

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"terroir"
)

func shipped(t testing.TB) *Set {
	t.Helper()
	s, err := Builtin("test")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryPortOfTheThemeHasAPersona(t *testing.T) {
	s := shipped(t)
	for _, p := range terroir.Containers().Ports {
		if d := s.Dialogue(p, 1); (d != nil) != (p.Transport == terroir.TCP) {
			t.Errorf("%s (%s): %v; TCP is answered, UDP never", p, p.Service, d)
		}
	}
	for _, name := range []string{"ssh", "ftp", "smtp", "mysql", "vnc", "pop3", "imap"} {
		d := s.Dialogue(terroir.ServedPort{Transport: terroir.TCP, Port: 1, Persona: name}, 1)
		if d == nil || len(d.Greeting().Bytes) == 0 {
			t.Errorf("%s speaks first", name)
		}
	}
}

func all(replies []terroir.Reply) string {
	var b bytes.Buffer
	for _, r := range replies {
		b.Write(r.Bytes)
	}
	return b.String()
}

func TestWhatIsAnswered(t *testing.T) {
	s := shipped(t)
	for _, c := range []struct{ persona, sent, want string }{
		{"redis", "PING\r\n", "+PONG\r\n"},
		{"redis", "*1\r\n$4\r\nping\r\n", "+PONG\r\n"},
		{"redis", "*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$3\r\ndir\r\n$15\r\n/var/spool/cron\r\n", "+OK\r\n"},
		{"redis", "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$3\r\ndir\r\n", "*2\r\n$3\r\ndir\r\n$5\r\n/data\r\n"},
		{"redis", "BOGUS a b\r\n", "-ERR unknown command `BOGUS`, with args beginning with: `a`, `b`, \r\n"},
		{"redis", "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$15\r\n\n* * * * * id \n\r\n", "+OK\r\n"},
		{"redis", "CONFIG SET dir /etc\r\nCONFIG GET dir\r\n", "+OK\r\n*2\r\n$3\r\ndir\r\n$4\r\n/etc\r\n"},
		{"redis", "SET a b c EX 10\r\nGET a\r\nDEL a\r\nGET a\r\n", "+OK\r\n$3\r\nb c\r\n:1\r\n$-1\r\n"},
		{"docker", "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n"},
		{"docker", "GET /v1.24/containers/json?all=1 HTTP/1.1\r\nHost: x\r\n\r\n", `"Image":"nginx:1.21"`},
		{"docker", "POST /v1.24/containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nOK"},
		{"docker", "\x16\x03\x01\x00\x05hello", "HTTP/1.1 400 Bad Request\r\n"},
		{"docker", "OPTIONS / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\n"},
		{"docker", "POST /v1.41/exec/a/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", "HTTP/1.1 101 UPGRADED\r\n"},
		{"docker", "POST /v1.41/exec/a/start HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
		{"confluence", "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 302 \r\n"},
		{"etcd", "GET /version HTTP/1.1\r\nHost: x\r\n\r\n", `"etcdserver":"3.5.4"`},
		{"etcd", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		{"memcached", "set a 0 0 5\r\nhello\r\nversion\r\n", "STORED\r\nVERSION 1.5.22\r\n"},
		{"memcached", "stats  \r\n", "STAT pid 1\r\n"},
		{"mysql", "\x2a\x00\x00\x01" + strings.Repeat("\x01", 32) + "ann\x00\x00", "'ann'@'172.17.0.1' (using password: NO)"},
		{"postgresql", "\x00\x00\x00\x08\x04\xd2\x16\x2f", "N"},
		{"postgresql", "\x00\x00\x00\x08\xff\x53\x4d\x42", "unsupported frontend protocol 65363.19778: server supports 3.0 to 3.0"},
		{"postgresql", "\x00\x00\x00\x17\x00\x03\x00\x00user\x00postgres\x00\x00", "R\x00\x00\x00\x08\x00\x00\x00\x03"},
		{"telnet", "\xff\xfd\x01root\r\n", "root\r\nPassword: "},
		{"kubernetes", "GET /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: x\r\n\r\n", `in the namespace \"default\"`},
		{"kubernetes", "PUT /a\"b HTTP/1.1\r\nHost: x\r\n\r\n", `cannot put path \"/a\"b\"`},
		{"couchdb", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", `"couchdb":"Welcome"`},
		{"smtp", "EHLO x\r\n", "250 CHUNKING\r\n"},
		{"imap", "a1 LOGIN x y\r\n", "a1 NO [AUTHENTICATIONFAILED]"},
	} {
		d := s.Dialogue(terroir.ServedPort{Transport: terroir.TCP, Persona: c.persona}, 1)
		if got := all(d.Take([]byte(c.sent))); !strings.Contains(got, c.want) {
			t.Errorf("%s: to %q it says %q, want %q", c.persona, c.sent, got, c.want)
		}
	}
}

// TestPortionsDoNotMatter sends the same bytes whole and in pieces.
func TestPortionsDoNotMatter(t *testing.T) {
	s := shipped(t)
	texts := []struct{ persona, sent string }{
		{"redis", "*1\r\n$4\r\nPING\r\nINFO server\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"},
		{"telnet", "\xff\xfb\x1froot\r\n\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0pass\r\nadmin\r\n"},
		{"couchdb", "GET / HTTP/1.0\r\n\r\n"},
		{"memcached", "set a 0 0 5\r\nhello\r\nget a\r\n"},
		{"postgresql", "\x00\x00\x00\x08\x04\xd2\x16\x2f\x00\x00\x00\x17\x00\x03\x00\x00user\x00postgres\x00\x00p\x00\x00\x00\x06x\x00Q\x00\x00\x00\x0dbegin ;\x00X\x00\x00\x00\x04"},
		{"etcd", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		{"redis", "SET a b\r\nCONFIG SET dir /etc\r\nGET a\r\nCONFIG GET dir\r\n"},
	}
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(texts).Draw(t, "text")
		port := terroir.ServedPort{Transport: terroir.TCP, Persona: c.persona}
		whole := s.Dialogue(port, 1).Take([]byte(c.sent))
		d := s.Dialogue(port, 1)
		var pieces []terroir.Reply
		for rest := []byte(c.sent); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			pieces = append(pieces, d.Take(rest[:n])...)
			rest = rest[n:]
		}
		if undated(all(whole)) != undated(all(pieces)) {
			t.Fatalf("whole: %q\npieces: %q", all(whole), all(pieces))
		}
	})
}

// undated leaves lines with the time out.
func undated(s string) string {
	lines := strings.Split(s, "\r\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Date: ") }), "\r\n")
}

func TestADialogueIsBounded(t *testing.T) {
	s := shipped(t)
	for _, name := range s.Names() {
		d := s.Dialogue(terroir.ServedPort{Transport: terroir.TCP, Persona: name}, 1).(*dialogue)
		said := len(d.Greeting().Bytes)
		for range 2000 {
			said += len(all(d.Take(bytes.Repeat([]byte("PING\r\n*1\r\n$"), 50))))
			if len(d.buf) > 2*maxMessage {
				t.Fatalf("%s holds %d bytes", name, len(d.buf))
			}
		}
		if said > maxSaid {
			t.Errorf("%s said %d bytes", name, said)
		}
	}
}

// TestWhatIsRememberedIsBounded has a session remember more than it may.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	d := shipped(t).Dialogue(terroir.ServedPort{Transport: terroir.TCP, Persona: "redis"}, 1).(*dialogue)
	for i := range 10 * maxKept {
		d.Take(fmt.Appendf(nil, "SET key%d %s\r\n", i, strings.Repeat("v", 3000)))
	}
	held := 0
	for key, value := range d.world.kept {
		held += len(key) + len(value)
	}
	if len(d.world.kept) != maxKept || held > maxKept*300 {
		t.Errorf("%d values, %d bytes", len(d.world.kept), held)
	}
	if got := all(d.Take([]byte("GET key0\r\nGET key159\r\n"))); !strings.HasPrefix(got, "$128\r\n") || !strings.HasSuffix(got, "$-1\r\n") {
		t.Errorf("%q", got)
	}
}

func TestBrokenPersonas(t *testing.T) {
	for text, want := range map[string]string{
		"framing: raw": "it needs a name", "name: x\nframing: morse": `framing "morse" is none of`,
		"name: x\nframing: raw\nrules: [{regexp: '('}]": "rule 1: error parsing regexp", "name: x\nframing: raw\nrules: [{reply: a}]": "rule 1: it needs one of",
		"name: x\nframing: raw\nunknown: {reply: '{{.Nothing}}'}": "unknown:", "name: x\nframing: raw\nunknown: {delay: 1h}": "delay",
		"name: x\nframing: raw\nunknown: {bytes: '\\q'}": "escape", "name: x\nframing: http\nunknown: {status: 999}": "status 999",
		"name: x\nframing: http\nstatus_line: short": "status_line", "name: x\nframing: raw\nreplies: []": "unknown field", "name: x\nframing: raw\nunknown: {reply: a, bytes: b}": "either reply, bytes",
	} {
		_, err := Parse("mine.yaml", []byte(text))
		if terroir.ErrorCode(err) != terroir.ECONFIG || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "mine.yaml: ") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
