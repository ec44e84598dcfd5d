package pcapfile

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"terroir/ingest"
)

// ends are a client and a server.
type ends struct{ client, server netip.AddrPort }

var (
	ends4 = ends{netip.MustParseAddrPort("198.51.100.7:40000"), netip.MustParseAddrPort("192.0.2.1:6379")}
	ends6 = ends{netip.MustParseAddrPort("[2001:db8::7]:40000"), netip.MustParseAddrPort("[2001:db8:1::1]:6379")}
)

var start = time.Date(2022, 6, 1, 12, 0, 0, 123456000, time.UTC)

// frame is one frame of a synthetic capture.
type frame struct {
	at   time.Duration
	data []byte
}

// seg is a TCP segment: its sequence numbers are relative to 1000 for the client and 5000 for the server.
type seg struct {
	server bool
	flags  string
	seq    uint32
	ack    uint32
	data   string
}

func serialize(t testing.TB, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, ls...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// ip returns the Ethernet and IP layers from one address to another.
func ip(from, to netip.Addr, proto layers.IPProtocol) (*layers.Ethernet, gopacket.NetworkLayer) {
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}}
	if from.Is4() {
		eth.EthernetType = layers.EthernetTypeIPv4
		return eth, &layers.IPv4{Version: 4, TTL: 64, Id: 54321, Protocol: proto, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
	}
	eth.EthernetType = layers.EthernetTypeIPv6
	return eth, &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
}

func (e ends) segment(t testing.TB, s seg) []byte {
	t.Helper()
	from, to, seq, ack := e.client, e.server, 1000+s.seq, 5000+s.ack
	if s.server {
		from, to, seq, ack = e.server, e.client, 5000+s.seq, 1000+s.ack
	}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(from.Port()), DstPort: layers.TCPPort(to.Port()), Seq: seq, Ack: ack, Window: 1024}
	for _, f := range s.flags {
		switch f {
		case 'S':
			tcp.SYN = true
		case 'A':
			tcp.ACK = true
		case 'F':
			tcp.FIN = true
		case 'R':
			tcp.RST = true
		}
	}
	eth, network := ip(from.Addr(), to.Addr(), layers.IPProtocolTCP)
	if err := tcp.SetNetworkLayerForChecksum(network); err != nil {
		t.Fatal(err)
	}
	return serialize(t, eth, network.(gopacket.SerializableLayer), tcp, gopacket.Payload(s.data))
}

// tcp makes a capture of the segments, 10 ms apart.
func (e ends) tcp(t testing.TB, segs ...seg) []frame {
	t.Helper()
	var frames []frame
	for i, s := range segs {
		frames = append(frames, frame{time.Duration(i) * 10 * time.Millisecond, e.segment(t, s)})
	}
	return frames
}

func (e ends) datagram(t testing.TB, server bool, data string) []byte {
	t.Helper()
	from, to := e.client, e.server
	if server {
		from, to = to, from
	}
	udp := &layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}
	eth, network := ip(from.Addr(), to.Addr(), layers.IPProtocolUDP)
	if err := udp.SetNetworkLayerForChecksum(network); err != nil {
		t.Fatal(err)
	}
	return serialize(t, eth, network.(gopacket.SerializableLayer), udp, gopacket.Payload(data))
}

// unreachable is the ICMP answer to the Ethernet frame of the client: port unreachable.
func (e ends) unreachable(t testing.TB, refused []byte) []byte {
	t.Helper()
	quoted := gopacket.Payload(refused[14:])
	if e.client.Addr().Is4() {
		eth, network := ip(e.server.Addr(), e.client.Addr(), layers.IPProtocolICMPv4)
		icmp := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 3)}
		return serialize(t, eth, network.(gopacket.SerializableLayer), icmp, quoted)
	}
	eth, network := ip(e.server.Addr(), e.client.Addr(), layers.IPProtocolICMPv6)
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(1, 4)}
	if err := icmp.SetNetworkLayerForChecksum(network); err != nil {
		t.Fatal(err)
	}
	return serialize(t, eth, network.(gopacket.SerializableLayer), icmp,
		gopacket.Payload(append(make([]byte, 4), quoted...)))
}

func (e ends) echo(t testing.TB) []byte {
	t.Helper()
	if e.client.Addr().Is4() {
		eth, network := ip(e.client.Addr(), e.server.Addr(), layers.IPProtocolICMPv4)
		icmp := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)}
		return serialize(t, eth, network.(gopacket.SerializableLayer), icmp, gopacket.Payload("ping"))
	}
	eth, network := ip(e.client.Addr(), e.server.Addr(), layers.IPProtocolICMPv6)
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}
	if err := icmp.SetNetworkLayerForChecksum(network); err != nil {
		t.Fatal(err)
	}
	return serialize(t, eth, network.(gopacket.SerializableLayer), icmp, gopacket.Payload("\x00\x01\x00\x01ping"))
}

// pcapOf writes the frames as a pcap file.
func pcapOf(t testing.TB, link layers.LinkType, frames []frame) []byte {
	t.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(65535, link); err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := w.WritePacket(info(f), f.data); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

func info(f frame) gopacket.CaptureInfo {
	return gopacket.CaptureInfo{Timestamp: start.Add(f.at), CaptureLength: len(f.data), Length: len(f.data)}
}

// read reads the file and fails the test on an error.
func read(t testing.TB, file []byte, opt Options) (*memory, ingest.Report) {
	t.Helper()
	var sink memory
	source := ingest.Source{Name: "test.pcap", Reader: bytes.NewReader(file), Sensor: "paris-1", Region: "eu-west-3"}
	report, err := Read(context.Background(), source, opt, &sink)
	if err != nil {
		t.Fatal(err)
	}
	return &sink, report
}
