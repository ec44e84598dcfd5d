package protocol

import (
	"bytes"
	"encoding/binary"
)

// Protocols of datagrams; DNS is one of both.

// isDTLS: a ClientHello (RFC 6347 §4.1, RFC 9147 §4).
func isDTLS(b []byte) bool {
	return len(b) >= 14 && b[1] == 0xfe && (b[2] == 0xff || b[2] == 0xfd || b[2] == 0xfc) && b[13] == 1 && be16(b[11:]) >= 12
}

// isQUIC: a packet with a long header of a known version (RFC 9000 §17.2, RFC 9369, the late drafts), or of one that forces
// negotiation. The length within must fit.
func isQUIC(b []byte) bool {
	if len(b) < 32 || b[0]&0xc0 != 0xc0 {
		return false
	}
	c := cursor{b: b[1:]}
	version := c.u32()
	to := c.u8()
	c.take(to)
	from := c.u8()
	c.take(from)
	if c.short || to > 20 || from > 20 || to+from == 0 {
		return false
	}
	switch {
	case version == 1, version == 0x6b3343cf, version >= 0xff000010 && version <= 0xff000022:
		if kind := b[0] >> 4 & 3; kind == 0 && version != 0x6b3343cf || kind == 1 && version == 0x6b3343cf { // Initial: a token first
			c.take(quicNumber(&c))
		}
		size := quicNumber(&c)
		return !c.short && size >= 16 && size <= len(c.b)
	case version&0x0f0f0f0f == 0x0a0a0a0a:
		return to >= 8
	}
	return version>>16 == 'Q'<<8|'0' && isDigit(byte(version>>8)) && isDigit(byte(version)) // Google's own
}

// quicNumber: RFC 9000 §16: the two high bits say how many bytes it has.
func quicNumber(c *cursor) int {
	n := c.u8()
	size := 1<<(n>>6) - 1
	return (n&0x3f)<<(8*size) | c.number(size)
}

// isIKE: an ISAKMP header (RFC 7296 §3.1, RFC 2408 §3.1), on port 4500 behind four zero bytes.
func isIKE(b []byte) bool { return len(ikeHeader(b)) > 0 }

// ikeHeader is the message from its header on, or nil.
func ikeHeader(b []byte) []byte {
	if len(b) >= 32 && zero(b[:4]) {
		b = b[4:]
	}
	if len(b) < 28 || zero(b[:8]) {
		return nil
	}
	version, exchange, size := b[17], b[18], binary.BigEndian.Uint32(b[24:])
	fits := version>>4 == 1 && (exchange <= 6 || exchange == 32 || exchange == 33) || version>>4 == 2 && exchange >= 34 && exchange <= 44
	if !fits || version&0x0f > 1 || size < 28 || int64(size) != int64(len(b)) && len(b) != maxLooked {
		return nil
	}
	return b
}

// isBACnet: BACnet/IP (ASHRAE 135 annex J): BVLL type 0x81, its function, its own length; what it carries has version 1, and
// then a byte too many is forgiven, since a known probe has one.
func isBACnet(b []byte) bool {
	if len(b) < 4 || b[1] > 0x0c {
		return false
	}
	switch size := be16(b[2:]); b[1] {
	case 0x09, 0x0a, 0x0b:
		return len(b) >= 6 && b[4] == 1 && (size == len(b) || size == len(b)-1)
	default:
		return size == len(b)
	}
}

// dnsMessage is a message (RFC 1035 §4.1), without the length that TCP has before it; nil where b is none. Answers are messages,
// too: who is sent one that was not asked for sees a reflection.
func dnsMessage(b []byte) []byte {
	if len(b) > 14 && be16(b) >= 17 && dnsQuestions(b[2:]) {
		return b[2:]
	}
	if dnsQuestions(b) {
		return b
	}
	return nil
}

// isDNS reports a DNS message, but not one of NetBIOS, which has the same form.
func isDNS(b []byte) bool { return dnsMessage(b) != nil && !isNetBIOS(b) }

// dnsQuestions checks the header and all questions.
func dnsQuestions(b []byte) bool {
	c := cursor{b: b}
	c.u16()
	flags, questions, answers, authority, additional := c.u16(), c.u16(), c.u16(), c.u16(), c.u16()
	if c.short || flags>>11&15 > 6 || flags&0x40 != 0 || flags&0x8000 == 0 && flags&15 != 0 {
		return false
	}
	if questions < 1 || questions > 16 || answers > 64 || authority > 64 || additional > 64 {
		return false
	}
	for range questions {
		if !dnsQuestion(&c) {
			return false
		}
	}
	return true
}

// dnsQuestion reads a name, a type and a class, which must be one that is in use.
func dnsQuestion(c *cursor) bool {
	total := 0
	for {
		n := c.u8()
		if c.short || n > 63 {
			return false
		}
		if n == 0 {
			break
		}
		if total += n + 1; total > 255 {
			return false
		}
		c.take(n)
	}
	kind, class := c.u16(), c.u16()&0x7fff // the high bit asks mDNS to answer to one
	return !c.short && kind > 0 && (class >= 1 && class <= 4 || class == 254 || class == 255)
}

// isNetBIOS: the name service (RFC 1002 §4.2): DNS's form, a name of 32 letters from A to P, type NB or NBSTAT.
func isNetBIOS(b []byte) bool {
	if len(b) < 50 || b[12] != 32 || be16(b[4:]) != 1 || !all(b[13:45], func(c byte) bool { return c >= 'A' && c <= 'P' }) || b[45] != 0 {
		return false
	}
	kind := be16(b[46:])
	return (kind == 0x20 || kind == 0x21) && be16(b[48:]) == 1
}

