package protocol

import (
	"bytes"
	"encoding/binary"
)

// Protocols of bytes over TCP.

// isTLS: a record with a ClientHello (RFC 8446 §5.1), SSL 2's hello (RFC 5246 appendix E.2), or a stream that was joined later:
// records whose lengths lead exactly to the end.
func isTLS(b []byte) bool {
	if b[0] == 22 && isHello(b) {
		return true
	}
	return isTLSRecords(b) || isSSL2(b)
}

func isHello(b []byte) bool {
	if len(b) < 6 || b[1] != 3 || b[2] > 4 || b[5] != 1 || be16(b[3:]) < 4 || be16(b[3:]) > 16<<10+2048 {
		return false
	}
	return len(b) < 7 || b[6] == 0
}

func isTLSRecords(b []byte) bool {
	n := 0
	for ; len(b) >= 5 && b[0] >= 20 && b[0] <= 23 && b[1] == 3 && b[2] <= 4; n++ {
		size := be16(b[3:])
		if size < 1 || size > 16<<10+2048 || len(b) < 5+size {
			return false
		}
		b = b[5+size:]
	}
	return n > 0 && len(b) == 0
}

// isSSL2: length with the high bit set, CLIENT-HELLO, version, lengths of ciphers (3 each), session and challenge.
func isSSL2(b []byte) bool {
	if len(b) < 11 || b[0]&0x80 == 0 || b[2] != 1 || !(b[3] == 3 && b[4] <= 4 || b[3] == 0 && b[4] == 2) {
		return false
	}
	ciphers, session, challenge := be16(b[5:]), be16(b[7:]), be16(b[9:])
	return ciphers > 0 && ciphers%3 == 0 && (session == 0 || session == 16) && challenge >= 16 && challenge <= 32 &&
		be16(b)&0x7fff == 9+ciphers+session+challenge
}

// isAMQP: AMQP 0-9-1 §4.2.2, 1.0 §2.2.
func isAMQP(b []byte) bool {
	return len(b) >= 7 && has(b, "AMQP") && b[4] <= 3 && b[5] <= 10 && b[6] <= 10
}

// isSMB: NetBIOS session with SMB 1, 2 or a transform header ([MS-SMB2] §2.2), or a NetBIOS session request (RFC 1002 §4.3.2).
func isSMB(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	if b[0] == 0x81 {
		return b[1] == 0 && be16(b[2:]) == 68 && b[4] == 32
	}
	return be16(b) <= 1 && (has(b[4:], "\xffSMB") || has(b[4:], "\xfeSMB") || has(b[4:], "\xfdSMB"))
}

// telnetOption: of those assigned (https://www.iana.org/assignments/telnet-options), the ones in use.
func telnetOption(c byte) bool { return c <= 40 || c >= 42 && c <= 47 || c == 200 || c == 255 }

// isTelnet: negotiation first (RFC 854): IAC, a command, its option, and then text or more of it.
func isTelnet(b []byte) bool {
	if len(b) < 2 || b[1] < 0xf1 || b[1] == 0xff {
		return false
	}
	if b[1] < 0xfa { // a command without an option, such as IP or AYT
		return len(b) == 2 || b[2] == 0xff || b[2] == '\r'
	}
	if len(b) < 3 || !telnetOption(b[2]) {
		return false
	}
	return b[1] == 0xfa && contains(b, "\xff\xf0") || b[1] != 0xfa && (len(b) == 3 || b[3] == 0xff || isText(b[3:min(len(b), 32)]))
}

// isTN3270: a telnet negotiation that names an IBM terminal (RFC 1576) or the option TN3270E (RFC 2355).
func isTN3270(b []byte) bool {
	return isTelnet(b) && (contains(b, "IBM-3") || contains(b, "IBM-DYNAMIC") || contains(b, "\xff\xfb\x28") || contains(b, "\xff\xfd\x28"))
}

// isRDP: TPKT with an X.224 connection request ([MS-RDPBCGR] §2.2.1.1) that holds a cookie, a routing token, a negotiation or
// nothing (Siemens' S7 has parameters instead); on UDP the SYN of [MS-RDPEUDP] §2.2.2, and the probe of RDP's UDP that is all
// zero but for one byte.
func isRDP(b []byte) bool {
	switch b[0] {
	case 3:
		if len(b) < 7 || b[1] != 0 || b[5]&0xf0 != 0xe0 || be16(b[2:]) < 11 || be16(b[2:]) > 1024 || int(b[4]) < 6 || int(b[4])+5 > be16(b[2:]) {
			return false
		}
		if len(b) < 12 || be16(b[2:]) == 11 {
			return be16(b[2:]) == 11
		}
		rest := b[11:]
		return has(rest, "Cookie:") || has(rest, "mstshash=") || has(rest, "tsv:") || rest[0] == 1 && (len(rest) < 3 || rest[2] == 8)
	case 0xff:
		return len(b) >= 64 && has(b, "\xff\xff\xff\xff") && b[7]&1 == 1 && b[6]&0xe0 == 0 && (len(b) < 16 || be16(b[12:]) >= 1132 && be16(b[12:]) <= 1232)
	}
	return len(b) >= 16 && len(b) <= 18 && zero(b[:7]) && b[7] == 0xff && zero(b[8:16])
}

