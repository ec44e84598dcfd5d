package payload

import (
	"bytes"
	"encoding/binary"
)

func be16(b []byte) int { return int(binary.BigEndian.Uint16(b)) }

// isTLS: a record with a ClientHello (RFC 8446 §5.1), or SSL 2's hello (RFC 5246 appendix E.2).
func isTLS(b []byte) bool {
	if len(b) >= 6 && b[0] == 22 && b[1] == 3 && b[2] <= 4 {
		return b[5] == 1
	}
	return len(b) >= 11 && b[0]&0x80 != 0 && b[2] == 1 && (b[3] == 3 || b[3] == 0 && b[4] == 2) && be16(b[5:])%3 == 0 && be16(b[5:]) > 0 &&
		be16(b[:2])&0x7fff >= 9
}

// isAMQP: AMQP 0-9-1 §4.2.2, 1.0 §2.2.
func isAMQP(b []byte) bool { return has(b, "AMQP") && len(b) >= 7 }

// isSMB: NetBIOS session with SMB 1, 2 or a transform header ([MS-SMB2] §2.2), or a NetBIOS session request.
func isSMB(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	if b[0] == 0x81 && b[1] == 0 && be16(b[2:]) == 68 {
		return true
	}
	return b[0] == 0 && (bytes.Equal(b[4:8], []byte("\xffSMB")) || bytes.Equal(b[4:8], []byte("\xfeSMB")) || bytes.Equal(b[4:8], []byte("\xfdSMB")))
}

// isTelnet: a negotiation (RFC 854): IAC and a command from SE to DONT.
func isTelnet(b []byte) bool { return len(b) >= 3 && b[0] == 0xff && b[1] >= 0xf0 && b[1] != 0xff }

// isTN3270: a telnet negotiation that names an IBM terminal (RFC 1576, RFC 2355).
func isTN3270(b []byte) bool { return isTelnet(b) && contains(b, "IBM-3") }

// isRDP: TPKT with an X.224 connection request ([MS-RDPBCGR] §2.2.1.1); on UDP the SYN of [MS-RDPEUDP] §2.2.2.
func isRDP(b []byte) bool {
	if len(b) >= 7 && b[0] == 3 && b[1] == 0 {
		return b[5] == 0xe0 && int(b[4])+5 <= max(be16(b[2:]), 7)+5
	}
	return len(b) >= 64 && bytes.HasPrefix(b, []byte{0xff, 0xff, 0xff, 0xff}) && len(b) > 7 && b[7]&1 == 1 && b[6]&0xf0 <= 0x10
}

// isPostgreSQL: startup, SSL, GSS or cancel request (PostgreSQL documentation, "Message Formats").
func isPostgreSQL(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	size, code := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	switch code {
	case 80877103, 80877104:
		return size == 8
	case 80877102:
		return size == 16
	case 196608, 196610:
		return size >= 8 && size <= 10000
	}
	return code>>16 == 2 && size == 296
}

// isMQTT: CONNECT (MQTT 3.1.1 §3.1, 5.0 §3.1).
func isMQTT(b []byte) bool {
	if len(b) < 10 || b[0] != 0x10 {
		return false
	}
	head := b[:min(len(b), 16)]
	return bytes.Contains(head, []byte("\x00\x04MQTT")) || bytes.Contains(head, []byte("\x00\x06MQIsdp"))
}

// isMongoDB: a message header with a known opcode (MongoDB Wire Protocol).
func isMongoDB(b []byte) bool {
	if len(b) < 16 {
		return false
	}
	size := binary.LittleEndian.Uint32(b)
	switch binary.LittleEndian.Uint32(b[12:]) {
	case 2004, 2010, 2012, 2013:
		return size >= 16 && size <= 48000000
	}
	return false
}

func isJDWP(b []byte) bool    { return has(b, "JDWP-Handshake") }
func isJavaRMI(b []byte) bool { return has(b, "JRMI\x00") }

// isADB: Android's adb protocol.txt: command, and the command again with every bit turned.
func isADB(b []byte) bool {
	return len(b) >= 24 && (has(b, "CNXN") || has(b, "STLS") || has(b, "OPEN")) &&
		binary.LittleEndian.Uint32(b)^0xffffffff == binary.LittleEndian.Uint32(b[20:])
}

