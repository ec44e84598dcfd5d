package protocol

// Protocols of ASN.1.

// ldapOperation is the application tag of the first message's operation, of those that clients send (RFC 4511 §4.2 to §4.14); ok
// says whether b begins with such a message.
func ldapOperation(b []byte) (tag byte, ok bool) {
	c := cursor{b: b}
	sequence, content, size := c.element()
	if c.short || sequence != 0x30 || size < 5 || size > 16<<20 {
		return 0, false
	}
	inner := cursor{b: content}
	kind, id, n := inner.element()
	if inner.short || kind != 2 || n < 1 || n > 4 || len(id) != n || id[0]&0x80 != 0 {
		return 0, false
	}
	tag = byte(inner.u8())
	if inner.short || ldapOperations[tag] == "" {
		return 0, false
	}
	return tag, true
}

// ldapOperations are RFC 4511's names of the requests.
var ldapOperations = [256]string{0x60: "bindRequest", 0x42: "unbindRequest", 0x63: "searchRequest", 0x66: "modifyRequest", 0x68: "addRequest",
	0x4a: "delRequest", 0x6c: "modDNRequest", 0x6e: "compareRequest", 0x50: "abandonRequest", 0x77: "extendedRequest"}

// isLDAP: RFC 4511 §4.1.1: SEQUENCE, message id, a request.
func isLDAP(b []byte) bool {
	_, ok := ldapOperation(b)
	return ok
}

// isSNMP: SEQUENCE, version, then the community (RFC 1157, RFC 1901) or the header of version 3 (RFC 3412 §6).
func isSNMP(b []byte) bool {
	c := cursor{b: b}
	sequence, content, size := c.element()
	if c.short || sequence != 0x30 || size < 10 || size > 64<<10 {
		return false
	}
	inner := cursor{b: content}
	kind, version, n := inner.element()
	if inner.short || kind != 2 || n != 1 || len(version) != 1 {
		return false
	}
	next, _, _ := inner.element()
	return !inner.short && (version[0] == 3 && next == 0x30 || version[0] <= 1 && next == 4)
}

// isKerberos: AS-REQ or TGS-REQ (RFC 4120 §5.4.1) of version 5, on TCP behind four bytes of length.
func isKerberos(b []byte) bool { return kerberosTag(b) != 0 }

func kerberosTag(b []byte) byte {
	if len(b) > 8 && be16(b) == 0 {
		b = b[4:]
	}
	c := cursor{b: b}
	tag, content, size := c.element()
	if c.short || tag != 0x6a && tag != 0x6c || size > 1<<20 {
		return 0
	}
	inner := cursor{b: content}
	sequence, content, _ := inner.element()
	if inner.short || sequence != 0x30 || !has(content, "\xa1\x03\x02\x01\x05") {
		return 0
	}
	return tag
}
