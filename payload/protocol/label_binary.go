package protocol

import (
	"bytes"
	"fmt"
	"net/netip"
)

func labelTLS(b []byte) string {
	if isHello(b) || isSSL2(b) {
		return "ClientHello"
	}
	return map[byte]string{20: "ChangeCipherSpec", 21: "Alert", 22: "Handshake", 23: "ApplicationData"}[b[0]]
}

func labelQUIC(b []byte) string {
	c := cursor{b: b}
	kind, version := c.u8()>>4&3, c.u32()
	switch {
	case version == 1:
		return [...]string{"Initial", "0-RTT", "Handshake", "Retry"}[kind]
	case version == 0x6b3343cf:
		return [...]string{"Retry", "Initial", "0-RTT", "Handshake"}[kind]
	}
	return ""
}

func labelIKE(b []byte) string {
	h := ikeHeader(b)
	if h == nil {
		return ""
	}
	return map[byte]string{2: "Main Mode", 3: "Authentication Only", 4: "Aggressive Mode", 5: "Informational", 32: "Quick Mode", 34: "IKE_SA_INIT", 35: "IKE_AUTH",
		36: "CREATE_CHILD_SA", 37: "INFORMATIONAL"}[h[18]]
}

// labelRDP has the name of the user that the cookie gives.
func labelRDP(b []byte) string {
	if b[0] != 3 {
		return "UDP SYN"
	}
	head := b[:min(len(b), 256)]
	if i := bytes.Index(head, []byte("mstshash=")); i >= 0 {
		name, _, _ := bytes.Cut(head[i+len("mstshash="):], []byte("\r"))
		return "connection request, mstshash=" + string(bytes.TrimRight(name, " "))
	}
	return "connection request"
}

func labelLDAP(b []byte) string {
	tag, _ := ldapOperation(b)
	return ldapOperations[tag]
}

func labelKerberos(b []byte) string {
	return map[byte]string{0x6a: "AS-REQ", 0x6c: "TGS-REQ"}[kerberosTag(b)]
}

// labelSNMP: the PDU (RFC 3416 §3); that of version 3 may be encrypted.
func labelSNMP(b []byte) string {
	c := cursor{b: b}
	_, content, _ := c.element()
	c = cursor{b: content}
	_, version, _ := c.element()
	if len(version) == 1 && version[0] == 3 {
		return "SNMPv3"
	}
	c.element()
	return map[int]string{0xa0: "GetRequest", 0xa1: "GetNextRequest", 0xa2: "GetResponse", 0xa3: "SetRequest", 0xa4: "Trap", 0xa5: "GetBulkRequest", 0xa6: "InformRequest",
		0xa7: "SNMPv2-Trap"}[c.u8()]
}

func labelSMB(b []byte) string {
	c := cursor{b: b}
	if c.u8() == 0x81 {
		return "NetBIOS session request"
	}
	c.take(3)
	switch magic := string(c.take(4)); magic {
	case "\xffSMB":
		return map[int]string{0x72: "NEGOTIATE", 0x73: "SESSION_SETUP_ANDX", 0x75: "TREE_CONNECT_ANDX", 0x32: "TRANSACTION2", 0x25: "TRANSACTION"}[c.u8()]
	case "\xfeSMB":
		c.take(8)
		names := [...]string{"NEGOTIATE", "SESSION_SETUP", "LOGOFF", "TREE_CONNECT", "TREE_DISCONNECT", "CREATE", "CLOSE", "FLUSH", "READ", "WRITE"}
		code := c.u8() | c.u8()<<8
		if !c.short && code < len(names) {
			return names[code]
		}
	case "\xfdSMB":
		return "TRANSFORM"
	}
	return ""
}

func labelAMQP(b []byte) string {
	if !isAMQP(b) {
		return ""
	}
	if len(b) < 8 || b[4] == 1 && b[5] == 1 { // 0-9 and before: id, instance, major, minor
		return "protocol header"
	}
	return fmt.Sprintf("protocol header %d-%d-%d", b[5], b[6], b[7])
}

func labelSOCKS(b []byte) string {
	c := cursor{b: b}
	if c.u8() == 5 {
		c.take(c.u8())
		if len(c.b) < 4 || c.b[0] != 5 {
			return "SOCKS5 greeting"
		}
		return "SOCKS5 " + socksCommands[c.b[1]&3]
	}
	command, port, addr := c.u8(), c.u16(), c.take(4)
	c.text()
	if c.short {
		return ""
	}
	host := netip.AddrFrom4([4]byte(addr)).String()
	if zero(addr[:3]) && addr[3] != 0 {
		host = string(c.text())
	}
	return fmt.Sprintf("SOCKS4 %s %s:%d", socksCommands[command&3], host, port)
}

var socksCommands = [...]string{"", "CONNECT", "BIND", "UDP ASSOCIATE"}

var modbusFunctions = map[byte]string{1: "Read Coils", 2: "Read Discrete Inputs", 3: "Read Holding Registers", 4: "Read Input Registers", 5: "Write Single Coil",
	6: "Write Single Register", 7: "Read Exception Status", 8: "Diagnostics", 15: "Write Multiple Coils", 16: "Write Multiple Registers", 17: "Report Server ID",
	22: "Mask Write Register", 23: "Read/Write Multiple Registers", 43: "Read Device Identification"}

func labelModbus(b []byte) string {
	if len(b) < 8 {
		return ""
	}
	return modbusFunctions[b[7]]
}

func labelADB(b []byte) string { return string(b[:min(len(b), 4)]) }

func labelMinecraft(b []byte) string {
	if b[0] == 0xfe {
		return "legacy ping"
	}
	c := cursor{b: b}
	packet := c.take(c.varint(2))
	if len(packet) == 0 {
		return ""
	}
	return "handshake, " + map[byte]string{1: "status", 2: "login", 3: "transfer"}[packet[len(packet)-1]]
}

func labelJavaRMI(b []byte) string {
	if len(b) < 7 {
		return ""
	}
	return map[byte]string{'K': "StreamProtocol", 'L': "SingleOpProtocol", 'M': "MultiplexProtocol"}[b[6]]
}
