// Package fingerprint tells what the first packet of an attempt says of its sender: the signature of a TCP SYN in the
// notation of p0f 3, and the tool, where the packet gives it away.
package fingerprint

import (
	"encoding/binary"
	"strconv"
)

// Packet is the headers of one packet. The slices are as they were received: a fingerprint asks for bytes that nobody
// else needs.
type Packet struct {
	// IP is the IPv4 or IPv6 header (20 or 40 bytes at least), with IPv4's options.
	IP []byte
	// TCP is the TCP header with its options (20 bytes at least), and what was captured of the data; nil for others.
	TCP []byte
}

// flags of TCP (RFC 9293, 3.1; RFC 3168).
const (
	flagPSH = 1 << (3 + iota)
	flagACK
	flagURG
	flagECE
	flagCWR
)

func (p *Packet) v4() bool       { return p.IP[0]>>4 == 4 }
func (p *Packet) id() uint16     { return binary.BigEndian.Uint16(p.IP[4:]) }
func (p *Packet) seq() uint32    { return binary.BigEndian.Uint32(p.TCP[4:]) }
func (p *Packet) window() uint16 { return binary.BigEndian.Uint16(p.TCP[14:]) }
func (p *Packet) target() uint32 { return binary.BigEndian.Uint32(p.IP[16:]) }

// options are those of TCP; nil when the header is malformed.
func (p *Packet) options() []byte {
	head := int(p.TCP[12]>>4) * 4
	if head < 20 || head > len(p.TCP) {
		return nil
	}
	return p.TCP[20:head]
}

func (p *Packet) valid() bool {
	return len(p.IP) >= 20 && (p.v4() && p.IP[0]&15 >= 5 || p.IP[0]>>4 == 6 && len(p.IP) >= 40) && (p.TCP == nil || len(p.TCP) >= 20)
}

// SYN is Signature and Tool of the headers of a SYN over IPv4, or over IPv6 without extension headers; both are "" for
// others.
func SYN(b []byte) (signature, tool string) {
	if len(b) < 20 {
		return "", ""
	}
	head := 40
	if b[0]>>4 == 4 {
		head = int(b[0]&15) * 4
	}
	if len(b) < head || b[0]>>4 == 6 && b[6] != 6 {
		return "", ""
	}
	p := Packet{IP: b[:head], TCP: b[head:]}
	return Signature(p), Tool(p)
}

// Tool names what sent the packet, where it gives itself away; "" otherwise:
//
//	zmap     the IPv4 identification is 54321 (Durumeric et al.: ZMap, USENIX Security 2013; its default up to version 3)
//	mirai    the sequence number is the target's address (Antonakakis et al.: Understanding the Mirai Botnet, 2017)
//	masscan  the identification is target, port and sequence number, combined by exclusive or, and the window 1024,
//	         or 1025 since it sends options (its source, templ-pkt.c and templ-opts.c)
//	nmap     a SYN scan: window 1024, 2048, 3072 or 4096, only the option MSS 1460, no DF (p0f's p0f.fp), or one of the
//	         six probes of its sequence test (nmap's os detection: windows and options as its book lists them)
func Tool(p Packet) string {
	if !p.valid() {
		return ""
	}
	if p.TCP == nil {
		if p.v4() && p.id() == 54321 {
			return "zmap"
		}
		return ""
	}
	switch {
	case p.v4() && p.seq() == p.target():
		return "mirai"
	case p.v4() && p.id() == 54321:
		return "zmap"
	case p.masscan():
		return "masscan"
	case p.nmap():
		return "nmap"
	}
	return ""
}

func (p *Packet) masscan() bool {
	if w := p.window(); !p.v4() || w != 1024 && w != 1025 {
		return false
	}
	return p.id() == uint16(p.target())^binary.BigEndian.Uint16(p.TCP[2:])^uint16(p.seq())
}

// The options of nmap's probes.
const (
	nmapScan = "\x02\x04\x05\xb4"
	// nmapSequence are those of the first sequence probe; the others differ by order and window.
	nmapSequence1 = "\x03\x03\x0a\x01\x02\x04\x05\xb4\x08\x0a\xff\xff\xff\xff\x00\x00\x00\x00\x04\x02"
	nmapSequence2 = "\x02\x04\x05\x78\x03\x03\x00\x04\x02\x08\x0a\xff\xff\xff\xff\x00\x00\x00\x00\x00"
	nmapSequence3 = "\x08\x0a\xff\xff\xff\xff\x00\x00\x00\x00\x01\x01\x03\x03\x05\x01\x02\x04\x02\x80"
	nmapSequence4 = "\x04\x02\x08\x0a\xff\xff\xff\xff\x00\x00\x00\x00\x03\x03\x0a\x00"
	nmapSequence5 = "\x02\x04\x02\x18\x04\x02\x08\x0a\xff\xff\xff\xff\x00\x00\x00\x00\x03\x03\x0a\x00"
	nmapSequence6 = "\x02\x04\x01\x09\x04\x02\x08\x0a\xff\xff\xff\xff\x00\x00\x00\x00"
)

var nmapSequence = map[string]uint16{nmapSequence1: 1, nmapSequence2: 63, nmapSequence3: 4, nmapSequence4: 4, nmapSequence5: 16, nmapSequence6: 512}

func (p *Packet) nmap() bool {
	options := string(p.options())
	if window, ok := nmapSequence[options]; ok {
		return p.window() == window
	}
	df := p.v4() && p.IP[6]&0x40 != 0
	w := p.window()
	return options == nmapScan && !df && w%1024 == 0 && w >= 1024 && w <= 4096
}

// Signature is p0f's raw form of a SYN: ver:ttl+distance:olen:mss:wsize,scale:olayout:quirks:pclass (p0f 3.09b, README,
// section 5). The distance is what is missing to the next initial TTL in use; the window stands as it came. "" stands
// for what is not TCP or malformed.
func Signature(p Packet) string {
	if !p.valid() || p.TCP == nil {
		return ""
	}
	head := int(p.TCP[12]>>4) * 4
	if head < 20 || head > len(p.TCP) {
		return ""
	}
	o := readOptions(p.TCP[20:head])
	version, ttl, olen := 6, p.IP[7], 0
	if p.v4() {
		version, ttl, olen = 4, p.IP[8], int(p.IP[0]&15)*4-20
	}
	class := "0"
	if len(p.TCP) > head {
		class = "+"
	}
	b := strconv.AppendInt(make([]byte, 0, 96), int64(version), 10)
	b = strconv.AppendInt(append(b, ':'), int64(ttl), 10)
	if distance := initialTTL(ttl) - int(ttl); distance <= maxDistance {
		b = strconv.AppendInt(append(b, '+'), int64(distance), 10)
	} else {
		b = append(b, "+?"...)
	}
	b = strconv.AppendInt(append(b, ':'), int64(olen), 10)
	b = strconv.AppendInt(append(b, ':'), int64(o.mss), 10)
	b = strconv.AppendInt(append(b, ':'), int64(p.window()), 10)
	b = strconv.AppendInt(append(b, ','), int64(o.scale), 10)
	b = append(append(b, ':'), o.layout...)
	b = (p.quirks() | o.quirks).append(append(b, ':'))
	return string(append(append(b, ':'), class...))
}

// maxDistance is the greatest that p0f believes.
const maxDistance = 35

func initialTTL(ttl byte) int {
	for _, t := range []int{32, 64, 128} {
		if int(ttl) <= t {
			return t
		}
	}
	return 255
}
