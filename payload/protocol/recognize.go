// Package protocol names what a client speaks by its first bytes, whatever the port: the protocol, the field's own term
// for the request, and what the client calls itself. Nothing is decoded, fetched or looked up, and nothing but the
// standard library is needed: the sensor asks for each session.
//
// A name is given only where the structure of the bytes fits, lengths included; otherwise the answer is "", which
// tables show as unknown. Two observers' habits are allowed for: bytes may end anywhere, and lines of text may have
// lost their blanks.
package protocol

import "terroir"

// recognizer names one protocol.
type recognizer struct {
	name string
	// tcp and udp say on which transport it is looked for.
	tcp, udp bool
	// first are the bytes with which it may begin; "" for any. letters stands for an ASCII letter.
	first string
	is    func([]byte) bool
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// recognizers are asked in order: the ones that can hardly be wrong first, those that ask little of the bytes last. Over TCP,
// requests as those of HTTP are named before them by nameRequest.
var recognizers = []recognizer{
	{"tls", true, false, "\x14\x15\x16\x17\x80\x81\x82\x83", isTLS},
	{"ssh", true, false, "S", isSSH},
	{"rtsp", false, true, letters, isRTSP},
	{"sip", false, true, letters + "\r\n", isSIP},
	{"ssdp", false, true, "MN", isSSDP},
	{"amqp", true, false, "A", isAMQP},
	{"rsync", true, false, "@", isRsync},
	{"smb", true, false, "\x00\x81", isSMB},
	{"tn3270", true, false, "\xff", isTN3270},
	{"telnet", true, false, "\xff", isTelnet},
	{"rdp", true, true, "\x03\xff\x00", isRDP},
	{"postgresql", true, false, "\x00", isPostgreSQL},
	{"mqtt", true, false, "\x10", isMQTT},
	{"bitcoin", true, false, "\xf9\x0b\xfa\x0a", isBitcoin},
	{"mongodb", true, false, "", isMongoDB},
	{"jdwp", true, false, "J", isJDWP},
	{"java-rmi", true, false, "J", isJavaRMI},
	{"adb", true, false, "CSOA", isADB},
	{"x11", true, false, "lB", isX11},
	{"minecraft", true, false, "", isMinecraft},
	{"vnc", true, false, "R", isVNC},
	{"giop", true, false, "G", isGIOP},
	{"t3", true, false, "t", isT3},
	{"gh0st", true, false, "G", isGh0st},
	{"xmpp", true, false, "<", isXMPP},
	{"stratum", true, false, "{", isStratum},
	{"smtp", true, false, "EHLehl", isSMTP},
	{"ftp", true, false, "AEFPSUaefpsu", isFTP},
	{"pop3", true, false, "ACSacs", isPOP3},
	{"imap", true, false, letters + "0123456789", isIMAP},
	{"memcached", true, false, "acdfgilmprstv\x80", isMemcachedMessage},
	{"memcached", false, true, "", isMemcached},
	{"redis", true, false, letters + "*", isRedis},
	{"shell", true, false, letters + "\r\n\t #/.;|&$(`{", isShell},
	{"ldap", true, true, "0", isLDAP},
	{"krb", true, true, "\x00jl", isKerberos},
	{"snmp", false, true, "0", isSNMP},
	{"dtls", false, true, "\x16", isDTLS},
	{"quic", false, true, "", isQUIC},
	{"ike", false, true, "", isIKE},
	{"bacnet", false, true, "\x81", isBACnet},
	{"netbios", false, true, "", isNetBIOS},
	{"sunrpc", true, true, "", isSunRPC},
	{"dns", true, true, "", isDNS},
	{"modbus", true, false, "", isModbus},
	{"socks", true, false, "\x04\x05", isSOCKS},
	{"mysql", true, false, "", isMySQL},
	{"ntp", false, true, "", isNTP},
	{"tftp", false, true, "\x00", isTFTP},
	{"coap", false, true, "", isCoAP},
}

// byFirst are the recognisers that may fit, by transport (0 TCP, 1 UDP) and first byte, in their order.
var byFirst = func() (table [2][256][]*recognizer) {
	for i := range recognizers {
		r := &recognizers[i]
		for c := range 256 {
			if r.first != "" && !containsByte(r.first, byte(c)) {
				continue
			}
			if r.tcp {
				table[0][c] = append(table[0][c], r)
			}
			if r.udp {
				table[1][c] = append(table[1][c], r)
			}
		}
	}
	return table
}()

// maxLooked bounds the bytes that are looked at.
const maxLooked = 4096

// Recognize names the protocol that a client speaks which sent b first, or "" when nothing is certain enough. Requests
// over HTTP have the name of their API where method and path, or the body, leave no doubt; see Over.
func Recognize(b []byte, t terroir.Transport) string {
	b = b[:min(len(b), maxLooked)]
	var table *[256][]*recognizer
	switch {
	case len(b) == 0:
		return ""
	case t == terroir.TCP:
		table = &byFirst[0]
	case t == terroir.UDP:
		table = &byFirst[1]
	default:
		return ""
	}
	if t == terroir.TCP && (isLetter(b[0]) || b[0] == '\r' || b[0] == '\n') {
		if name := nameRequest(b); name != "" {
			return name
		}
	}
	for _, r := range table[b[0]] {
		if r.is(b) {
			return r.name
		}
	}
	return ""
}

// RecognizeServer names a protocol by the first bytes of a server, or "": greetings of those that speak first, and
// answers that name their protocol.
func RecognizeServer(b []byte) string {
	b = b[:min(len(b), maxLooked)]
	switch {
	case isSSH(b):
		return "ssh"
	case isVNC(b):
		return "vnc"
	case has(b, "+OK "):
		return "pop3"
	case has(b, "* OK"):
		return "imap"
	case has(b, "220") && (contains(b, "SMTP") || contains(b, "smtp")):
		return "smtp"
	case has(b, "220") && (contains(b, "FTP") || contains(b, "ftp")):
		return "ftp"
	case has(b, "-ERR unknown command") || has(b, "-NOAUTH ") || has(b, "+PONG\r\n"):
		return "redis"
	case isMySQLGreeting(b):
		return "mysql"
	}
	return ""
}
