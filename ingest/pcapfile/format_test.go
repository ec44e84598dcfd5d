package pcapfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"terroir"
	"terroir/ingest"
)

// packetFile is a pcap file with the byte order, magic number and link type, and one packet at the fraction of a second.
func packetFile(order binary.AppendByteOrder, magic, fraction uint32, link uint32, data []byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	for _, v := range []uint32{0, 0, 65535, link, uint32(start.Unix()), fraction, uint32(len(data)), uint32(len(data))} {
		b = order.AppendUint32(b, v)
	}
	return append(b, data...)
}

func TestByteOrdersAndResolutions(t *testing.T) {
	data := ends4.datagram(t, false, "probe")
	for name, file := range map[string][]byte{
		"little, µs": packetFile(binary.LittleEndian, 0xa1b2c3d4, 123456, 1, data),
		"big, µs":    packetFile(binary.BigEndian, 0xa1b2c3d4, 123456, 1, data),
		"little, ns": packetFile(binary.LittleEndian, 0xa1b23c4d, 123456789, 1, data),
		"big, ns":    packetFile(binary.BigEndian, 0xa1b23c4d, 123456789, 1, data),
		"pcapng":     ngOf(t, frame{0, data}),
	} {
		sink, _ := read(t, file, Options{})
		if len(sink.records) != 1 || !sink.records[0].Event.Time.Equal(start) {
			t.Errorf("%s: %+v", name, sink.records)
		}
	}
}

func ngOf(t testing.TB, frames ...frame) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := pcapgo.NewNgWriter(&file, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := w.WritePacket(info(f), f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// TestEncapsulations: the same datagram below everything that Read opens is the same event; what it does not open is
// skipped with its reason.
func TestEncapsulations(t *testing.T) {
	eth := ends4.datagram(t, false, "probe")
	ip4, ip6 := eth[14:], ends6.datagram(t, false, "probe")[14:]
	macs := make([]byte, 12)
	outer := func(proto byte, body []byte) []byte {
		h := append([]byte{}, ip4[:20]...)
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(body)))
		h[9] = proto
		return cat(h, body)
	}
	fragment := append([]byte{}, ip4...)
	fragment[6] = 0x20
	hopByHop := append([]byte{}, ip6[:40]...)
	hopByHop[6] = 0
	binary.BigEndian.PutUint16(hopByHop[4:], uint16(8+len(ip6)-40))
	vxlan := func(port string) []byte {
		udp := cat([]byte{0xc0, 0, port[0], port[1], 0, 0, 0, 0}, []byte{8, 0, 0, 0, 0, 0, 1, 0}, eth)
		binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
		return outer(17, udp)
	}
	for _, c := range []struct {
		name, reason string
		link         uint32
		data         []byte
	}{
		{"null", "", 0, cat([]byte{2, 0, 0, 0}, ip4)},
		{"null, IPv6", "", 0, cat([]byte{30, 0, 0, 0}, ip6)},
		{"loop", "", 108, cat([]byte{0, 0, 0, 2}, ip4)},
		{"raw", "", 101, ip4},
		{"raw IPv6", "", 229, ip6},
		{"cooked", "", 113, cat(make([]byte, 14), []byte{8, 0}, ip4)},
		{"cooked v2", "", 276, cat([]byte{0x86, 0xdd}, make([]byte, 18), ip6)},
		{"VLAN", "", 1, cat(macs, []byte{0x81, 0, 0, 5, 8, 0}, ip4)},
		{"QinQ", "", 1, cat(macs, []byte{0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0}, ip4)},
		{"MPLS", "", 1, cat(macs, []byte{0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64}, ip4)},
		{"PPPoE", "", 1, cat(macs, []byte{0x88, 0x64, 0x11, 0, 0, 1, 0, 40, 0, 0x21}, ip4)},
		{"padding", "", 1, cat(eth, make([]byte, 20))},
		{"IP in IP", "", 101, outer(4, ip4)},
		{"6in4", "", 101, outer(41, ip6)},
		{"GRE", "", 101, outer(47, cat([]byte{0x20, 0, 8, 0, 0, 0, 0, 1}, ip4))},
		{"VXLAN", "", 101, vxlan("\x12\xb5")},
		{"IPv6 hop by hop", "", 101, cat(hopByHop, []byte{17, 0, 1, 4, 0, 0, 0, 0}, ip6[40:])},
		{"fragment", "ip_fragment", 101, fragment},
		{"ARP", "arp", 1, cat(macs, []byte{8, 6}, make([]byte, 28))},
		{"spanning tree", "not_ip", 1, cat(macs, []byte{0, 38}, make([]byte, 38))},
		{"cut", "truncated", 101, ip4[:24]},
		{"SCTP", "ip_proto_132", 101, outer(132, make([]byte, 20))},
		{"tunnels in tunnels", "tunnel_depth", 101, outer(4, outer(4, outer(4, outer(4, outer(4, ip4)))))},
		{"Wi-Fi", "link_type_105", 105, eth},
		{"empty", "truncated", 101, nil},
	} {
		sink, report := read(t, packetFile(binary.LittleEndian, 0xa1b2c3d4, 0, c.link, c.data), Options{Tunnels: true})
		switch {
		case c.reason == "" && (len(sink.records) != 1 || string(sink.records[0].Payload) != "probe" || len(report.Skipped) > 0):
			t.Errorf("%s: %d events, skipped %v", c.name, len(sink.records), report.Skipped)
		case c.reason != "" && (len(sink.records) != 0 || report.Skipped[c.reason] != 1):
			t.Errorf("%s: %d events, skipped %v, want %s", c.name, len(sink.records), report.Skipped, c.reason)
		}
	}
}

