package pcapfile

import (
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"terroir"
)

var handshake = []seg{{flags: "S"}, {server: true, flags: "SA", ack: 1}, {flags: "A", seq: 1, ack: 1}}

func after(begin []seg, more ...seg) []seg { return append(append([]seg{}, begin...), more...) }

// TestTCP says, for each way in which a TCP flow can go, what event it becomes.
func TestTCP(t *testing.T) {
	for _, c := range []struct {
		name    string
		segs    []seg
		kind    terroir.Kind // 0: no event, and skipped is the reason
		close   terroir.Close
		payload string
		bytes   int64
		skipped string
	}{
		{"payload, client FIN", after(handshake, seg{flags: "A", seq: 1, data: "PING\r\n"}, seg{flags: "FA", seq: 7}),
			terroir.KindPayload, terroir.CloseClientFIN, "PING\r\n", 6, ""},
		{"payload, server FIN first", after(handshake, seg{flags: "A", seq: 1, data: "hi"}, seg{server: true, flags: "FA", seq: 1}, seg{flags: "FA", seq: 3}),
			terroir.KindPayload, terroir.CloseIdleLimit, "hi", 2, ""},
		{"payload, capture ends", after(handshake, seg{flags: "A", seq: 1, data: "hi"}),
			terroir.KindPayload, 0, "hi", 2, ""},
		{"bytes and FIN in one segment", after(handshake, seg{flags: "FA", seq: 1, data: "bye"}),
			terroir.KindPayload, terroir.CloseClientFIN, "bye", 3, ""},
		{"retransmission", after(handshake, seg{flags: "A", seq: 1, data: "abc"}, seg{flags: "A", seq: 1, data: "abc"}, seg{flags: "A", seq: 4, data: "def"}),
			terroir.KindPayload, 0, "abcdef", 6, ""},
		{"out of order", after(handshake, seg{flags: "A", seq: 4, data: "def"}, seg{flags: "A", seq: 1, data: "abc"}),
			terroir.KindPayload, 0, "abcdef", 6, ""},
		{"overlap: first bytes win", after(handshake, seg{flags: "A", seq: 3, data: "cde"}, seg{flags: "A", seq: 1, data: "abXXXf"}),
			terroir.KindPayload, 0, "abcdef", 6, ""},
		{"gap ends what is kept", after(handshake, seg{flags: "A", seq: 1, data: "abc"}, seg{flags: "A", seq: 10, data: "jkl"}),
			terroir.KindPayload, 0, "abc", 12, "tcp_gap"},
		{"far out of the window", after(handshake, seg{flags: "A", seq: 1, data: "abc"}, seg{flags: "A", seq: 1<<30 + 99, data: "x"}),
			terroir.KindPayload, 0, "abc", 3, "out_of_window"},
		{"connection, server closes", after(handshake, seg{server: true, flags: "FA", seq: 1}, seg{flags: "FA", seq: 1}),
			terroir.KindConnection, terroir.CloseIdleLimit, "", 0, ""},
		{"connection, server speaks, capture ends", after(handshake, seg{server: true, flags: "A", seq: 1, data: "220 hello"}),
			terroir.KindConnection, 0, "", 0, ""},
		{"error, client FIN", after(handshake, seg{flags: "FA", seq: 1}), terroir.KindError, terroir.CloseClientFIN, "", 0, ""},
		{"error, client RST", after(handshake, seg{flags: "R", seq: 1}), terroir.KindError, terroir.CloseClientRST, "", 0, ""},
		{"SYN scan", []seg{{flags: "S"}, {server: true, flags: "SA", ack: 1}, {flags: "R", seq: 1}},
			terroir.KindError, terroir.CloseClientRST, "", 0, ""},
		{"refused", []seg{{flags: "S"}, {server: true, flags: "RA", ack: 1}}, terroir.KindUnserved, 0, "", 0, ""},
		{"SYN sent again counts once", []seg{{flags: "S"}, {flags: "S"}, {flags: "S"}}, terroir.KindUnserved, 0, "", 0, ""},
		{"half open", handshake[:2], 0, 0, "", 0, "half_open"},
		{"backscatter", []seg{{server: true, flags: "SA", ack: 1}}, 0, 0, "", 0, "half_open"},
		{"stray RST", []seg{{server: true, flags: "RA"}}, 0, 0, "", 0, "stray_tcp"},
		{"only the client's direction", []seg{{flags: "S"}, {flags: "A", seq: 1, ack: 1}, {flags: "A", seq: 1, data: "hi"}},
			terroir.KindPayload, 0, "hi", 2, ""},
		{"mid-stream, client first", []seg{{flags: "A", seq: 500, ack: 1, data: "late"}, {server: true, flags: "A", seq: 1, ack: 504}},
			terroir.KindPayload, 0, "late", 4, ""},
		{"mid-stream, server first", []seg{{server: true, flags: "A", seq: 1, ack: 500, data: "answer"}, {flags: "A", seq: 500, data: "late"}},
			terroir.KindPayload, 0, "late", 4, ""},
	} {
		for version, e := range map[string]ends{"IPv4": ends4, "IPv6": ends6} {
			t.Run(c.name+"/"+version, func(t *testing.T) {
				sink, report := read(t, pcapOf(t, layers.LinkTypeEthernet, e.tcp(t, c.segs...)), Options{})
				if c.skipped != "" && report.Skipped[c.skipped] != 1 || c.skipped == "" && len(report.Skipped) > 0 {
					t.Errorf("skipped %v, want %q", report.Skipped, c.skipped)
				}
				if c.kind == 0 {
					if len(sink.records) != 0 {
						t.Fatalf("got %+v", sink.records[0].Event)
					}
					return
				}
				if len(sink.records) != 1 {
					t.Fatalf("%d events, want 1", len(sink.records))
				}
				got, payload := sink.records[0].Event, string(sink.records[0].Payload)
				if got.Kind != c.kind || got.Close != c.close || payload != c.payload || got.SourceBytes != c.bytes {
					t.Errorf("got %v %v %q %d", got.Kind, got.Close, payload, got.SourceBytes)
				}
				if got.Source != e.client || got.Destination != e.server || got.Attempts != 1 || !got.Time.Equal(start) {
					t.Errorf("got %+v", got)
				}
				if got.Truncated != (c.bytes > int64(len(c.payload))) || got.Payload != terroir.NewPayloadID([]byte(c.payload)) {
					t.Errorf("truncated %v, payload %v", got.Truncated, got.Payload)
				}
			})
		}
	}
}

