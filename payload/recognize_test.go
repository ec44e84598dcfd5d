package payload

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/pcapfile"
)

var update = flag.Bool("update", false, "write the golden files anew")

var data = filepath.Join("..", "..", "shared", "data")

// confusion counts what the bytes of each true protocol were taken for.
type confusion map[string]map[string]int

func (c confusion) add(truth, got string) {
	if got == "" {
		got = "unknown"
	}
	if c[truth] == nil {
		c[truth] = map[string]int{}
	}
	c[truth][got]++
}

// String is the table that the golden file holds: a line a protocol.
func (c confusion) String() string {
	var b strings.Builder
	truths := make([]string, 0, len(c))
	for t := range c {
		truths = append(truths, t)
	}
	sort.Strings(truths)
	for _, t := range truths {
		var parts []string
		for g, n := range c[t] {
			parts = append(parts, fmt.Sprintf("%s %d", g, n))
		}
		sort.Strings(parts)
		fmt.Fprintf(&b, "%-14s %s\n", t, strings.Join(parts, ", "))
	}
	return b.String()
}

type confusionSink struct {
	c     confusion
	truth string
}

func (s *confusionSink) Put(_ context.Context, r terroir.Record) error {
	if len(r.Payload) > 0 {
		s.c.add(s.truth, r.Event.AppProto)
	}
	return nil
}

// TestProtocolsOfCaptures compares what streams are named with the protocol that their folder is named after. A few
// captures are tunnels or broken on purpose, so the table is kept, not a share of right answers.
func TestProtocolsOfCaptures(t *testing.T) {
	c := confusion{}
	files, _ := filepath.Glob(filepath.Join(data, "pcap", "*", "*.pcap*"))
	if len(files) < 100 {
		t.Fatal("no captures")
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		name := func(client, server []byte, tr terroir.Transport) string {
			if n := Recognize(client, tr); n != "" {
				return n
			}
			return RecognizeServer(server)
		}
		_, err = pcapfile.Read(context.Background(), ingest.Source{Name: file, Reader: f, Sensor: "s", Region: "r"},
			pcapfile.Options{Name: name}, &confusionSink{c, filepath.Base(filepath.Dir(file))})
		f.Close()
		if err != nil {
			t.Error(err)
		}
	}
	golden(t, "captures.golden", c.String())
}

// TestProtocolsOfUDPProbes names ZMap's probes; the file's name gives the service.
func TestProtocolsOfUDPProbes(t *testing.T) {
	c := confusion{}
	files, _ := filepath.Glob(filepath.Join(data, "zmap-udp-probes", "*.pkt"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		service, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".pkt"), "_")
		c.add(service, Recognize(b, terroir.UDP))
	}
	golden(t, "udp-probes.golden", c.String())
}

// golden compares with the file, line by line.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestPayloadsOfTheStudy names the study's payloads, whose blanks the observer had removed.
func TestPayloadsOfTheStudy(t *testing.T) {
	want := map[string]string{
		`AMQP\x00`: "amqp", `OPTIONS*RTSP`: "rtsp", `@RSYNCD`: "rsync", `\xff\xfb\x18`: "tn3270", `CONNECT`: "http-proxy",
		`GET/`: "http", `POST/`: "http", `configset`: "redis", `{\x01`: "",
	}
	text, err := os.ReadFile(filepath.Join(data, "seed", "payloads.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var p struct{ Rendered string }
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		for prefix, name := range want {
			if strings.HasPrefix(p.Rendered, prefix) {
				if got := Recognize(unrender(p.Rendered), terroir.TCP); got != name {
					t.Errorf("%.30s is taken for %q, want %q", p.Rendered, got, name)
				}
			}
		}
	}
}

// unrender turns the observer's escapes back into bytes.
func unrender(s string) []byte {
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'r':
			b = append(b, '\r')
		case 'n':
			b = append(b, '\n')
		case 't':
			b = append(b, '\t')
		case 'x':
			var c byte
			if i+2 < len(s) {
				fmt.Sscanf(s[i+1:i+3], "%02x", &c)
				b = append(b, c)
				i += 2
			}
		default:
			b = append(b, s[i])
		}
	}
	return b
}

