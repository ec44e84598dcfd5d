package pcapfile

import (
	"encoding/binary"
	"net/netip"
)

// Protocol numbers of IP (IANA "Protocol Numbers").
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoIPIP     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoAH       = 51
	protoICMPv6   = 58
	protoDestOpts = 60
)

const (
	// maxTunnels bounds how many packets may stand within each other.
	maxTunnels = 4
	// maxExtensions bounds the extension headers of one IPv6 packet.
	maxExtensions = 16
)

// decodeIP reads an IP packet, through tunnels to the innermost one. It returns "" or the reason to skip the packet.
func (d *decoder) decodeIP(b []byte, depth int) string {
	if depth > maxTunnels {
		return "tunnel_depth"
	}
	proto, body, wire, reason := d.parseIP(b)
	if reason != "" {
		return reason
	}
	switch proto {
	case protoIPIP, protoIPv6:
		return d.decodeIP(body, depth+1)
	case protoGRE:
		return d.decodeGRE(body, depth)
	}
	if reason = d.parseTransport(proto, body, wire); reason == "" && d.tunnels && proto == protoUDP {
		return d.decodeUDPTunnel(depth)
	}
	return reason
}

// parseIP reads the IP headers at the beginning of b, sets the packet's addresses and returns the protocol and bytes
// that follow, with their length on the wire.
func (p *packet) parseIP(b []byte) (proto uint8, body []byte, wire int, reason string) {
	if len(b) < 1 {
		return 0, nil, 0, "truncated"
	}
	switch b[0] >> 4 {
	case 4:
		return p.parseIPv4(b)
	case 6:
		return p.parseIPv6(b)
	}
	return 0, nil, 0, "not_ip"
}

// parseIPv4 follows RFC 791.
func (p *packet) parseIPv4(b []byte) (proto uint8, body []byte, wire int, reason string) {
	if len(b) < 20 {
		return 0, nil, 0, "truncated"
	}
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // left to the network card by TCP segmentation offload
		total = len(b)
	}
	if header < 20 || total < header {
		return 0, nil, 0, "malformed"
	}
	if len(b) < header {
		return 0, nil, 0, "truncated"
	}
	p.src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), 0)
	p.dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:20])), 0)
	p.headers.IP = b[:header]
	// More fragments follow, or this is not the first.
	if binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
		return 0, nil, 0, "ip_fragment"
	}
	return b[9], b[header:min(total, len(b))], total - header, ""
}

// parseIPv6 follows RFC 8200.
func (p *packet) parseIPv6(b []byte) (proto uint8, body []byte, wire int, reason string) {
	if len(b) < 40 {
		return 0, nil, 0, "truncated"
	}
	wire = int(binary.BigEndian.Uint16(b[4:]))
	if wire == 0 { // a jumbogram, or left to the network card
		wire = len(b) - 40
	}
	p.src = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), 0)
	p.dst = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[24:40])), 0)
	p.headers.IP = b[:40]
	proto, body = b[6], b[40:min(40+wire, len(b))]
	for range maxExtensions {
		size, reason := extensionLength(proto, body)
		if reason != "" {
			return 0, nil, 0, reason
		}
		if size == 0 {
			return proto, body, wire, ""
		}
		if size > len(body) {
			return 0, nil, 0, "truncated"
		}
		proto, body, wire = body[0], body[size:], wire-size
	}
	return 0, nil, 0, "malformed"
}

// extensionLength returns the length of the extension header of type proto at the beginning of b, 0 if it is none.
func extensionLength(proto uint8, b []byte) (int, string) {
	switch proto {
	case protoHopByHop, protoRouting, protoDestOpts, protoFragment, protoAH:
	default:
		return 0, ""
	}
	if len(b) < 8 {
		return 0, "truncated"
	}
	switch proto {
	case protoFragment:
		// An atomic fragment (RFC 6946) is a whole packet.
		if binary.BigEndian.Uint16(b[2:])&0xfff9 != 0 {
			return 0, "ip_fragment"
		}
		return 8, ""
	case protoAH:
		return (int(b[1]) + 2) * 4, ""
	}
	return (int(b[1]) + 1) * 8, ""
}