// TestCutCapture: wherever a file is cut, what came before is there, and the error says so.
func TestCutCapture(t *testing.T) {
	first := ends4.datagram(t, false, "probe")
	frames := []frame{{0, first}, {time.Second, ends6.datagram(t, false, "other")}}
	for name, file := range map[string][]byte{"pcap": pcapOf(t, layers.LinkTypeEthernet, frames), "pcapng": ngOf(t, frames...)} {
		whole := len(file)
		clean := 0
		for n := range whole {
			var sink memory
			source := ingest.Source{Name: name, Reader: bytes.NewReader(file[:n])}
			report, err := Read(context.Background(), source, Options{}, &sink)
			if err == nil {
				clean++ // cut between two packets, or two blocks: nobody can tell
				continue
			}
			var e *terroir.Error
			if !errors.As(err, &e) || e.Code != terroir.EINVALID || e.Where != name || e.Hint == "" {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
			if report.Events != int64(len(sink.records)) || report.Events > 1 {
				t.Fatalf("%s cut at %d: %d events", name, n, report.Events)
			}
			if n == whole-1 && (report.Events != 1 || report.Skipped["truncated_file"] != 1) {
				t.Errorf("%s without its last byte: %+v", name, report)
			}
		}
		if clean > 3 {
			t.Errorf("%s: %d cuts went unnoticed", name, clean)
		}
	}
}

func TestNotACapture(t *testing.T) {
	for _, content := range []string{"", "GET", "timestamp,src\n1,2\n", "\x1f\x8b\x08\x00 not decompressed"} {
		_, err := Read(context.Background(), ingest.Source{Name: "x", Reader: bytes.NewReader([]byte(content))}, Options{}, &memory{})
		if terroir.ErrorCode(err) != terroir.EINVALID {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// errSink refuses everything.
type errSink struct{}

var errFull = errors.New("disk full")

func (errSink) Put(context.Context, terroir.Record) error { return errFull }

func TestErrorsOfSinkAndContext(t *testing.T) {
	file := ngOf(t, frame{0, ends4.datagram(t, false, "probe")})
	_, err := Read(context.Background(), ingest.Source{Reader: bytes.NewReader(file)}, Options{}, errSink{})
	if !errors.Is(err, errFull) {
		t.Errorf("sink: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, ingest.Source{Reader: bytes.NewReader(file)}, Options{}, &memory{}); !errors.Is(err, context.Canceled) {
		t.Errorf("context: %v", err)
	}
}
