package tap

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"golang.org/x/net/bpf"

	"terroir"
)

const (
	maxSeeds   = 200
	fromOne    = 4 // of one capture, so that there are some of all
	ethernet   = 14
	maxCapture = 64 << 10
)

// realPackets are IP packets of the captures; none where those are not at hand.
func realPackets(f *testing.F) (list [][]byte) {
	f.Helper()
	err := filepath.WalkDir(filepath.Join("..", "..", "..", "shared", "data", "pcap"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || len(list) >= maxSeeds {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) > maxCapture {
			return err
		}
		capture, err := pcapgo.NewReader(bytes.NewReader(b))
		if err != nil || capture.LinkType() != layers.LinkTypeEthernet {
			return nil
		}
		for range fromOne {
			frame, _, err := capture.ReadPacketData()
			if err != nil || len(frame) < ethernet || len(frame) > 4<<10 {
				break
			}
			list = append(list, frame[ethernet:])
		}
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.Fatal(err)
	}
	return list
}

func machine(t testing.TB, program []bpf.Instruction) *bpf.VM {
	t.Helper()
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

// FuzzParse: the filter lets through, in what it keeps of a packet, whatever the parser takes; another parser reads the
// same ends; and the headers are parts of the packet.
func FuzzParse(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.b)
	}
	for _, b := range realPackets(f) {
		f.Add(b)
	}
	for _, next := range []byte{0, 43, 44, 60} { // extension headers, of which a fragment's has no length
		b := build(f, v6, layers.IPProtocol(next), gopacket.Payload("\x11\x00\x00\x00\x00\x00\x00\x00"), gopacket.Payload("\x00\x07\x1e\x61\x00\x09\x00\x00x"))
		f.Add(b)
		f.Add(bytes.Replace(b, []byte("\x11\x00\x00\x00\x00\x00\x00\x00"), []byte("\x3c\x00\x00\x00\x00\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00\x00"), 1))
	}
	raw, err := filter()
	if err != nil {
		f.Fatal(err)
	}
	program, _ := bpf.Disassemble(raw)
	vm := machine(f, program)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parse(b)
		if theirs, sure := parseAnother(b); sure && (!ok || theirs != ends(&p)) {
			t.Errorf("%s %v, another parser says %s", ends(&p), ok, theirs)
		}
		if !ok {
			return
		}
		n, err := vm.Run(b)
		if err != nil || n == 0 {
			t.Errorf("the filter keeps back what the parser takes: %d %v", n, err)
		}
		if !extended(b) {
			if kept, ok := parse(b[:min(n, len(b))]); !ok || ends(&kept) != ends(&p) || kept.seq != p.seq {
				t.Errorf("of %s the filter leaves %s %v", ends(&p), ends(&kept), ok)
			}
		}
		if x := p.headers; !bytes.HasPrefix(b, x.IP) || !bytes.Contains(b, x.TCP) || len(x.IP) < 20 || len(x.IP) > 60 || (p.transport == terroir.TCP) != (len(x.TCP) >= 20) {
			t.Errorf("headers of %d and %d bytes", len(x.IP), len(x.TCP))
		}
	})
}

// extended says whether there are extension headers of IPv6.
func extended(b []byte) bool {
	return b[0]>>4 == 6 && !strings.ContainsRune("\x06\x11\x3a", rune(b[6]))
}

func ends(p *packet) string { return fmt.Sprintf("%s %s→%s", p.transport, p.src, p.dst) }