func TestNamesByBytes(t *testing.T) {
	for _, c := range []struct{ name, tcp string }{
		{"redis", "*1\r\n$4\r\nPING\r\n"}, {"redis", "INFO\r\n"}, {"redis", "config get *\r\n"}, {"memcached", "stats\r\n"}, {"memcached", "version\r\n"},
		{"ssh", "SSH-2.0-Go\r\n"}, {"http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"}, {"http", "GET /nice%20ports HTTP/1.0\r\n\r\n"},
		{"http", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, {"http-proxy", "CONNECT a.example:443 HTTP/1.1\r\n\r\n"},
		{"http-proxy", "GET http://a.example/ HTTP/1.1\r\n\r\n"}, {"rdp", "\x03\x00\x00\x2a\x25\xe0\x00\x00\x00\x00\x00Cookie: mstshash=hello\r\n"},
		{"postgresql", "\x00\x00\x00\x08\x04\xd2\x16\x2f"}, {"mqtt", "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test"},
		{"socks", "\x05\x01\x00"}, {"socks", "\x04\x01\x00\x50\x7f\x00\x00\x01\x00"}, {"vnc", "RFB 003.008\n"}, {"jdwp", "JDWP-Handshake"},
		{"java-rmi", "JRMI\x00\x02K"}, {"telnet", "\xff\xfd\x03\xff\xfb\x18"}, {"minecraft", "\x0f\x00\x2f\x09localhost\x63\xdd\x01"},
		{"sip", "OPTIONS sip:nm SIP/2.0\r\n"}, {"rtsp", "OPTIONS / RTSP/1.0\r\n\r\n"}, {"smb", "\x00\x00\x00\x45\xffSMB\x72"},
		{"", "hello\n"}, {"", "\x00"}, {"", "\r\n\r\n"}, {"", "MGLNDD_192.0.2.1_6379\n"}, {"", "infotainment"},
	} {
		if got := Recognize([]byte(c.tcp), terroir.TCP); got != c.name {
			t.Errorf("%q is taken for %q, want %q", c.tcp, got, c.name)
		}
	}
}

// FuzzRecognize: names are those of the list, follow from the first bytes alone, and nothing that is read is changed.
func FuzzRecognize(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), true)
	f.Add([]byte("\x30\x84\x00\x00\x00\x10\x02\x01"), true)
	f.Add([]byte("\x05\x01\x00"), false)
	for i, b := range realSeeds(f) {
		f.Add(b, i%8 > 0)
	}
	known := map[terroir.Transport]map[string]bool{terroir.TCP: {"": true}, terroir.UDP: {"": true}}
	for _, r := range recognizers {
		known[terroir.TCP][r.name] = known[terroir.TCP][r.name] || r.tcp
		known[terroir.UDP][r.name] = known[terroir.UDP][r.name] || r.udp
	}
	f.Fuzz(func(t *testing.T, b []byte, tcp bool) {
		tr := terroir.UDP
		if tcp {
			tr = terroir.TCP
		}
		before := bytes.Clone(b)
		name := Recognize(b, tr)
		if !known[tr][name] {
			t.Errorf("%q is no protocol of %s", name, tr)
		}
		if far := append(bytes.Clone(b), make([]byte, maxLooked)...); len(b) >= maxLooked && Recognize(far, tr) != name {
			t.Errorf("%q, with more behind it %q", name, Recognize(far, tr))
		}
		if n := RecognizeServer(b); strings.ContainsFunc(n, func(r rune) bool { return r < '0' || r > 'z' }) {
			t.Errorf("%q", n)
		}
		if agent := UserAgent(b); len(agent) > 3*maxUserAgent || !utf8.ValidString(agent) || strings.ContainsFunc(agent, unicode.IsControl) {
			t.Errorf("%q", agent)
		}
		if !bytes.Equal(b, before) {
			t.Error("the payload was changed")
		}
	})
}
