package protocol

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// maxLabel bounds a label, in bytes.
const maxLabel = 120

// labels say, by protocol, what the field calls the request; "" where that is not certain.
var labels = map[string]func([]byte) string{
	"http": labelHTTP, "docker": labelDocker, "kubernetes": labelHTTP, "etcd": labelHTTP, "elasticsearch": labelHTTP, "jupyter": labelHTTP,
	"http-proxy": labelHTTP, "ethereum": labelRPC, "bitcoin": labelBitcoin, "stratum": labelStratum,
	"rtsp": labelMethod, "sip": labelMethod, "ssdp": labelMethod,
	"redis": labelRedis, "memcached": labelMemcached, "postgresql": labelPostgreSQL, "mysql": labelMySQL, "mongodb": labelMongoDB,
	"tls": labelTLS, "dtls": always("ClientHello"), "quic": labelQUIC, "ike": labelIKE, "ssh": labelSSH, "rdp": labelRDP,
	"ldap": labelLDAP, "krb": labelKerberos, "snmp": labelSNMP, "smb": labelSMB, "vnc": labelVNC, "rsync": labelRsync,
	"telnet": labelTelnet, "tn3270": labelTN3270, "mqtt": always("CONNECT"), "amqp": labelAMQP, "socks": labelSOCKS,
	"dns": labelDNS, "netbios": labelNetBIOS, "ntp": labelNTP, "coap": labelCoAP, "modbus": labelModbus, "bacnet": labelBACnet,
	"sunrpc": labelSunRPC, "tftp": labelTFTP, "adb": labelADB, "minecraft": labelMinecraft, "jdwp": always("handshake"), "java-rmi": labelJavaRMI,
	"x11": always("connection setup"), "smtp": labelWord, "pop3": labelWord, "ftp": labelWord, "imap": labelIMAP, "shell": labelShell,
	"": labelUnknown,
}

func always(label string) func([]byte) string { return func([]byte) string { return label } }

// Label is the field's term for the request that b begins with, which has been named: "GET /version", "CONFIG SET, SAVE",
// "StartupMessage", "A example.com". It is "" where there is none. At most 120 bytes of UTF-8 without control characters; what is
// quoted in it is the client's, so it is as hostile as the payload wherever markup or formulas are read.
func Label(b []byte, name string) string {
	label := labels[name]
	if label == nil || len(b) == 0 {
		return ""
	}
	return clean(label(b[:min(len(b), maxLooked)]))
}

// clean bounds a text and puts ? for every character that a terminal or a reader might obey.
func clean(s string) string {
	s = s[:min(len(s), 4*maxLabel)]
	if plain(s) {
		return s[:min(len(s), maxLabel)]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) <= maxLabel {
		return s
	}
	end := maxLabel
	for end > 0 && s[end]&0xc0 == 0x80 {
		end--
	}
	return s[:end]
}

func plain(s string) bool {
	for i := range len(s) {
		if !isPrintable(s[i]) {
			return false
		}
	}
	return true
}

// labelUnknown names the one probe that has no protocol but a name: it says to whom it was sent.
func labelUnknown(b []byte) string {
	if has(b, "MGLNDD_") {
		return "MGLNDD"
	}
	return ""
}

func labelHTTP(b []byte) string {
	r, ok := parseRequest(b)
	if !ok {
		return ""
	}
	return string(r.method) + " " + string(r.path()[:min(len(r.path()), maxLabel)])
}