func TestEventFields(t *testing.T) {
	file := pcapOf(t, layers.LinkTypeEthernet, ends4.tcp(t, after(handshake,
		seg{flags: "A", seq: 1, data: "hello"}, seg{server: true, flags: "A", seq: 1, data: "world"}, seg{flags: "FA", seq: 6})...))
	sink, report := read(t, file, Options{
		KeepBytes: 3,
		Name:      func(c, s []byte, _ terroir.Transport) string { return string(c) + "/" + string(s) },
		Hello:     func(b []byte) (terroir.TLSHello, bool) { return terroir.TLSHello{SNI: string(b)}, true },
	})
	e := sink.records[0].Event
	if e.Sensor != "paris-1" || e.Region != "eu-west-3" || e.Tool != "zmap" || e.Duration != 50*time.Millisecond {
		t.Errorf("got %+v", e)
	}
	if e.AppProto != "hel/world" || e.TLS.SNI != "hel" || !e.Truncated || e.SourceBytes != 5 {
		t.Errorf("got %+v", e)
	}
	if report.Protocols["hel/world"] != 1 {
		t.Errorf("protocols %v", report.Protocols)
	}
}

func TestMiraiGivesItselfAway(t *testing.T) {
	e := ends4 // the target's address, 192.0.2.1, as the sequence number
	sink, _ := read(t, pcapOf(t, layers.LinkTypeEthernet, e.tcp(t, seg{flags: "S", seq: 0xc0000201 - 1000})), Options{})
	if got := sink.records[0].Event.Tool; got != "mirai" {
		t.Errorf("tool %q", got)
	}
}

// TestReusedPorts: a new SYN between the same ends is another session.
func TestReusedPorts(t *testing.T) {
	first := after(handshake, seg{flags: "A", seq: 1, data: "one"}, seg{flags: "R", seq: 4})
	file := pcapOf(t, layers.LinkTypeEthernet, ends4.tcp(t, after(first,
		seg{flags: "S", seq: 9000}, seg{server: true, flags: "SA", seq: 70, ack: 9001}, seg{flags: "A", seq: 9001, data: "two"})...))
	sink, _ := read(t, file, Options{})
	var got []string
	for _, r := range sink.records {
		got = append(got, string(r.Payload))
	}
	if strings.Join(got, " ") != "one two" {
		t.Errorf("payloads %q", got)
	}
}

// TestSequenceWrap: sequence numbers begin again at 0.
func TestSequenceWrap(t *testing.T) {
	isn := uint32(0xfffffffe) - 1000
	file := pcapOf(t, layers.LinkTypeEthernet, ends4.tcp(t, seg{flags: "S", seq: isn}, seg{server: true, flags: "SA", ack: isn + 1},
		seg{flags: "A", seq: isn + 4, data: "def"}, seg{flags: "A", seq: isn + 1, data: "abc"}))
	sink, _ := read(t, file, Options{})
	if got := string(sink.records[0].Payload); got != "abcdef" {
		t.Errorf("payload %q", got)
	}
}
