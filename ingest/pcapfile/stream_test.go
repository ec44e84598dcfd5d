package pcapfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"

	"terroir/ingest"
)

// TestAnySegmentationReassembles: cut as it may be, in any order, with overlaps and repeated, the bytes come back.
func TestAnySegmentationReassembles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 1, 2000).Draw(t, "data")
		base := rapid.Uint32().Draw(t, "base")
		limit := rapid.IntRange(1, 2500).Draw(t, "limit")
		type span struct{ from, to int }
		var spans []span
		for at := 0; at < len(data); {
			to := min(len(data), at+rapid.IntRange(1, 300).Draw(t, "size"))
			spans = append(spans, span{at, to})
			at = to
		}
		for range rapid.IntRange(0, 10).Draw(t, "overlaps") {
			from := rapid.IntRange(0, len(data)-1).Draw(t, "from")
			spans = append(spans, span{from, rapid.IntRange(from+1, len(data)).Draw(t, "to")})
		}
		spans = rapid.Permutation(spans).Draw(t, "order")
		var s stream
		s.start(base)
		for _, sp := range spans {
			if reason := s.add(base+uint32(sp.from), data[sp.from:sp.to], sp.to-sp.from, limit, 2100); reason != "" {
				t.Fatal(reason)
			}
		}
		if want := data[:min(limit, len(data))]; !bytes.Equal(s.kept, want) {
			t.Fatalf("got %x, want %x", s.kept, want)
		}
		if s.total != int64(len(data)) || s.gap(limit) || len(s.pieces) != 0 {
			t.Fatalf("total %d of %d, gap %v, %d pieces", s.total, len(data), s.gap(limit), len(s.pieces))
		}
	})
}

func TestPiecesAreBounded(t *testing.T) {
	var s stream
	s.start(0)
	lost := 0
	for i := range 100 {
		if s.add(uint32(2+2*i), []byte("x"), 1, 1000, 8) == "out_of_order_limit" {
			lost++
		}
	}
	if len(s.pieces) != 8 || lost != 92 {
		t.Errorf("%d pieces, %d lost", len(s.pieces), lost)
	}
	// The bytes at the front are taken even so.
	if reason := s.add(0, []byte("ab"), 2, 1000, 8); reason != "" || string(s.kept) != "abx" {
		t.Errorf("%q, kept %q", reason, s.kept)
	}
}

// TestMemoryIsBounded: with too many flows or bytes the oldest are put early, and none is lost.
func TestMemoryIsBounded(t *testing.T) {
	var frames []frame
	for i := range 50 {
		e := ends4
		e.client = netip.AddrPortFrom(e.client.Addr(), uint16(50000+i))
		for _, s := range after(handshake, seg{flags: "A", seq: 1, data: fmt.Sprint("payload ", i)}) {
			frames = append(frames, frame{-time.Duration(i) * time.Millisecond, e.segment(t, s)}) // a clock that runs backwards
		}
	}
	file := pcapOf(t, layers.LinkTypeEthernet, frames)
	for name, opt := range map[string]Options{"flows": {MaxFlows: 10}, "bytes": {MaxBytes: 100}} {
		sink, report := read(t, file, opt)
		if len(sink.records) != 50 || report.Skipped["evicted"] < 39 {
			t.Errorf("%s: %d events, skipped %v", name, len(sink.records), report.Skipped)
		}
	}
}

// FuzzRead reads any bytes as a capture: no panic, a report that agrees with the sink, the same result twice.
func FuzzRead(f *testing.F) {
	f.Add(pcapOf(f, layers.LinkTypeEthernet, ends4.tcp(f, after(handshake, seg{flags: "FA", seq: 1, data: "hello"})...)))
	f.Add(ngOf(f, frame{0, ends6.datagram(f, false, "probe")}, frame{time.Second, ends6.echo(f)}))
	refused := ends4.datagram(f, false, "probe")
	f.Add(pcapOf(f, layers.LinkTypeEthernet, spaced(time.Second, refused, ends4.unreachable(f, refused))))
	for i, path := range captureFiles(f) {
		if content, err := os.ReadFile(path); err == nil && i%2 == 0 {
			f.Add(content[:min(len(content), 4096)]) // Those that are cut are captures, too.
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		opt := Options{Tunnels: true, MaxFlows: 16, MaxBytes: 4096, KeepBytes: 512, MaxPieces: 4}
		var first, second memory
		report, err := Read(context.Background(), ingest.Source{Reader: bytes.NewReader(file)}, opt, &first)
		_, again := Read(context.Background(), ingest.Source{Reader: bytes.NewReader(file)}, opt, &second)
		if report.Events != int64(len(first.records)) || (err == nil) != (again == nil) || len(first.records) != len(second.records) {
			t.Fatalf("%d events, %d and %d records, %v and %v", report.Events, len(first.records), len(second.records), err, again)
		}
		for i, r := range first.records {
			o := second.records[i].Event
			if *r.Event != *o {
				t.Fatalf("record %d: %+v, then %+v", i, r.Event, o)
			}
			if len(r.Payload) > opt.KeepBytes || r.Event.SourceBytes < int64(len(r.Payload)) || r.Event.Duration < 0 {
				t.Fatalf("record %d: %+v", i, r.Event)
			}
		}
	})
}

// BenchmarkRead reads short sessions of 8 packets, each from a client of its own.
func BenchmarkRead(b *testing.B) {
	var frames []frame
	session := after(handshake, seg{flags: "A", seq: 1, data: "GET / HTTP/1.1\r\n\r\n"}, seg{server: true, flags: "A", seq: 1, ack: 19, data: "HTTP/1.1 200 OK"},
		seg{flags: "A", seq: 19, ack: 16}, seg{flags: "FA", seq: 19}, seg{server: true, flags: "FA", seq: 16})
	for i := range 10_000 {
		e := ends4
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], 0x0a000000+uint32(i))
		e.client = netip.AddrPortFrom(netip.AddrFrom4(ip), 40000)
		for _, s := range session {
			frames = append(frames, frame{time.Duration(i) * time.Millisecond, e.segment(b, s)})
		}
	}
	file := pcapOf(b, layers.LinkTypeEthernet, frames)
	b.ReportAllocs()
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, report := read(b, file, Options{}); report.Events != 10_000 {
			b.Fatalf("%d events", report.Events)
		}
	}
	b.ReportMetric(float64(b.N*len(frames))/b.Elapsed().Seconds(), "packets/s")
}