// isX11: the connection setup of protocol 11.
func isX11(b []byte) bool {
	return len(b) >= 12 && (has(b, "l\x00\x0b\x00\x00\x00") || has(b, "B\x00\x00\x0b\x00\x00"))
}

// isMinecraft: a handshake to status or login (length, id 0, version, name, port, next state), or the old ping.
func isMinecraft(b []byte) bool {
	if len(b) >= 2 && b[0] == 0xfe && b[1] == 1 {
		return len(b) == 2 || b[2] == 0xfa
	}
	if len(b) < 7 || b[0] < 6 || int(b[0])+1 > len(b) || b[1] != 0 {
		return false
	}
	packet := b[2 : int(b[0])+1]
	for len(packet) > 0 && packet[0]&0x80 != 0 {
		packet = packet[1:]
	}
	return len(packet) > 4 && int(packet[1])+5 == len(packet) && (packet[len(packet)-1] == 1 || packet[len(packet)-1] == 2)
}

// tlv reads the head of a BER element: its tag, the length of its content and where that begins.
func tlv(b []byte) (tag byte, size, at int, ok bool) {
	if len(b) < 2 {
		return 0, 0, 0, false
	}
	if b[1] < 0x80 {
		return b[0], int(b[1]), 2, true
	}
	n := int(b[1] & 0x7f)
	if n < 1 || n > 4 || len(b) < 2+n {
		return 0, 0, 0, false
	}
	for _, c := range b[2 : 2+n] {
		size = size<<8 | int(c)
	}
	return b[0], size, 2 + n, true
}

// isLDAP: a message (RFC 4511 §4.1.1): SEQUENCE, message id, operation of the application class.
func isLDAP(b []byte) bool {
	tag, _, at, ok := tlv(b)
	if !ok || tag != 0x30 {
		return false
	}
	tag, size, inner, ok := tlv(b[at:])
	if !ok || tag != 2 || size < 1 || size > 4 || len(b) < at+inner+size+1 {
		return false
	}
	op := b[at+inner+size]
	return op&0xc0 == 0x40 && op&0x1f <= 25
}

// isSNMP: a message (RFC 3416, RFC 3412): SEQUENCE, version 0, 1 or 3.
func isSNMP(b []byte) bool {
	tag, _, at, ok := tlv(b)
	if !ok || tag != 0x30 || len(b) < at+5 {
		return false
	}
	version := b[at+2]
	if b[at] != 2 || b[at+1] != 1 {
		return false
	}
	return version == 3 && b[at+3] == 0x30 || version <= 1 && b[at+3] == 4
}

// isKerberos: AS-REQ or TGS-REQ (RFC 4120 §5.4.1), on TCP behind four bytes of length.
func isKerberos(b []byte) bool {
	if len(b) > 8 && b[0] == 0 && b[1] == 0 && be16(b[2:]) > 20 {
		b = b[4:]
	}
	tag, _, at, ok := tlv(b)
	return ok && (tag == 0x6a || tag == 0x6c) && len(b) > at && b[at] == 0x30
}

// isDTLS: a handshake record (RFC 6347 §4.1).
func isDTLS(b []byte) bool {
	return len(b) >= 14 && b[0] == 22 && b[1] == 0xfe && (b[2] == 0xff || b[2] == 0xfd || b[2] == 0xfc) && b[13] == 1
}

// isQUIC: a packet with a long header of a known version (RFC 9000 §17.2, RFC 9369), or one that forces negotiation.
func isQUIC(b []byte) bool {
	if len(b) < 20 || b[0]&0xc0 != 0xc0 || b[5] > 20 {
		return false
	}
	v := binary.BigEndian.Uint32(b[1:])
	return v == 1 || v == 0x6b3343cf || v&0xffffff00 == 0xff000000 || v&0x0f0f0f0f == 0x0a0a0a0a || v>>24 == 'Q'
}

// isIKE: an ISAKMP header (RFC 7296 §3.1, RFC 2408 §3.1), on port 4500 behind four zero bytes.
func isIKE(b []byte) bool {
	if len(b) >= 32 && bytes.HasPrefix(b, []byte{0, 0, 0, 0}) {
		b = b[4:]
	}
	if len(b) < 28 || bytes.Equal(b[:8], make([]byte, 8)) {
		return false
	}
	version, size := b[17], binary.BigEndian.Uint32(b[24:])
	return (version == 0x10 || version == 0x20) && size >= 28 && int(size) == len(b)
}

