package protocol

import (
	"bytes"
	"fmt"
	"strings"
)

var dnsTypes = map[int]string{1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 11: "WKS", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 35: "NAPTR", 41: "OPT", 43: "DS",
	46: "RRSIG", 48: "DNSKEY", 64: "SVCB", 65: "HTTPS", 251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA"}

// labelDNS is the first question, as dig's user writes it; "response to" before that of an answer.
func labelDNS(b []byte) string {
	m := dnsMessage(b)
	if m == nil {
		return ""
	}
	c := cursor{b: m[2:]}
	flags := c.u16()
	c.take(8)
	var name []byte
	for n := c.u8(); n != 0 && !c.short; n = c.u8() {
		name = append(append(name, c.take(n)...), '.')
	}
	kind, class := c.u16(), c.u16()&0x7fff
	what := dnsTypes[kind]
	if what == "" {
		what = fmt.Sprintf("TYPE%d", kind)
	}
	if class == 3 {
		what = "CH " + what
	}
	if len(name) > 1 {
		name = bytes.TrimSuffix(name, []byte("."))
	} else {
		name = []byte(".")
	}
	switch opcode := flags >> 11 & 15; {
	case flags&0x8000 != 0:
		what = "response to " + what
	case opcode == 4:
		what = "NOTIFY " + what
	case opcode == 5:
		what = "UPDATE"
	}
	return what + " " + string(name)
}

// labelNetBIOS has the name that is asked for, decoded (RFC 1001 §14.1).
func labelNetBIOS(b []byte) string {
	if !isNetBIOS(b) {
		return ""
	}
	var name [16]byte
	for i := range name {
		name[i] = (b[13+2*i]-'A')<<4 | (b[14+2*i] - 'A')
	}
	kind := "NB"
	if be16(b[46:]) == 0x21 {
		kind = "NBSTAT"
	}
	return kind + " " + string(bytes.TrimRight(name[:15], " \x00"))
}

func labelNTP(b []byte) string {
	switch b[0] & 7 {
	case 1, 2:
		return "symmetric"
	case 3:
		return "client"
	case 4:
		return "server"
	case 5:
		return "broadcast"
	case 6:
		if len(b) > 1 && b[1]&31 == 2 {
			return "readvar"
		}
		return "control"
	case 7:
		if len(b) > 3 && (b[3] == 42 || b[3] == 20) {
			return "monlist"
		}
		return "private"
	}
	return ""
}

// labelCoAP is method and path, as for HTTP.
func labelCoAP(b []byte) string {
	method, options, n, ok := coapRequest(b)
	if !ok {
		return ""
	}
	var path strings.Builder
	for _, o := range options[:n] {
		if o.number == 11 {
			path.WriteByte('/')
			path.Write(o.value[:min(len(o.value), maxLabel)])
		}
	}
	return [...]string{"", "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"}[method] + " " + path.String()
}

// bacnetConfirmed are the confirmed services (ASHRAE 135 §21), of those that clients ask for first.
var bacnetConfirmed = map[byte]string{5: "SubscribeCOV", 12: "ReadProperty", 14: "ReadPropertyMultiple", 15: "WriteProperty", 26: "ReadRange"}

// labelBACnet: the service of the APDU where the NPDU before it is plain.
func labelBACnet(b []byte) string {
	if !isBACnet(b) {
		return ""
	}
	switch b[1] {
	case 0x02:
		return "Read-Broadcast-Distribution-Table"
	case 0x06:
		return "Read-Foreign-Device-Table"
	}
	c := cursor{b: b[4:]}
	c.u8()
	control := c.u8()
	if control&0x20 != 0 { // a destination: network, address, hop count
		c.take(2)
		c.take(c.u8())
		c.take(1)
	}
	if control&0x88 != 0 {
		return ""
	}
	switch kind := c.u8(); kind >> 4 {
	case 0:
		c.take(2)
		return bacnetConfirmed[byte(c.u8())]
	case 1:
		return map[int]string{0: "I-Am", 7: "Who-Has", 8: "Who-Is"}[c.u8()]
	}
	return ""
}

var rpcPrograms = map[int]string{100000: "portmapper", 100003: "nfs", 100005: "mountd", 100021: "nlockmgr", 100024: "status", 0x55555555: "wdbrpc"}

func labelSunRPC(b []byte) string {
	if !isRPCCall(b) {
		if len(b) < 4 || !isRPCCall(b[4:]) {
			return ""
		}
		b = b[4:]
	}
	c := cursor{b: b[12:]}
	program, version, procedure := c.u32(), c.u32(), c.u32()
	name := rpcPrograms[program]
	if name == "" {
		name = fmt.Sprint(program)
	}
	if c.short {
		return name
	}
	if program == 100000 && procedure < 5 {
		return name + " " + [...]string{"NULL", "SET", "UNSET", "GETPORT", "DUMP"}[procedure]
	}
	return fmt.Sprintf("%s version %d procedure %d", name, version, procedure)
}

func labelTFTP(b []byte) string {
	c := cursor{b: b}
	code, name := c.u16(), c.text()
	return map[int]string{1: "RRQ", 2: "WRQ"}[code] + " " + string(name[:min(len(name), maxLabel)])
}
