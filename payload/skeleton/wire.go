package skeleton

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// tls writes a hello by the first part of its JA4 (https://github.com/FoxIO-LLC/ja4): version, whether a name is given, how
// many ciphers and extensions, ALPN. The hashes and the name are slots. A hello that is broken has its versions and bytes.
func (w *writer) tls(b []byte) bool {
	if rest, ok := bytes.CutPrefix(b, []byte("TLS ClientHello ")); ok {
		ja3, rest, _ := bytes.Cut(rest, []byte(" "))
		ja4, rest, _ := bytes.Cut(rest, []byte(" "))
		first, hashes, _ := bytes.Cut(ja4, []byte("_"))
		sni, alpn, _ := bytes.Cut(bytes.TrimPrefix(rest, []byte("SNI=")), []byte(" ALPN="))
		w.text(string(first) + " ")
		w.text(string(alpn) + " ")
		w.slot(Hex, ja3)
		w.slot(Hex, hashes)
		w.slot(Value, sni)
		return true
	}
	if len(b) < 11 || b[0] != 22 {
		return false
	}
	w.text("record")
	w.raw(b[1:3])
	w.slot(Number, b[3:5])
	w.text("handshake")
	w.raw(b[5:6])
	w.slot(Number, b[6:9])
	w.raw(b[9:11])
	w.general(b[11:])
	return true
}

// rdp writes a connection request ([MS-RDPBCGR] §2.2.1.1): whether it has a cookie, and what security it asks for.
func (w *writer) rdp(b []byte) bool {
	if len(b) < 11 || b[0] != 3 {
		return false
	}
	w.text("X.224 connection request ")
	rest := b[11:]
	if cookie, after, ok := bytes.Cut(rest, []byte("\r\n")); ok && printable(cookie) == len(cookie) {
		name, value, _ := bytes.Cut(cookie, []byte("="))
		w.text(string(name) + "=")
		w.slot(Value, value)
		rest = after
	}
	w.line()
	w.raw(rest)
	return true
}

// postgresql writes a startup message by the names of its parameters, other requests by what they are (PostgreSQL
// documentation, "Message Formats").
func (w *writer) postgresql(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	switch code := binary.BigEndian.Uint32(b[4:]); code {
	case 80877103:
		w.text("SSLRequest")
	case 80877104:
		w.text("GSSENCRequest")
	case 80877102:
		w.text("CancelRequest ")
		w.slot(Binary, b[8:])
	default:
		w.text("startup ")
		w.raw(b[4:8])
		fields := bytes.Split(bytes.TrimRight(b[8:], "\x00"), []byte{0})
		for i := 0; i < min(len(fields), maxHeaders); i += 2 {
			w.line()
			w.text(string(fields[i]) + " ")
			if i+1 < len(fields) {
				w.slot(kind(fields[i+1]), fields[i+1])
			}
		}
	}
	return true
}

// ssh writes the banner (RFC 4253 §4.2): the version of the protocol, and the software as a slot.
func (w *writer) ssh(b []byte) bool {
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	parts := strings.SplitN(string(line), "-", 3)
	if len(parts) < 3 {
		return false
	}
	w.text(parts[0] + "-" + parts[1] + "-")
	w.slot(Value, []byte(parts[2]))
	if len(rest) > 0 {
		w.line()
		w.general(rest)
	}
	return true
}

// mqtt writes a CONNECT (MQTT 3.1.1 §3.1): name, level and flags of the protocol; the client's name is a slot.
func (w *writer) mqtt(b []byte) bool {
	i := bytes.Index(b[:min(len(b), 16)], []byte("MQ"))
	if i < 2 {
		return false
	}
	n := int(b[i-1])
	if i+n+4 > len(b) {
		return false
	}
	w.text("CONNECT " + string(b[i:i+n]) + " ")
	w.raw(b[i+n : i+n+2])
	w.slot(Number, b[i+n+2:i+n+4])
	w.slot(Value, b[i+n+4:])
	return true
}

// amqp writes the header (AMQP 0-9-1 §4.2.2) with its version.
func (w *writer) amqp(b []byte) bool {
	head := b[:min(len(b), 8)]
	w.words(head[:min(len(head), 4)])
	w.raw(head[min(len(head), 4):])
	if len(b) > 8 {
		w.line()
		w.general(b[8:])
	}
	return true
}