// isPostgreSQL: startup, SSL, GSS or cancel request (PostgreSQL documentation, "Message Formats").
func isPostgreSQL(b []byte) bool {
	c := cursor{b: b}
	size, code := c.u32(), c.u32()
	if c.short {
		return false
	}
	switch code {
	case 80877103, 80877104:
		return size == 8
	case 80877102:
		return size == 16
	case 196608, 196610:
		return size >= 9 && size <= 10000 && (len(c.b) == 0 || isLetter(c.b[0]) || c.b[0] == '_' || c.b[0] == 0 && size == 9)
	}
	return code>>16 == 2 && size == 296
}

// isMQTT: CONNECT (MQTT 3.1.1 §3.1, 5.0 §3.1).
func isMQTT(b []byte) bool {
	c := cursor{b: b[1:]}
	size := c.varint(4)
	name := c.take(c.u16())
	level := c.u8()
	return !c.short && size >= 10 && (string(name) == "MQTT" && (level == 4 || level == 5 || level == 0x84) ||
		string(name) == "MQIsdp" && (level == 3 || level == 0x83))
}

// bitcoinMagics are those of the main network, testnet 3, regtest and signet
// (https://developer.bitcoin.org/reference/p2p_networking.html).
var bitcoinMagics = [...]string{"\xf9\xbe\xb4\xd9", "\x0b\x11\x09\x07", "\xfa\xbf\xb5\xda", "\x0a\x03\xcf\x40"}

// isBitcoin: a message of the peers' protocol: magic, command in letters, length.
func isBitcoin(b []byte) bool {
	for _, magic := range bitcoinMagics {
		if has(b, magic) {
			c := cursor{b: b[4:]}
			command := bytes.TrimRight(c.take(12), "\x00")
			return c.le32() <= 4<<20 && !c.short && len(command) > 2 && all(command, func(c byte) bool { return c >= 'a' && c <= 'z' || isDigit(c) })
		}
	}
	return false
}

// isMongoDB: a client's message with a known opcode (MongoDB Wire Protocol).
func isMongoDB(b []byte) bool {
	c := cursor{b: b}
	size, _, answers, code := c.le32(), c.le32(), c.le32(), c.le32()
	if c.short || size < 21 || size > 48000000 || answers != 0 {
		return false
	}
	flags := c.le32()
	switch code {
	case 2004: // OP_QUERY: the collection's name follows.
		name := c.text()
		return flags < 256 && len(name) > 2 && len(name) <= 120 && bytes.IndexByte(name, '.') > 0 && all(name, isPrintable)
	case 2012: // OP_COMPRESSED: the opcode within.
		return flags == 2004 || flags == 2013
	case 2013: // OP_MSG
		return flags&^0x10003 == 0 && c.u8() <= 1
	case 2010: // OP_COMMAND: the database follows.
		return flags&0xff > ' ' && flags&0xff < 0x7f
	}
	return false
}

// isJDWP: Java Debug Wire Protocol, "Handshake".
func isJDWP(b []byte) bool { return has(b, "JDWP-Handshake") }

// isJavaRMI: Java RMI specification §10.2: magic, version, protocol (stream, single operation or multiplex).
func isJavaRMI(b []byte) bool {
	return has(b, "JRMI\x00") && (len(b) < 7 || (b[5] == 1 || b[5] == 2) && b[6] >= 'K' && b[6] <= 'M')
}

// isADB: Android's adb protocol.txt: command, and the command again with every bit turned.
func isADB(b []byte) bool {
	return len(b) >= 24 && (has(b, "CNXN") || has(b, "STLS") || has(b, "OPEN") || has(b, "AUTH") || has(b, "SYNC")) &&
		binary.LittleEndian.Uint32(b)^0xffffffff == binary.LittleEndian.Uint32(b[20:])
}

