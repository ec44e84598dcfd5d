package pcapfile

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"terroir"
)

func serves(port uint16) func(terroir.Transport, uint16) bool {
	return func(_ terroir.Transport, p uint16) bool { return p == port }
}

// TestUDP says what datagrams become.
func TestUDP(t *testing.T) {
	for version, e := range map[string]ends{"IPv4": ends4, "IPv6": ends6} {
		probe, second, answer := e.datagram(t, false, "probe"), e.datagram(t, false, "again"), e.datagram(t, true, "answer")
		for _, c := range []struct {
			name     string
			frames   [][]byte
			opt      Options
			kind     terroir.Kind
			bytes    int64
			attempts int64
		}{
			{"unanswered, nobody knows", [][]byte{probe, second}, Options{}, terroir.KindPayload, 10, 1},
			{"served", [][]byte{probe}, Options{Served: serves(6379)}, terroir.KindPayload, 5, 1},
			{"not served", [][]byte{probe, second}, Options{Served: serves(1)}, terroir.KindUnserved, 0, 2},
			{"not served, yet answered", [][]byte{probe, answer}, Options{Served: serves(1)}, terroir.KindPayload, 5, 1},
			{"refused", [][]byte{probe, e.unreachable(t, probe)}, Options{}, terroir.KindUnserved, 0, 1},
			{"empty", [][]byte{e.datagram(t, false, "")}, Options{}, terroir.KindPayload, 0, 1},
		} {
			t.Run(c.name+"/"+version, func(t *testing.T) {
				sink, report := read(t, pcapOf(t, layers.LinkTypeEthernet, spaced(time.Millisecond, c.frames...)), c.opt)
				if len(sink.records) != 1 || len(report.Skipped) != 0 {
					t.Fatalf("%d events, skipped %v", len(sink.records), report.Skipped)
				}
				got := sink.records[0].Event
				if got.Kind != c.kind || got.SourceBytes != c.bytes || got.Attempts != c.attempts || got.Source != e.client {
					t.Errorf("got %+v", got)
				}
				if want := c.kind == terroir.KindPayload && c.bytes > 0; want != (string(sink.records[0].Payload) == "probe") {
					t.Errorf("payload %q", sink.records[0].Payload)
				}
			})
		}
	}
}

func spaced(step time.Duration, data ...[]byte) []frame {
	var frames []frame
	for i, d := range data {
		frames = append(frames, frame{time.Duration(i) * step, d})
	}
	return frames
}

func TestUDPAnswerWithoutItsRequest(t *testing.T) {
	e := ends{netip.MustParseAddrPort("192.0.2.1:40000"), netip.MustParseAddrPort("198.51.100.7:53")}
	file := pcapOf(t, layers.LinkTypeEthernet, spaced(0, e.datagram(t, true, "answer")))
	if sink, report := read(t, file, Options{}); len(sink.records) != 0 || report.Skipped["udp_answer_only"] != 1 {
		t.Errorf("%d events, skipped %v", len(sink.records), report.Skipped)
	}
	// To the sensor, it is a probe from a port that passes filters.
	sink, _ := read(t, file, Options{Addresses: map[netip.Addr]bool{e.client.Addr(): true}})
	if len(sink.records) != 1 || sink.records[0].Event.Source != e.server {
		t.Errorf("got %+v", sink.records)
	}
}

func TestUDPFlowEndsAfterAPause(t *testing.T) {
	d := ends4.datagram(t, false, "probe")
	sink, _ := read(t, pcapOf(t, layers.LinkTypeEthernet, spaced(40*time.Second, d, d, d)), Options{})
	if len(sink.records) != 1 {
		t.Errorf("40 s apart: %d events, want 1", len(sink.records))
	}
	sink, _ = read(t, pcapOf(t, layers.LinkTypeEthernet, spaced(61*time.Second, d, d, d)), Options{})
	if len(sink.records) != 3 {
		t.Errorf("61 s apart: %d events, want 3", len(sink.records))
	}
}

// TestUnservedIsAggregated: by source, transport, destination and interval, from the first attempt.
func TestUnservedIsAggregated(t *testing.T) {
	var frames []frame
	for i := range 7 { // 0, 20, 40 | 60, 80, 100 | 120 s
		e := ends4
		e.client = netip.AddrPortFrom(e.client.Addr(), uint16(50000+i))
		frames = append(frames, frame{time.Duration(i) * 20 * time.Second, e.segment(t, seg{flags: "S"})})
	}
	other := ends{ends4.client, netip.AddrPortFrom(ends4.server.Addr(), 23)}
	frames = append(frames, frame{150 * time.Second, other.segment(t, seg{flags: "S"})})
	frames = append(frames, frame{150 * time.Second, ends4.echo(t)}, frame{151 * time.Second, ends4.echo(t)})
	frames = append(frames, frame{152 * time.Second, ends6.echo(t)})
	sink, report := read(t, pcapOf(t, layers.LinkTypeEthernet, frames), Options{})
	var got []string
	for _, r := range sink.records {
		e := r.Event
		if e.Kind != terroir.KindUnserved {
			t.Errorf("got %+v", e)
		}
		got = append(got, fmt.Sprintf("%s %d %d x%d at %s for %s", e.Transport, e.Source.Port(), e.Destination.Port(), e.Attempts, e.Time.Sub(start), e.Duration))
	}
	slices.Sort(got)
	want := []string{"icmp 0 128 x1 at 2m32s for 0s", "icmp 0 8 x2 at 2m30s for 1s", "tcp 40000 23 x1 at 2m30s for 0s",
		"tcp 50000 6379 x3 at 0s for 40s", "tcp 50003 6379 x3 at 1m0s for 40s", "tcp 50006 6379 x1 at 2m0s for 0s"}
	if !slices.Equal(got, want) || len(report.Skipped) != 0 {
		t.Errorf("got  %q\nwant %q\nskipped %v", got, want, report.Skipped)
	}
}

// TestAddresses: only flows to the sensor are events.
func TestAddresses(t *testing.T) {
	ours := Options{Addresses: map[netip.Addr]bool{ends4.server.Addr(): true}}
	theirs := Options{Addresses: map[netip.Addr]bool{ends4.client.Addr(): true}}
	file := pcapOf(t, layers.LinkTypeEthernet, append(ends4.tcp(t, after(handshake, seg{flags: "A", seq: 1, data: "hi"})...),
		frame{time.Second, ends4.datagram(t, false, "probe")}, frame{time.Second, ends4.echo(t)}))
	if sink, report := read(t, file, ours); len(sink.records) != 3 || len(report.Skipped) != 0 {
		t.Errorf("to the sensor: %d events, skipped %v", len(sink.records), report.Skipped)
	}
	if sink, report := read(t, file, theirs); len(sink.records) != 0 || report.Skipped["other_destination"] != 3 {
		t.Errorf("from the sensor: %d events, skipped %v", len(sink.records), report.Skipped)
	}
}
