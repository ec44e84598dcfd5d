// Package payload says what a client sent: the protocol it spoke, by its first bytes and whatever the port; its
// template, in which what names the sensor is masked; a rendering that is safe to show. Nothing is fetched, executed or
// looked up.
package payload

import "terroir"

// recognizer names one protocol.
type recognizer struct {
	name string
	// tcp and udp say on which transport it is looked for.
	tcp, udp bool
	is       func([]byte) bool
}

// recognizers are asked in order: the ones that can hardly be wrong first, those that ask little of the bytes last.
var recognizers = []recognizer{
	{"tls", true, false, isTLS},
	{"ssh", true, false, isSSH},
	{"http-proxy", true, false, isHTTPProxy},
	{"rtsp", true, true, isRTSP},
	{"sip", true, true, isSIP},
	{"ssdp", false, true, isSSDP},
	{"http", true, false, isHTTP},
	{"amqp", true, false, isAMQP},
	{"rsync", true, false, isRsync},
	{"smb", true, false, isSMB},
	{"tn3270", true, false, isTN3270},
	{"telnet", true, false, isTelnet},
	{"rdp", true, true, isRDP},
	{"postgresql", true, false, isPostgreSQL},
	{"mqtt", true, false, isMQTT},
	{"mongodb", true, false, isMongoDB},
	{"jdwp", true, false, isJDWP},
	{"java-rmi", true, false, isJavaRMI},
	{"adb", true, false, isADB},
	{"x11", true, false, isX11},
	{"minecraft", true, false, isMinecraft},
	{"vnc", true, false, isVNC},
	{"redis", true, false, isRedis},
	{"memcached", true, true, isMemcached},
	{"ldap", true, true, isLDAP},
	{"krb", true, true, isKerberos},
	{"snmp", false, true, isSNMP},
	{"dtls", false, true, isDTLS},
	{"quic", false, true, isQUIC},
	{"ike", false, true, isIKE},
	{"bacnet", false, true, isBACnet},
	{"dns", true, true, isDNS},
	{"modbus", true, false, isModbus},
	{"socks", true, false, isSOCKS},
	{"mysql", true, false, isMySQL},
	{"ntp", false, true, isNTP},
	{"coap", false, true, isCoAP},
}

// maxLooked bounds the bytes that recognisers look at.
const maxLooked = 4096

// Recognize names the protocol that a client speaks which sent b first, or "" when nothing is certain enough.
func Recognize(b []byte, t terroir.Transport) string {
	if len(b) > maxLooked {
		b = b[:maxLooked]
	}
	if len(b) == 0 {
		return ""
	}
	for _, r := range recognizers {
		if (t == terroir.TCP && r.tcp || t == terroir.UDP && r.udp) && r.is(b) {
			return r.name
		}
	}
	return ""
}

// RecognizeServer names a protocol by the greeting of a server that speaks first, or "".
func RecognizeServer(b []byte) string {
	switch {
	case has(b, "SSH-"):
		return "ssh"
	case has(b, "RFB "):
		return "vnc"
	case has(b, "+OK"):
		return "pop3"
	case has(b, "* OK"):
		return "imap"
	case has(b, "220") && (contains(b, "SMTP") || contains(b, "smtp")):
		return "smtp"
	case has(b, "220") && (contains(b, "FTP") || contains(b, "ftp")):
		return "ftp"
	case isMySQLGreeting(b):
		return "mysql"
	}
	return ""
}
