package tap

import (
	"encoding/binary"
	"net/netip"

	"terroir"
	"terroir/fingerprint"
)

// packet is what the tap needs of an IP packet.
type packet struct {
	transport terroir.Transport
	src, dst  netip.AddrPort
	seq       uint32
	// reset is set for a RST alone: a client that did not mean to go on with its handshake.
	reset bool
	// headers are those of the packet; valid as long as the packet's bytes.
	headers fingerprint.Packet
}

// parse reads an IPv4 (RFC 791) or IPv6 (RFC 8200) packet that is an attempt, a TCP SYN without ACK, a UDP datagram or an
// ICMP echo request, or the RST that takes a SYN back. ok is false for all others, and for what is cut or malformed.
func parse(b []byte) (p packet, ok bool) {
	if len(b) < 1 {
		return p, false
	}
	switch b[0] >> 4 {
	case 4:
		return parse4(b)
	case 6:
		return parse6(b)
	}
	return p, false
}

func parse4(b []byte) (p packet, ok bool) {
	if len(b) < 20 {
		return p, false
	}
	head := int(b[0]&15) * 4
	if head < 20 || len(b) < head || binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
		return p, false // Later fragments have no ports.
	}
	if total := int(binary.BigEndian.Uint16(b[2:])); total >= head {
		b = b[:min(len(b), total)] // Ethernet pads short packets to 46 bytes (IEEE 802.3).
	}
	src, dst := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	return parseTransport(b[9], b[head:], src, dst, b[:head])
}

// maxExtensions bounds the extension headers that are passed over.
const maxExtensions = 8

func parse6(b []byte) (p packet, ok bool) {
	if len(b) < 40 {
		return p, false
	}
	src, dst := netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	if size := int(binary.BigEndian.Uint16(b[4:])); size > 0 {
		b = b[:min(len(b), 40+size)] // Ethernet pads short packets; 0 is a jumbogram (RFC 2675).
	}
	ip, next, rest := b[:40], b[6], b[40:]
	for range maxExtensions {
		switch next {
		case 0, 43, 60: // hop-by-hop, routing, destination options
			if len(rest) < 8 || len(rest) < int(rest[1])*8+8 {
				return p, false
			}
			next, rest = rest[0], rest[int(rest[1])*8+8:]
			continue
		case 44: // fragment
			if len(rest) < 8 || binary.BigEndian.Uint16(rest[2:])&0xfff8 != 0 {
				return p, false
			}
			next, rest = rest[0], rest[8:]
			continue
		}
		break
	}
	return parseTransport(next, rest, src, dst, ip)
}

func parseTransport(proto byte, b []byte, src, dst netip.Addr, ip []byte) (p packet, ok bool) {
	switch {
	case proto == 6 && len(b) >= 20:
		return parseTCP(b, src, dst, ip)
	case proto == 17 && len(b) >= 8:
		p = packet{transport: terroir.UDP, headers: fingerprint.Packet{IP: ip}}
		p.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
		p.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
		return p, true
	case proto == 1 && len(b) >= 8 && b[0] == 8 || proto == 58 && len(b) >= 8 && b[0] == 128:
		// The port of an ICMP event is its type; the identifier stands for the source's port.
		p = packet{transport: terroir.ICMP, headers: fingerprint.Packet{IP: ip}}
		p.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b[4:]))
		p.dst = netip.AddrPortFrom(dst, uint16(b[0]))
		return p, true
	}
	return p, false
}

func parseTCP(b []byte, src, dst netip.Addr, ip []byte) (p packet, ok bool) {
	const fin, syn, rst, ack = 1, 2, 4, 16
	flags := b[13] & (fin | syn | rst | ack)
	if flags != syn && flags != rst {
		return p, false
	}
	p = packet{transport: terroir.TCP, reset: flags == rst, seq: binary.BigEndian.Uint32(b[4:]), headers: fingerprint.Packet{IP: ip, TCP: b}}
	p.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	p.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	head := int(b[12]>>4) * 4
	return p, head >= 20 && len(b) >= head
}