// ldapOperations are the requests of RFC 4511 by their tags.
var ldapOperations = map[byte]string{0: "bind", 2: "unbind", 3: "search", 6: "modify", 8: "add", 10: "delete", 12: "modifyDN", 14: "compare", 16: "abandon", 23: "extended"}

// ldap writes the operation (RFC 4511 §4.1.1) and the texts in it.
func (w *writer) ldap(b []byte) bool {
	if len(b) < 7 || b[0] != 0x30 {
		return false
	}
	at := 2
	if b[1] > 0x80 {
		at += int(b[1] & 0x7f)
	}
	if at+2 > len(b) || b[at] != 2 || at+2+int(b[at+1]) >= len(b) {
		return false
	}
	at += 2 + int(b[at+1])
	name := ldapOperations[b[at]&0x1f]
	if name == "" {
		return false
	}
	w.text(name + " ")
	w.general(b[at+1:])
	return true
}

// maxLabels bounds the labels of a name.
const maxLabels = 32

// dns writes flags, counts and the first question (RFC 1035 §4.1); the id is left out.
func (w *writer) dns(b []byte) bool {
	if len(b) > 14 && int(binary.BigEndian.Uint16(b))+2 == len(b) {
		b = b[2:]
	}
	if len(b) < 17 {
		return false
	}
	w.text("query ")
	w.raw(b[2:4])
	w.text(" ")
	rest := b[12:]
	var name []string
	for len(rest) > 0 && rest[0] != 0 && len(name) < maxLabels {
		n := min(int(rest[0]), len(rest)-1)
		name = append(name, string(rest[1:1+n]))
		rest = rest[1+n:]
	}
	w.words([]byte(strings.Join(name, ".")))
	if len(rest) >= 5 {
		w.text(" type ")
		w.raw(rest[1:5])
		if len(rest) > 5 {
			w.text(" more ")
			w.raw(rest[5:min(len(rest), 5+maxRaw)])
		}
	}
	return true
}

// socks writes a request of SOCKS4 with its target as slots, or the greeting of SOCKS5 (RFC 1928 §3) with its methods.
func (w *writer) socks(b []byte) bool {
	switch {
	case len(b) >= 8 && b[0] == 4:
		w.text("SOCKS4 command")
		w.raw(b[1:2])
		w.slot(Number, b[2:4])
		w.slot(Address, b[4:8])
		w.slot(Value, b[8:])
	case len(b) >= 3 && b[0] == 5:
		w.text("SOCKS5 methods ")
		w.slot(Value, b[2:])
	default:
		return false
	}
	return true
}

var telnetCommands = map[byte]string{250: "SB", 251: "WILL", 252: "WONT", 253: "DO", 254: "DONT"}

// telnet writes the negotiation (RFC 854), options as slots, and the text after it.
func (w *writer) telnet(b []byte) bool {
	for len(b) >= 3 && b[0] == 255 && !w.full() {
		n := 3
		if b[1] == 250 {
			if i := bytes.Index(b, []byte{255, 240}); i > 0 {
				n = i + 2
			}
		}
		name, ok := telnetCommands[b[1]]
		if !ok {
			n, name = 2, "IAC"
		}
		w.text(name + " ")
		w.slot(Number, b[2:n])
		w.line()
		b = b[n:]
	}
	if len(b) > 0 {
		w.general(b)
	}
	return true
}

// smb writes the command of a message of SMB 1 ([MS-CIFS] §2.2.3.1) or 2 ([MS-SMB2] §2.2.1) and the texts in it, such as dialects.
func (w *writer) smb(b []byte) bool {
	if len(b) < 17 || string(b[5:8]) != "SMB" {
		return false
	}
	w.text("SMB")
	w.raw(b[4:5])
	w.text(" command ")
	if b[4] == 0xff {
		w.raw(b[8:9])
	} else {
		w.raw(b[16:17])
	}
	for rest := b[17:]; len(rest) > 0 && !w.full(); {
		n := printable(rest)
		if n >= 4 {
			w.line()
			w.words(rest[:n])
		}
		rest = rest[max(n, 1):]
	}
	return true
}
