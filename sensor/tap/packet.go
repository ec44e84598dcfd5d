package tap

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"terroir"
)

// packet is what the tap needs of an IP packet.
type packet struct {
	transport terroir.Transport
	src, dst  netip.AddrPort
	seq       uint32
	signature string
	tool      string
}

// parse reads an IPv4 (RFC 791) or IPv6 (RFC 8200) packet that is an attempt: a TCP SYN without ACK, a UDP datagram or
// an ICMP echo request. ok is false for all others, and for what is cut or malformed.
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
	ip := network{version: 4, ttl: b[8], id: binary.BigEndian.Uint16(b[4:]), df: b[6]&0x40 != 0, options: head - 20,
		target: binary.BigEndian.Uint32(b[16:])}
	return parseTransport(b[9], b[head:], src, dst, ip)
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
	next, rest := b[6], b[40:]
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
	return parseTransport(next, rest, src, dst, network{version: 6, ttl: b[7]})
}

// network is what the IP header tells about its sender.
type network struct {
	version int
	ttl     byte
	id      uint16
	df      bool
	options int
	// target is the destination as a number (IPv4).
	target uint32
}

func parseTransport(proto byte, b []byte, src, dst netip.Addr, ip network) (p packet, ok bool) {
	switch {
	case proto == 6 && len(b) >= 20:
		return parseTCP(b, src, dst, ip)
	case proto == 17 && len(b) >= 8:
		p = packet{transport: terroir.UDP}
		p.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
		p.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
		return p, true
	case proto == 1 && len(b) >= 8 && b[0] == 8 || proto == 58 && len(b) >= 8 && b[0] == 128:
		// The port of an ICMP event is its type; the identifier stands for the source's port.
		p = packet{transport: terroir.ICMP}
		p.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b[4:]))
		p.dst = netip.AddrPortFrom(dst, uint16(b[0]))
		return p, true
	}
	return p, false
}

func parseTCP(b []byte, src, dst netip.Addr, ip network) (p packet, ok bool) {
	const fin, syn, rst, ack = 1, 2, 4, 16
	if b[13]&(fin|syn|rst|ack) != syn {
		return p, false
	}
	p = packet{transport: terroir.TCP, seq: binary.BigEndian.Uint32(b[4:])}
	p.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	p.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	head := int(b[12]>>4) * 4
	if head < 20 || len(b) < head {
		return p, false
	}
	opts := parseOptions(b[20:head])
	p.signature = opts.signature(ip, binary.BigEndian.Uint16(b[14:]), len(b)-head)
	p.tool = tool(ip, p.seq)
	return p, true
}

// tool names what the packet gives away for certain: ZMap sets the IP id 54321; Mirai uses the address that it tries as
// sequence number; masscan without a banner check sends no options and an id that is a function of the rest, which is
// not certain and not named.
func tool(ip network, seq uint32) string {
	switch {
	case ip.version == 4 && seq == ip.target:
		return "mirai"
	case ip.version == 4 && ip.id == 54321:
		return "zmap"
	}
	return ""
}

// options of a SYN.
type options struct {
	layout []string
	mss    int
	scale  int
	quirks []string
}

func parseOptions(b []byte) options {
	o := options{mss: -1, scale: -1}
	for len(b) > 0 {
		kind := b[0]
		if kind == 0 {
			o.layout = append(o.layout, fmt.Sprintf("eol+%d", len(b)-1))
			return o
		}
		if kind == 1 {
			o.layout = append(o.layout, "nop")
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			o.quirks = append(o.quirks, "bad")
			return o
		}
		o.add(kind, b[2:b[1]])
		b = b[b[1]:]
	}
	return o
}

func (o *options) add(kind byte, value []byte) {
	switch {
	case kind == 2 && len(value) == 2:
		o.layout, o.mss = append(o.layout, "mss"), int(binary.BigEndian.Uint16(value))
	case kind == 3 && len(value) == 1:
		o.layout, o.scale = append(o.layout, "ws"), int(value[0])
	case kind == 4:
		o.layout = append(o.layout, "sok")
	case kind == 5:
		o.layout = append(o.layout, "sack")
	case kind == 8 && len(value) == 8:
		o.layout = append(o.layout, "ts")
		if binary.BigEndian.Uint32(value) == 0 {
			o.quirks = append(o.quirks, "ts1-")
		}
	default:
		o.layout = append(o.layout, fmt.Sprintf("?%d", kind))
	}
}

// signature is p0f 3's raw form: ver:ittl:olen:mss:wsize,scale:olayout:quirks:pclass (its README, section 5). The
// initial TTL is the next usual one above what arrived.
func (o *options) signature(ip network, window uint16, payload int) string {
	quirks := o.quirks
	if ip.df {
		quirks = append([]string{"df"}, quirks...)
		if ip.id != 0 {
			quirks = append([]string{"df", "id+"}, quirks[1:]...)
		}
	} else if ip.version == 4 && ip.id == 0 {
		quirks = append([]string{"id-"}, quirks...)
	}
	class := "0"
	if payload > 0 {
		class = "+"
	}
	return fmt.Sprintf("%d:%d:%d:%s:%d,%s:%s:%s:%s", ip.version, initialTTL(ip.ttl), ip.options, orStar(o.mss), window, orStar(o.scale),
		strings.Join(o.layout, ","), strings.Join(quirks, ","), class)
}

func orStar(n int) string {
	if n < 0 {
		return "*"
	}
	return fmt.Sprint(n)
}

func initialTTL(ttl byte) int {
	for _, t := range []int{32, 64, 128} {
		if int(ttl) <= t {
			return t
		}
	}
	return 255
}
