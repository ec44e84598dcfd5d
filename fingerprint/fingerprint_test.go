package fingerprint

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
)

// packet reads an IPv4 or IPv6 packet with TCP, written in hexadecimal.
func packet(t *testing.T, text string) Packet {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	head := 40
	if b[0]>>4 == 4 {
		head = int(b[0]&15) * 4
	}
	return Packet{IP: b[:head], TCP: b[head:]}
}

const (
	ip4   = "4500 003c 1c46 4000 3906 0000 c0000201 c0000202 "
	ip6   = "6000 0000 0028 0639 20010db8000000000000000000000001 20010db8000000000000000000000002 "
	linux = "9c40 170c 00000063 00000000 a002 faf0 0000 0000 020405b4 0402080a 00000001 00000000 01 030307"
)

// TestSignatures compares with what p0f's documentation and its database call these packets.
func TestSignatures(t *testing.T) {
	for name, c := range map[string]struct{ packet, want string }{
		"Linux over IPv4":      {ip4 + linux, "4:57+7:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0"},
		"Linux over IPv6":      {ip6 + linux, "6:57+7:0:1460:64240,7:mss,sok,ts,nop,ws::0"},
		"with data":            {ip4 + linux + "aa", "4:57+7:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:+"},
		"no options":           {"4500 0028 0000 0000 ff06 0000 c0000201 c0000202 9c40 170c 00000000 00000001 5002 0200 0000 0001", "4:255+0:0:0:512,0::id-,seq-,ack+,uptr+:0"},
		"IPv4 options":         {"4600 002c 0000 4000 4006 0000 c0000201 c0000202 01010100 9c40 170c 00000001 00000000 50c2 0200 0000 0000", "4:64+0:4:0:512,0::df,ecn:0"},
		"an end with trailer":  {ip4 + "9c40 170c 00000063 00000000 6002 faf0 0000 0000 01 00 0001", "4:57+7:0:0:64240,0:nop,eol+2:df,id+,opt+:0"},
		"a length of nothing":  {ip4 + "9c40 170c 00000063 00000000 6002 faf0 0000 0000 02 00 0000", "4:57+7:0:0:64240,0:mss:df,id+,bad:0"},
		"too large a scale":    {ip4 + "9c40 170c 00000063 00000000 6002 faf0 0000 0000 03030f 01", "4:57+7:0:0:64240,15:ws,nop:df,id+,exws:0"},
		"a header that is cut": {ip4 + "9c40 170c 00000063 00000000 f002 faf0 0000 0000", ""},
		"a flow label, urgent": {"6000 0001" + ip6[9:] + "9c40 170c 00000063 00000000 502a faf0 0000 0000", "6:57+7:0:0:64240,0::flow,urgf+,pushf+:0"},
	} {
		if got := Signature(packet(t, c.packet)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestTools(t *testing.T) {
	plain := packet(t, ip4+linux)
	zmap, mirai, masscan := clone(plain), clone(plain), clone(plain)
	binary.BigEndian.PutUint16(zmap.IP[4:], 54321)
	copy(mirai.TCP[4:8], mirai.IP[16:20])
	binary.BigEndian.PutUint16(masscan.TCP[14:], 1024)
	binary.BigEndian.PutUint16(masscan.IP[4:], 0x0202^0x170c^0x0063)
	nmap := packet(t, "4500 002c 1c46 0000 3906 0000 c0000201 c0000202 9c40 170c 00000063 00000000 6002 0400 0000 0000 020405b4")
	probe := packet(t, "4500 003c 1c46 0000 3906 0000 c0000201 c0000202 9c40 170c 00000063 00000000 a002 0001 0000 0000 03030a01020405b4080affffffff000000000402")
	for name, c := range map[string]struct {
		p    Packet
		want string
	}{"Linux": {plain, ""}, "zmap": {zmap, "zmap"}, "mirai": {mirai, "mirai"}, "masscan": {masscan, "masscan"}, "nmap": {nmap, "nmap"},
		"nmap's first probe": {probe, "nmap"}, "zmap over UDP": {Packet{IP: zmap.IP}, "zmap"}, "nothing": {Packet{}, ""},
		"IPv6": {packet(t, ip6+linux), ""}} {
		if got := Tool(c.p); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func clone(p Packet) Packet {
	return Packet{IP: append([]byte(nil), p.IP...), TCP: append([]byte(nil), p.TCP...)}
}
