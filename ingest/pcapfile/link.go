package pcapfile

import (
	"encoding/binary"
	"strconv"

	"github.com/gopacket/gopacket/layers"
)

// Ethernet protocol types (IANA "IEEE 802 Numbers").
const (
	etherIPv4     = 0x0800
	etherARP      = 0x0806
	etherBridging = 0x6558
	etherVLAN     = 0x8100
	etherIPv6     = 0x86dd
	etherMPLS     = 0x8847
	etherMPLSMany = 0x8848
	etherPPPoE    = 0x8864
	etherQinQ     = 0x88a8
	etherQinQOld  = 0x9100
)

// maxTags bounds the VLAN tags and MPLS labels of one frame.
const maxTags = 8

// decoder reads frames into its packet, which each frame overwrites.
type decoder struct {
	packet
	tunnels bool
}

// decode reads one frame. It returns "" or the reason for which the frame is skipped.
func (d *decoder) decode(link layers.LinkType, b []byte) string {
	d.packet = packet{time: d.time}
	switch link {
	case 0, 108: // BSD null and loopback: an address family of the writer's own system, then IP
		if len(b) < 4 {
			return "truncated"
		}
		return d.decodeIP(b[4:], 0)
	case 1:
		return d.decodeEthernet(b, 0)
	case 12, 14, 101, 228, 229: // raw IP
		return d.decodeIP(b, 0)
	case 113: // LINKTYPE_LINUX_SLL: the protocol stands in the last two of 16 bytes
		if len(b) < 16 {
			return "truncated"
		}
		return d.decodeEther(binary.BigEndian.Uint16(b[14:]), b[16:], 0)
	case 276: // LINKTYPE_LINUX_SLL2: the protocol stands in the first two of 20 bytes
		if len(b) < 20 {
			return "truncated"
		}
		return d.decodeEther(binary.BigEndian.Uint16(b), b[20:], 0)
	}
	return reasonNumber("link_type_", int(link))
}

func reasonNumber(prefix string, n int) string { return prefix + strconv.Itoa(n) }

func (d *decoder) decodeEthernet(b []byte, depth int) string {
	if len(b) < 14 {
		return "truncated"
	}
	return d.decodeEther(binary.BigEndian.Uint16(b[12:]), b[14:], depth)
}

// decodeEther reads what follows an Ethernet protocol type, through VLAN tags (IEEE 802.1Q, 802.1ad), MPLS labels
// (RFC 3032) and PPPoE (RFC 2516).
func (d *decoder) decodeEther(etherType uint16, b []byte, depth int) string {
	for range maxTags {
		switch etherType {
		case etherIPv4, etherIPv6:
			return d.decodeIP(b, depth)
		case etherARP:
			return "arp"
		case etherVLAN, etherQinQ, etherQinQOld:
			if len(b) < 4 {
				return "truncated"
			}
			etherType, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		case etherMPLS, etherMPLSMany:
			if len(b) < 4 {
				return "truncated"
			}
			// Below the bottom of the stack, IP tells itself by its version.
			if b[2]&1 == 1 {
				return d.decodeIP(b[4:], depth)
			}
			b = b[4:]
		case etherPPPoE:
			return d.decodePPPoE(b, depth)
		default:
			return "not_ip"
		}
	}
	return "malformed"
}

func (d *decoder) decodePPPoE(b []byte, depth int) string {
	if len(b) < 8 {
		return "truncated"
	}
	switch binary.BigEndian.Uint16(b[6:]) {
	case 0x0021, 0x0057: // IPv4, IPv6 (IANA "PPP Numbers")
		return d.decodeIP(b[8:], depth)
	}
	return "not_ip"
}

// decodeGRE follows RFC 2784 and 2890.
func (d *decoder) decodeGRE(b []byte, depth int) string {
	if len(b) < 4 {
		return "truncated"
	}
	flags, etherType := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	if flags&0x4007 != 0 { // source routes, or another version such as PPTP's
		return "gre_other"
	}
	size := 4
	for _, field := range []uint16{0x8000, 0x2000, 0x1000} { // checksum, key, sequence number
		if flags&field != 0 {
			size += 4
		}
	}
	if len(b) < size {
		return "truncated"
	}
	return d.decodeInner(etherType, b[size:], depth+1)
}

func (d *decoder) decodeInner(etherType uint16, b []byte, depth int) string {
	if depth > maxTunnels {
		return "tunnel_depth"
	}
	if etherType == etherBridging {
		return d.decodeEthernet(b, depth)
	}
	return d.decodeEther(etherType, b, depth)
}

// decodeUDPTunnel opens the datagram in the packet if it is VXLAN or Geneve, and leaves it as it is otherwise.
func (d *decoder) decodeUDPTunnel(depth int) string {
	b := d.data
	switch {
	case d.dst.Port() == 4789 && len(b) >= 8 && b[0]&8 != 0:
		return d.decodeInner(etherBridging, b[8:], depth+1)
	case d.dst.Port() == 6081 && len(b) >= 8 && b[0]>>6 == 0:
		size := 8 + int(b[0]&63)*4
		if len(b) < size {
			return "truncated"
		}
		return d.decodeInner(binary.BigEndian.Uint16(b[2:]), b[size:], depth+1)
	}
	return ""
}
