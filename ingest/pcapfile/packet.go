package pcapfile

import (
	"encoding/binary"
	"net/netip"
	"time"

	"terroir"
	"terroir/fingerprint"
)

// TCP flags (RFC 9293, 3.1).
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	_
	flagACK
)

// packet is what the flows need to know of one packet. Its data is valid until the next packet is read.
type packet struct {
	time      time.Time
	transport terroir.Transport
	src, dst  netip.AddrPort
	// headers are those of the innermost packet, for a fingerprint.
	headers fingerprint.Packet

	flags    uint8
	seq, ack uint32
	// data is what was captured of the payload, size its length on the wire.
	data []byte
	size int

	icmpType, icmpCode uint8
}

func (p *packet) has(flag uint8) bool { return p.flags&flag != 0 }

// parseTransport reads what follows the IP headers. wire is its length according to IP. It returns "" or the reason
// for which the packet is skipped.
func (p *packet) parseTransport(proto uint8, b []byte, wire int) string {
	switch proto {
	case protoTCP:
		return p.parseTCP(b, wire)
	case protoUDP:
		return p.parseUDP(b, wire)
	case protoICMP, protoICMPv6:
		if len(b) < 8 {
			return "truncated"
		}
		p.transport, p.headers.TCP = terroir.ICMP, nil
		p.icmpType, p.icmpCode = b[0], b[1]
		p.data, p.size = b[8:], wire-8
		return ""
	}
	return reasonNumber("ip_proto_", int(proto))
}

func (p *packet) parseTCP(b []byte, wire int) string {
	if len(b) < 20 {
		return "truncated"
	}
	header := int(b[12]>>4) * 4
	if header < 20 || header > wire {
		return "malformed"
	}
	p.transport, p.headers.TCP = terroir.TCP, b
	p.setPorts(b)
	p.seq, p.ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	p.flags = b[13]
	p.data, p.size = b[min(header, len(b)):], wire-header
	return ""
}

func (p *packet) parseUDP(b []byte, wire int) string {
	if len(b) < 8 {
		return "truncated"
	}
	size := int(binary.BigEndian.Uint16(b[4:]))
	if size == 0 { // a jumbogram (RFC 2675) or an offloaded datagram: IP knows the length
		size = wire
	}
	if size < 8 || size > wire {
		return "malformed"
	}
	p.transport, p.headers.TCP = terroir.UDP, nil
	p.setPorts(b)
	p.data, p.size = b[8:min(size, len(b))], size-8
	return ""
}

func (p *packet) setPorts(b []byte) {
	p.src = netip.AddrPortFrom(p.src.Addr(), binary.BigEndian.Uint16(b))
	p.dst = netip.AddrPortFrom(p.dst.Addr(), binary.BigEndian.Uint16(b[2:]))
}

// echoRequest says whether the ICMP packet asks for an echo (RFC 792, RFC 4443).
func (p *packet) echoRequest() bool {
	if p.src.Addr().Is4() {
		return p.icmpType == 8
	}
	return p.icmpType == 128
}

// unreachable reads an ICMP "destination unreachable" and returns the transport and the ends of the packet that it
// answers, which is quoted in it. A message about fragmentation refuses nothing.
func (p *packet) unreachable() (t terroir.Transport, src, dst netip.AddrPort, ok bool) {
	var quoted packet
	v4 := p.src.Addr().Is4()
	if v4 && (p.icmpType != 3 || p.icmpCode == 4) || !v4 && p.icmpType != 1 {
		return 0, src, dst, false
	}
	proto, b, _, reason := quoted.parseIP(p.data)
	if reason != "" || len(b) < 4 || proto != protoTCP && proto != protoUDP {
		return 0, src, dst, false
	}
	quoted.setPorts(b)
	t = terroir.TCP
	if proto == protoUDP {
		t = terroir.UDP
	}
	return t, quoted.src, quoted.dst, quoted.src.Addr() == p.dst.Addr()
}

// sender is what a packet tells of who sent it.
type sender struct{ tool, signature string }

func senderOf(p *packet) sender {
	return sender{fingerprint.Tool(p.headers), fingerprint.Signature(p.headers)}
}