// isBACnet: BACnet/IP (ASHRAE 135 annex J): BVLL type 0x81 with its own length.
func isBACnet(b []byte) bool {
	return len(b) >= 6 && b[0] == 0x81 && b[1] <= 0x0b && be16(b[2:]) == len(b)
}

// isDNS: a query (RFC 1035 §4.1), on TCP behind its length. The first question must be well formed.
func isDNS(b []byte) bool {
	if len(b) > 14 && be16(b) >= 12 && be16(b)+2 >= len(b) && be16(b)+2 < len(b)+4096 && query(b[2:]) {
		return true
	}
	return query(b)
}

func query(b []byte) bool {
	if len(b) < 17 || b[2]&0x80 != 0 || b[2]>>3&15 > 5 || b[3]&0x0f != 0 {
		return false
	}
	if n := be16(b[4:]); n < 1 || n > 4 || be16(b[6:]) > 100 || be16(b[8:]) > 100 || be16(b[10:]) > 100 {
		return false
	}
	rest := b[12:]
	for len(rest) > 0 && rest[0] != 0 {
		n := int(rest[0])
		if n > 63 || n+1 > len(rest) {
			return false
		}
		rest = rest[n+1:]
	}
	if len(rest) < 5 {
		return false
	}
	class := be16(rest[3:])
	return class >= 1 && class <= 4 || class == 255 || class == 254 || class == 0x8001
}

// isModbus: an MBAP header (Modbus Messaging on TCP/IP §3.1) whose length fits, with a known function.
func isModbus(b []byte) bool {
	if len(b) < 8 || be16(b[2:]) != 0 {
		return false
	}
	size := be16(b[4:])
	return size >= 2 && size <= 254 && len(b) >= 6+min(size, 2) && b[7] >= 1 && b[7] <= 0x2b && (len(b) == 6+size || len(b) > 6+size)
}

// isSOCKS: SOCKS4 (also 4a) CONNECT or BIND, or SOCKS5's greeting (RFC 1928 §3).
func isSOCKS(b []byte) bool {
	if b[0] == 4 {
		return len(b) >= 9 && (b[1] == 1 || b[1] == 2) && bytes.IndexByte(b[8:], 0) >= 0 && be16(b[2:]) != 0
	}
	return len(b) >= 3 && b[0] == 5 && b[1] >= 1 && b[1] <= 10 && len(b) == 2+int(b[1])
}

// isMySQL: a client's answer to a greeting that it did not wait for: sequence 1, protocol 4.1 or SSL.
func isMySQL(b []byte) bool {
	if len(b) < 36 || b[3] != 1 {
		return false
	}
	size := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	return size >= 32 && size <= len(b)-4+16384 && b[5]&2 != 0 && bytes.Equal(b[13:36], make([]byte, 23)) || size == len(b)-4 && b[3] == 1 && b[4]&0x85 == 0x85
}

// isMySQLGreeting: Protocol::Handshake: sequence 0, protocol version 10 and the server's version in digits.
func isMySQLGreeting(b []byte) bool {
	return len(b) > 10 && b[3] == 0 && b[4] == 10 && b[5] >= '0' && b[5] <= '9' && bytes.IndexByte(b[5:min(len(b), 80)], 0) > 0
}

// isNTP: a client's packet of 48 bytes or more (RFC 5905 §7.3), or a control or private message (modes 6 and 7).
func isNTP(b []byte) bool {
	version, mode := b[0]>>3&7, b[0]&7
	if version < 1 || version > 4 {
		return false
	}
	switch mode {
	case 1, 3:
		return len(b) >= 48
	case 6:
		return len(b) >= 12 && b[1]&0x1f <= 31 && len(b)%4 == 0
	case 7:
		return len(b) >= 8 && b[0]&0x80 == 0
	}
	return false
}

// isCoAP: a request (RFC 7252 §3): version 1, confirmable or not, code 0.01 to 0.07.
func isCoAP(b []byte) bool {
	return len(b) >= 4 && b[0]>>6 == 1 && b[0]>>4&3 <= 1 && b[0]&15 <= 8 && b[1] >= 1 && b[1] <= 7 && len(b) > 4
}