// isNTP: a packet of time (RFC 5905 §7.3; SNTP of RFC 4330) whose root is at most some seconds away, or a control (mode 6, RFC
// 9327) or private (mode 7) message.
func isNTP(b []byte) bool {
	version, mode := b[0]>>3&7, b[0]&7
	if version < 1 || version > 4 {
		return false
	}
	switch mode {
	case 1, 2, 3, 4, 5:
		return isNTPTime(b)
	case 6:
		return isNTPControl(b)
	case 7:
		return isNTPPrivate(b)
	}
	return false
}

// isNTPTime: a stratum of at most 16, a precision of a fraction of a second, a root at most 16 s away, no time before 1968;
// alone or with a key's digest or extensions behind it.
func isNTPTime(b []byte) bool {
	if len(b) < 48 {
		return false
	}
	stratum, poll, precision := b[1], int8(b[2]), int8(b[3])
	if stratum > 16 || poll < -8 || poll > 17 || precision > 0 || precision < -40 || b[8] != 0 || b[9] > 32 ||
		!(b[4] == 0 && b[5] <= 16 || b[4] == 0xff && b[5] == 0xff) {
		return false
	}
	for at := 16; at < 40; at += 8 {
		if b[at]&0x80 == 0 && !zero(b[at:at+8]) {
			return false
		}
	}
	if b[0]&7 != 3 && b[40]&0x80 == 0 { // All but a client say what time it is.
		return false
	}
	switch len(b) {
	case 48, 52, 60, 68, 72:
		return true
	}
	return len(b) >= 64 && len(b)%4 == 0 && be16(b[50:]) >= 16 && be16(b[50:])%4 == 0 && be16(b[50:]) <= len(b)-48
}

// isNTPControl: RFC 9327 §2: a request of a known opcode, and as much data as the header counts; a key's digest may follow.
func isNTPControl(b []byte) bool {
	if len(b) < 12 || b[0]>>6 != 0 || b[0]>>3&7 < 2 || b[1]&0xe0 != 0 || be16(b[4:]) != 0 || be16(b[8:]) != 0 {
		return false
	}
	opcode, end := b[1]&31, (12+be16(b[10:])+3)&^3
	return (opcode >= 1 && opcode <= 10 || opcode == 12 || opcode == 31) && (len(b) == end || len(b) == end+20 || len(b) == end+24)
}

// isNTPPrivate: ntpd's ntp_request.h: a request of one of its two implementations, and items of the size that the header counts, or nothing
// but zeros.
func isNTPPrivate(b []byte) bool {
	if len(b) < 8 || b[0]&0xc0 != 0 || b[0]>>3&7 < 2 || b[1]&0x7f != 0 || b[2] != 2 && b[2] != 3 || b[3] > 45 {
		return false
	}
	items, size := be16(b[4:]), be16(b[6:])
	if items == 0 {
		return size>>12 == 0 && (zero(b[8:]) || b[1] != 0)
	}
	return items>>12 == 0 && size>>12 == 0 && size > 0 && items*size <= len(b)-8
}

// isTFTP: a read or write request (RFC 1350 §5) with a mode.
func isTFTP(b []byte) bool {
	c := cursor{b: b}
	code, name, mode := c.u16(), c.text(), c.text()
	return (code == 1 || code == 2) && !c.short && len(name) > 0 && all(name, isPrintable) &&
		(bytes.EqualFold(mode, []byte("octet")) || bytes.EqualFold(mode, []byte("netascii")))
}

// coapOption is one option of a request: its number and value.
type coapOption struct {
	number int
	value  []byte
}

// coapRequest reads a request (RFC 7252 §3): version 1, confirmable or not, a method, a token, options in their order, and a
// payload behind a mark. At most 16 options.
func coapRequest(b []byte) (method byte, options [16]coapOption, n int, ok bool) {
	if len(b) < 4 || b[0]>>6 != 1 || b[0]>>4&3 > 1 || b[0]&15 > 8 || b[1] < 1 || b[1] > 7 {
		return 0, options, 0, false
	}
	c := cursor{b: b[4:]}
	c.take(int(b[0] & 15))
	number := 0
	for len(c.b) > 0 && !c.short && n < len(options) {
		head := c.u8()
		if head == 0xff {
			return b[1], options, n, n > 0 && len(c.b) > 0 && b[1] != 1 && b[1] != 4
		}
		delta, size := coapNumber(&c, head>>4), coapNumber(&c, head&15)
		number += delta
		if number == 0 || number > 65000 {
			return 0, options, 0, false
		}
		options[n] = coapOption{number, c.take(size)}
		n++
	}
	return b[1], options, n, n > 0 && !c.short && len(c.b) == 0
}

// coapNumber: RFC 7252 §3.1: 13 and 14 say that one or two bytes follow; 15 is for the mark.
func coapNumber(c *cursor, nibble int) int {
	switch nibble {
	case 13:
		return 13 + c.u8()
	case 14:
		return 269 + c.u16()
	case 15:
		c.short = true
	}
	return nibble
}

// coapLength is the longest value of each option that is registered for requests (RFC 7252 §5.10, RFC 7641, RFC 7959); those of
// 255 and more are text.
var coapLength = map[int]int{1: 8, 3: 255, 4: 8, 5: 0, 6: 3, 7: 2, 11: 255, 12: 2, 14: 4, 15: 255, 17: 2, 23: 3, 27: 3, 28: 4, 35: 1034, 39: 255, 60: 4}

// isCoAP: a request whose options are registered, of the right length, and text where they must be.
func isCoAP(b []byte) bool {
	_, options, n, ok := coapRequest(b)
	if !ok {
		return false
	}
	for _, o := range options[:n] {
		most, known := coapLength[o.number]
		if !known || len(o.value) > most || most >= 255 && !all(o.value, isPrintable) {
			return false
		}
	}
	return true
}