// isX11: the connection setup of protocol 11: byte order, version, the lengths of the authorization's name and data.
func isX11(b []byte) bool {
	if len(b) < 12 {
		return false
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if b[0] == 'B' {
		order = binary.BigEndian
	}
	return b[1] == 0 && order.Uint16(b[2:]) == 11 && order.Uint16(b[4:]) == 0 && order.Uint16(b[6:]) <= 64 && order.Uint16(b[8:]) <= 512
}

// isMinecraft: a handshake (https://minecraft.wiki/w/Java_Edition_protocol): length, id 0, version, name, port, next state; or the
// old ping.
func isMinecraft(b []byte) bool {
	if len(b) >= 2 && b[0] == 0xfe && b[1] == 1 {
		return len(b) == 2 || b[2] == 0xfa
	}
	c := cursor{b: b}
	size := c.varint(2)
	packet := cursor{b: c.take(size)}
	if c.short || size < 7 || packet.u8() != 0 {
		return false
	}
	packet.varint(5)
	name := packet.take(packet.varint(2))
	packet.u16()
	state := packet.varint(1)
	name, _, _ = bytes.Cut(name, []byte{0}) // Forge adds a mark behind a zero.
	return !packet.short && len(packet.b) == 0 && state >= 1 && state <= 3 && all(name, isPrintable) && (len(name) > 0 || has(c.b, "\x01\x00"))
}

// isModbus: MBAP headers (Modbus Messaging on TCP/IP §3.1), each with a request of the specification behind it (Modbus Application
// Protocol §6); the last may be cut off.
func isModbus(b []byte) bool {
	for n := 0; n < 16; n++ {
		if len(b) < 8 {
			return n > 0
		}
		size := be16(b[4:])
		if be16(b[2:]) != 0 || size < 2 || size > 254 {
			return false
		}
		if len(b) < 6+size {
			return n > 0
		}
		if !isModbusRequest(b[7], b[8:6+size]) {
			return false
		}
		b = b[6+size:]
	}
	return true
}

// isModbusRequest reports whether the data may stand behind the function.
func isModbusRequest(function byte, data []byte) bool {
	quantity := 0
	if len(data) >= 4 {
		quantity = be16(data[2:])
	}
	switch function {
	case 1, 2:
		return len(data) == 4 && quantity <= 2000
	case 3, 4:
		return len(data) == 4 && quantity <= 125
	case 5, 6, 8:
		return len(data) == 4
	case 7, 11, 12, 17:
		return len(data) == 0
	case 15, 16:
		return len(data) >= 6 && int(data[4]) == len(data)-5
	case 20, 21:
		return len(data) >= 8 && int(data[0]) == len(data)-1
	case 22:
		return len(data) == 6
	case 23:
		return len(data) >= 11 && int(data[8]) == len(data)-9
	case 24:
		return len(data) == 2
	case 43:
		return len(data) == 3 && data[0] == 14
	}
	return function == 90 && len(data) >= 1 && len(data) <= 4 // Schneider's Unity
}

// isSOCKS: SOCKS 4 and 4a: CONNECT or BIND with a name of printable bytes; SOCKS 5's greeting (RFC 1928 §3), alone or with the
// request or the password (RFC 1929) right behind it.
func isSOCKS(b []byte) bool {
	if b[0] == 4 {
		c := cursor{b: b[1:]}
		command, port, addr := c.u8(), c.u16(), c.take(4)
		user := c.text()
		if c.short || command < 1 || command > 2 || port == 0 || len(user) > 64 || !all(user, isPrintable) {
			return false
		}
		if zero(addr[:3]) && addr[3] != 0 {
			host := c.text()
			return !c.short && len(host) > 0 && all(host, isPrintable)
		}
		return !zero(addr)
	}
	c := cursor{b: b[1:]}
	n := c.u8()
	methods := c.take(n)
	if c.short || n < 1 || n > 10 || !all(methods, func(m byte) bool { return m <= 9 || m >= 0x80 && m < 0xff }) {
		return false
	}
	return len(c.b) == 0 || len(c.b) >= 4 && c.b[0] == 5 && c.b[1] >= 1 && c.b[1] <= 3 && c.b[2] == 0 || len(c.b) >= 5 && c.b[0] == 1
}

// isMySQL: a client's answer to the server's greeting: sequence 1, protocol 4.1 (MySQL's "HandshakeResponse41" and "SSLRequest"): the
// reserved bytes are 0; MariaDB keeps the last four for itself.
func isMySQL(b []byte) bool {
	if len(b) < 36 || b[3] != 1 {
		return false
	}
	size := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	return size >= 32 && size <= 1<<16 && b[5]&2 != 0 && zero(b[13:32]) && (len(b) == 36 || size == 32 || size <= len(b)-4 || len(b) == maxLooked)
}

// isMySQLGreeting: Protocol::Handshake: sequence 0, protocol version 10 and the server's version in digits.
func isMySQLGreeting(b []byte) bool {
	return len(b) > 10 && b[3] == 0 && b[4] == 10 && isDigit(b[5]) && bytes.IndexByte(b[5:min(len(b), 80)], 0) > 0
}

// isSunRPC: a call (RFC 5531 §9) of RPC version 2, on TCP behind a record mark (§11): program, version and procedure small.
func isSunRPC(b []byte) bool {
	if len(b) >= 20 && b[0] == 0x80 && int(binary.BigEndian.Uint32(b))&0x7fffffff <= 1<<16 && isRPCCall(b[4:]) {
		return true
	}
	return isRPCCall(b)
}

func isRPCCall(b []byte) bool {
	c := cursor{b: b}
	c.u32()
	kind, version, program := c.u32(), c.u32(), c.u32()
	if c.short || kind != 0 || version != 2 || (program < 100000 || program > 400000) && program != 0x55555555 { // VxWorks' debugger
		return false
	}
	return c.u32() <= 16 && c.u32() <= 64
}