// labelDocker leaves the version out, and puts {id} for the name of a container, as Docker's reference does.
func labelDocker(b []byte) string {
	r, ok := parseRequest(b)
	if !ok {
		return ""
	}
	path, _ := dockerVersion(r.path())
	for _, root := range [...]string{"/containers/", "/exec/", "/images/", "/networks/", "/volumes/"} {
		rest, found := bytes.CutPrefix(path, []byte(root))
		if !found {
			continue
		}
		id, action, named := bytes.Cut(rest, []byte("/"))
		if named && len(id) > 0 {
			return string(r.method) + " " + root + "{id}/" + string(action[:min(len(action), maxLabel)])
		}
		if len(id) >= 12 && all(id, isHex) {
			return string(r.method) + " " + root + "{id}"
		}
	}
	return string(r.method) + " " + string(path[:min(len(path), maxLabel)])
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func labelMethod(b []byte) string {
	r, ok := parseRequest(bytes.TrimLeft(b, "\r\n"))
	if !ok {
		return ""
	}
	return string(r.method)
}

func labelRPC(b []byte) string { return string(rpcMethod(body(b))) }

func labelStratum(b []byte) string { return string(rpcMethod(b)) }

func labelBitcoin(b []byte) string {
	if isBitcoin(b) {
		return string(bytes.TrimRight(b[4:16], "\x00"))
	}
	return labelRPC(b)
}

func labelWord(b []byte) string {
	l, _ := parseLine(b)
	return strings.ToUpper(string(l.words[0]))
}

func labelIMAP(b []byte) string {
	l, _ := parseLine(b)
	return strings.ToUpper(string(l.words[1]))
}

// labelShell is the first command's name.
func labelShell(b []byte) string {
	line := bytes.TrimLeft(firstLine(bytes.TrimLeft(b, "\r\n\t ")), ";|&$(`{ \t")
	if i := bytes.IndexAny(line, " \t;|&<>)`"); i >= 0 {
		line = line[:i]
	}
	return string(line)
}

func labelSSH(b []byte) string {
	_, rest, ok := bytes.Cut(firstLine(b), []byte("-"))
	if !ok {
		return ""
	}
	_, software, _ := bytes.Cut(rest, []byte("-"))
	if i := bytes.IndexByte(software, ' '); i >= 0 {
		software = software[:i]
	}
	return string(software)
}

func labelVNC(b []byte) string {
	if !isVNC(b) {
		return ""
	}
	return "ProtocolVersion " + string(b[4:11])
}

func labelRsync(b []byte) string {
	version := bytes.TrimSpace(bytes.TrimPrefix(firstLine(b), []byte("@RSYNCD:")))
	if i := bytes.IndexByte(version, ' '); i >= 0 {
		version = version[:i]
	}
	return "protocol " + string(version)
}

// tnOptions are the names of the options that clients negotiate first (RFC 855 and those after it).
var tnOptions = map[byte]string{0: "BINARY", 1: "ECHO", 3: "SUPPRESS-GO-AHEAD", 5: "STATUS", 6: "TIMING-MARK", 24: "TERMINAL-TYPE", 25: "END-OF-RECORD",
	31: "NAWS", 32: "TERMINAL-SPEED", 33: "TOGGLE-FLOW-CONTROL", 34: "LINEMODE", 35: "X-DISPLAY-LOCATION", 36: "ENVIRON", 37: "AUTHENTICATION",
	38: "ENCRYPT", 39: "NEW-ENVIRON", 40: "TN3270E"}

// labelTelnet lists what is negotiated first.
func labelTelnet(b []byte) string {
	var list []string
	c := cursor{b: b}
	for len(list) < 4 && c.u8() == 0xff {
		command := c.u8()
		if command == 0xfa {
			_, rest, ok := bytes.Cut(c.b, []byte("\xff\xf0"))
			if c.b = rest; !ok {
				break
			}
			continue
		}
		verb, ok := map[int]string{0xfb: "WILL", 0xfc: "WONT", 0xfd: "DO", 0xfe: "DONT"}[command]
		if !ok {
			break
		}
		option := byte(c.u8())
		if c.short {
			break
		}
		name := tnOptions[option]
		if name == "" {
			name = fmt.Sprint(option)
		}
		list = append(list, verb+" "+name)
	}
	return strings.Join(list, ", ")
}

// labelTN3270 is the terminal's type.
func labelTN3270(b []byte) string {
	i := bytes.Index(b, []byte("IBM-"))
	if i < 0 {
		return "TN3270E"
	}
	end := i
	for end < len(b) && end < i+40 && (isLetter(b[end]) || isDigit(b[end]) || b[end] == '-' || b[end] == '@') {
		end++
	}
	return string(b[i:end])
}
