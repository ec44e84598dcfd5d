package simulate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"terroir"
)

// segmentSize is the maximum segment size of an Ethernet.
const segmentSize = 1460

// frame is a packet of a capture.
type frame struct {
	at time.Time
	b  []byte
}

// capture collects the packets that one sensor would see.
type capture struct {
	frames []frame
	buf    gopacket.SerializeBuffer
	err    error
}

// WritePcaps writes a capture a sensor, NAME.pcap, and returns their paths. It holds one sensor's packets in memory:
// about 10 MB at scale 1.
func (w *World) WritePcaps(ctx context.Context, dir string) ([]string, error) {
	captures := make([]*capture, len(w.sensors))
	byName := map[string]*capture{}
	for i, s := range w.sensors {
		captures[i] = &capture{buf: gopacket.NewSerializeBuffer()}
		byName[s.Name] = captures[i]
	}
	err := w.Events(ctx, func(r terroir.Record, _ Label) error {
		c := byName[r.Event.Sensor]
		c.event(&r)
		return c.err
	})
	if err != nil {
		return nil, err
	}
	var paths []string
	for i, s := range w.sensors {
		path := filepath.Join(dir, s.Name+".pcap")
		if err := captures[i].write(path); err != nil {
			return nil, fmt.Errorf("simulate: %s: %w", path, err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func (c *capture) write(path string) error {
	slices.SortStableFunc(c.frames, func(a, b frame) int { return a.at.Compare(b.at) })
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := pcapgo.NewWriter(buffered)
	err = w.WriteFileHeader(65535, layers.LinkTypeRaw)
	for _, p := range c.frames {
		if err != nil {
			break
		}
		err = w.WritePacket(gopacket.CaptureInfo{Timestamp: p.at, CaptureLength: len(p.b), Length: len(p.b)}, p.b)
	}
	return errors.Join(err, buffered.Flush(), f.Close())
}

// event adds the packets of an event.
func (c *capture) event(r *terroir.Record) {
	e := r.Event
	switch {
	case e.Transport == terroir.ICMP:
		c.echo(e)
	case e.Transport == terroir.UDP:
		c.datagram(e, r.Payload)
	case e.Kind == terroir.KindUnserved:
		c.attempts(e)
	default:
		c.session(e, r.Payload)
	}
}

// packet adds one IP packet with checksums.
func (c *capture) packet(at time.Time, from, to netip.Addr, proto layers.IPProtocol, upper ...gopacket.SerializableLayer) {
	src, dst := net.IP(from.AsSlice()), net.IP(to.AsSlice())
	var ip gopacket.SerializableLayer
	var below gopacket.NetworkLayer
	if from.Is4() {
		x := &layers.IPv4{Version: 4, TTL: 52, Protocol: proto, SrcIP: src, DstIP: dst, Flags: layers.IPv4DontFragment}
		ip, below = x, x
	} else {
		x := &layers.IPv6{Version: 6, HopLimit: 52, NextHeader: proto, SrcIP: src, DstIP: dst}
		ip, below = x, x
	}
	for _, u := range upper {
		if s, ok := u.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok && c.err == nil {
			c.err = s.SetNetworkLayerForChecksum(below)
		}
	}
	if err := gopacket.SerializeLayers(c.buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		append([]gopacket.SerializableLayer{ip}, upper...)...); err != nil && c.err == nil {
		c.err = err
	}
	c.frames = append(c.frames, frame{at, slices.Clone(c.buf.Bytes())})
}

// attempts are SYNs to a closed port, each from a port of its own, within some seconds. Every second source gets a
// reset, the others nothing.
func (c *capture) attempts(e *terroir.Event) {
	for i := range e.Attempts {
		at := e.Time.Add(time.Duration(i) * 3 * time.Second)
		sport := e.Source.Port() + uint16(i)
		if sport < 1024 {
			sport += 1024
		}
		seq := uint32(e.Time.UnixMicro()) + uint32(i)*7919
		c.packet(at, e.Source.Addr(), e.Destination.Addr(), layers.IPProtocolTCP,
			&layers.TCP{SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(e.Destination.Port()), Seq: seq, SYN: true, Window: 65535})
		if seq%2 == 0 {
			c.packet(at.Add(40*time.Microsecond), e.Destination.Addr(), e.Source.Addr(), layers.IPProtocolTCP,
				&layers.TCP{SrcPort: layers.TCPPort(e.Destination.Port()), DstPort: layers.TCPPort(sport), Ack: seq + 1, RST: true, ACK: true})
		}
	}
}

func (c *capture) datagram(e *terroir.Event, payload []byte) {
	udp := &layers.UDP{SrcPort: layers.UDPPort(e.Source.Port()), DstPort: layers.UDPPort(e.Destination.Port())}
	if payload == nil {
		payload = []byte("probe")
	}
	c.packet(e.Time, e.Source.Addr(), e.Destination.Addr(), layers.IPProtocolUDP, udp, gopacket.Payload(payload))
}

func (c *capture) echo(e *terroir.Event) {
	if e.Source.Addr().Is4() {
		c.packet(e.Time, e.Source.Addr(), e.Destination.Addr(), layers.IPProtocolICMPv4,
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: e.Source.Port(), Seq: 1})
		return
	}
	c.packet(e.Time, e.Source.Addr(), e.Destination.Addr(), layers.IPProtocolICMPv6,
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)},
		&layers.ICMPv6Echo{Identifier: e.Source.Port(), SeqNumber: 1})
}

// stream is a TCP session while it is written.
type stream struct {
	c                *capture
	e                *terroir.Event
	at               time.Time
	client, server   uint32
	clientP, serverP layers.TCPPort
}

// session is a whole session: handshake, data in segments, and the end that the event tells of.
func (c *capture) session(e *terroir.Event, payload []byte) {
	s := &stream{c: c, e: e, at: e.Time, client: uint32(e.Time.UnixMicro()), server: uint32(e.Time.UnixMicro() * 31),
		clientP: layers.TCPPort(e.Source.Port()), serverP: layers.TCPPort(e.Destination.Port())}
	s.up(&layers.TCP{SYN: true}, nil)
	s.client++
	s.down(&layers.TCP{SYN: true, ACK: true})
	s.server++
	s.up(&layers.TCP{ACK: true}, nil)
	for len(payload) > 0 {
		n := min(len(payload), segmentSize)
		s.up(&layers.TCP{ACK: true, PSH: n == len(payload)}, payload[:n])
		s.client += uint32(n)
		payload = payload[n:]
		s.down(&layers.TCP{ACK: true})
	}
	if end := e.Time.Add(e.Duration); end.After(s.at) {
		s.at = end
	}
	switch e.Close {
	case terroir.CloseClientRST:
		s.up(&layers.TCP{RST: true, ACK: true}, nil)
	case terroir.CloseClientFIN:
		s.up(&layers.TCP{FIN: true, ACK: true}, nil)
		s.client++
		s.down(&layers.TCP{FIN: true, ACK: true})
		s.server++
		s.up(&layers.TCP{ACK: true}, nil)
	default:
		s.down(&layers.TCP{FIN: true, ACK: true})
		s.server++
		s.up(&layers.TCP{FIN: true, ACK: true}, nil)
		s.client++
		s.down(&layers.TCP{ACK: true})
	}
}

func (s *stream) up(t *layers.TCP, data []byte) {
	t.SrcPort, t.DstPort, t.Seq, t.Window = s.clientP, s.serverP, s.client, 64240
	if t.ACK {
		t.Ack = s.server
	}
	s.c.packet(s.at, s.e.Source.Addr(), s.e.Destination.Addr(), layers.IPProtocolTCP, t, gopacket.Payload(data))
	s.at = s.at.Add(20 * time.Millisecond)
}

func (s *stream) down(t *layers.TCP) {
	t.SrcPort, t.DstPort, t.Seq, t.Ack, t.Window = s.serverP, s.clientP, s.server, s.client, 65160
	s.c.packet(s.at, s.e.Destination.Addr(), s.e.Source.Addr(), layers.IPProtocolTCP, t)
	s.at = s.at.Add(100 * time.Microsecond)
}