// parseAnother reads the packet with gopacket. It is sure where that found an attempt in a packet that is whole.
func parseAnother(b []byte) (ends string, sure bool) {
	first := layers.LayerTypeIPv4
	if len(b) > 0 && b[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(b, first, gopacket.DecodeOptions{NoCopy: true})
	list := p.Layers()
	if p.Metadata().Truncated || p.ErrorLayer() != nil || len(list) < 2 || len(list) > maxExtensions {
		return "", false
	}
	var from, to netip.Addr
	switch ip := list[0].(type) {
	case *layers.IPv4:
		from, _ = netip.AddrFromSlice(ip.SrcIP)
		to, _ = netip.AddrFromSlice(ip.DstIP)
		if ip.Version != 4 || int(ip.Length) > len(b) || ip.FragOffset != 0 {
			return "", false
		}
	case *layers.IPv6:
		from, _ = netip.AddrFromSlice(ip.SrcIP)
		to, _ = netip.AddrFromSlice(ip.DstIP)
		if ip.Version != 6 {
			return "", false
		}
	}
	for _, l := range list[1:] {
		switch x := l.(type) {
		case *layers.TCP:
			return fmt.Sprintf("tcp %s→%s", netip.AddrPortFrom(from, uint16(x.SrcPort)), netip.AddrPortFrom(to, uint16(x.DstPort))),
				!x.ACK && !x.FIN && x.SYN != x.RST
		case *layers.UDP:
			return fmt.Sprintf("udp %s→%s", netip.AddrPortFrom(from, uint16(x.SrcPort)), netip.AddrPortFrom(to, uint16(x.DstPort))), true
		case *layers.IPv6HopByHop, *layers.IPv6Routing, *layers.IPv6Destination:
		default:
			return "", false // A tunnel, or a part of a packet.
		}
	}
	return "", false
}

// FuzzAdd: of any packets, the rows and losses of the intervals account for no more attempts than there were packets, in
// no more rows than there may be: those of the table, and as many of SYNs that were taken back.
func FuzzAdd(f *testing.F) {
	var all []byte
	for i, s := range samples(f) {
		all = append(append(all, byte(len(s.b))), s.b...)
		if i%4 == 3 {
			f.Add(all, uint16(5900))
			all = nil
		}
	}
	for _, b := range realPackets(f) {
		b = b[:min(len(b), 255)]
		f.Add(bytes.Repeat(append([]byte{byte(len(b))}, b...), 3), uint16(80))
	}
	f.Fuzz(func(t *testing.T, b []byte, served uint16) {
		opt := Options{Sensor: "s", MaxRows: 8, Never: []uint16{22}, Served: func(_ terroir.Transport, p uint16) bool { return p == served }}
		opt.defaults()
		tab := newTable(&opt)
		now := time.Unix(1_700_000_000, 0)
		packets, told := int64(0), int64(0)
		take := func() {
			rows, lost := tab.take()
			for _, r := range rows {
				told += r.Event.Attempts
				if e := r.Event; e.Attempts < 1 || e.Duration < 0 || !e.Source.IsValid() || len(e.TCPSignature) > 512 {
					t.Errorf("%+v", e)
				}
			}
			for _, n := range lost {
				told += n
			}
			if len(rows) > 2*opt.MaxRows || told > packets {
				t.Fatalf("%d rows; %d attempts of %d packets", len(rows), told, packets)
			}
		}
		for len(b) > 0 {
			n := min(int(b[0]), len(b)-1)
			if p, ok := parse(b[1 : 1+n]); ok {
				packets++
				tab.add(now, &p)
			}
			b, now = b[1+n:], now.Add(time.Second)
			if packets%16 == 15 {
				take()
			}
		}
		take()
	})
}

// FuzzReadSockets: what the kernel would write of the ports comes back, whatever stands before it.
func FuzzReadSockets(f *testing.F) {
	f.Add("  sl  local_address rem_address\n  12: 0100007F:0035 00000000:0000 07\n", uint16(53))
	if b, err := os.ReadFile("/proc/net/udp"); err == nil {
		f.Add(string(b[:min(len(b), 4<<10)]), uint16(1))
	}
	f.Fuzz(func(t *testing.T, text string, port uint16) {
		if len(text) > 32<<10 {
			return // The kernel's lines are short.
		}
		ports := map[uint16]bool{}
		readSockets(strings.NewReader(text), ports)
		if n := strings.Count(text, ":"); len(ports) > n {
			t.Errorf("%d ports of %d addresses", len(ports), n)
		}
		readSockets(strings.NewReader(fmt.Sprintf("%s\n  1: 0100007F:%04X 00000000:0000 07\n", text, port)), ports)
		var again strings.Builder
		for p := range ports {
			fmt.Fprintf(&again, "  1: 00000000000000000000000000000000:%04X 00000000:0000 07\n", p)
		}
		back := map[uint16]bool{}
		readSockets(strings.NewReader(again.String()), back)
		if !ports[port] || fmt.Sprint(back) != fmt.Sprint(ports) {
			t.Errorf("%v became %v", ports, back)
		}
	})
}
