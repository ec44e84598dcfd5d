package wire

import (
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"terroir"
)

func addrGen() *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		if rapid.Bool().Draw(t, "v4") {
			return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "a")))
		}
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "a"))).Unmap()
	})
}

func timeGen() *rapid.Generator[time.Time] {
	return rapid.Map(rapid.Int64Range(minMicros, maxMicros), func(us int64) time.Time { return time.UnixMicro(us).UTC() })
}

func eventGen() *rapid.Generator[terroir.Record] {
	text := rapid.StringN(0, 20, 200)
	return rapid.Custom(func(t *rapid.T) terroir.Record {
		e := &terroir.Event{
			Time: timeGen().Draw(t, "time"), Duration: time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "duration")) * time.Microsecond,
			Region: text.Draw(t, "region"), Revision: rapid.Int32().Draw(t, "revision"),
			Kind: terroir.Kind(rapid.IntRange(1, 4).Draw(t, "kind")), Transport: terroir.Transport(rapid.IntRange(1, 3).Draw(t, "transport")),
			Source:      netip.AddrPortFrom(addrGen().Draw(t, "src"), rapid.Uint16().Draw(t, "sport")),
			Destination: netip.AddrPortFrom(addrGen().Draw(t, "dst"), rapid.Uint16().Draw(t, "dport")),
			Attempts:    rapid.Int64Range(1, terroir.MaxAttempts).Draw(t, "attempts"), SourceBytes: rapid.Int64().Draw(t, "bytes"),
			Truncated: rapid.Bool().Draw(t, "truncated"), Close: terroir.Close(rapid.IntRange(0, 6).Draw(t, "close")),
			AppProto: text.Draw(t, "proto"), Tool: text.Draw(t, "tool"), TCPSignature: text.Draw(t, "sig"), Explored: rapid.Bool().Draw(t, "explored"),
			TLS: terroir.TLSHello{Version: text.Draw(t, "v"), SNI: text.Draw(t, "sni"), ALPN: text.Draw(t, "alpn"), JA3: text.Draw(t, "ja3"), JA4: text.Draw(t, "ja4")},
		}
		r := terroir.Record{Event: e}
		r.Payload = nonEmpty(rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "payload"))
		r.Transcript = nonEmpty(rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "transcript"))
		e.Payload, e.Transcript = terroir.NewPayloadID(r.Payload), terroir.NewPayloadID(r.Transcript)
		return r
	})
}

func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func recordGen() *rapid.Generator[terroir.Record] {
	text := rapid.StringN(0, 10, 100)
	interval := rapid.Map(rapid.Int64Range(0, 1e12), func(us int64) time.Duration { return time.Duration(us) * time.Microsecond })
	loss := rapid.Custom(func(t *rapid.T) terroir.Record {
		return terroir.Record{Loss: &terroir.Loss{Time: timeGen().Draw(t, "time"), Stage: text.Draw(t, "stage"), Reason: text.Draw(t, "reason"), Attempts: rapid.Int64Range(0, terroir.MaxAttempts).Draw(t, "n")}}
	})
	beat := rapid.Custom(func(t *rapid.T) terroir.Record {
		return terroir.Record{Heartbeat: &terroir.Heartbeat{Time: timeGen().Draw(t, "time"), Interval: interval.Draw(t, "i"), Region: text.Draw(t, "r"), Revision: rapid.Int32().Draw(t, "rev"), Tap: rapid.Bool().Draw(t, "tap"), Serial: rapid.Uint64().Draw(t, "s"),
			Refusal: terroir.Refusal{Serial: rapid.Uint64().Draw(t, "rs"), Reason: terroir.ShortReason(text.Draw(t, "why"))}}}
	})
	announcement := rapid.Custom(func(t *rapid.T) terroir.Record {
		a := &terroir.Announcement{Time: timeGen().Draw(t, "time"), Region: text.Draw(t, "r"), Version: text.Draw(t, "v"), Serial: rapid.Uint64().Draw(t, "s")}
		a.Addresses = rapid.SliceOfN(addrGen(), 1, 3).Draw(t, "addresses")
		a.Configuration = terroir.Containers()
		a.Configuration.Ports[0].Persona, a.Configuration.Ports[0].Proxy = text.Draw(t, "persona"), rapid.Bool().Draw(t, "proxy")
		return terroir.Record{Announcement: a}
	})
	return rapid.OneOf(eventGen(), loss, beat, announcement)
}

func TestBatchesComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batch := Batch{Sensor: "paris-1", Epoch: rapid.Uint64().Draw(t, "epoch")}
		sequence := uint64(0)
		for range rapid.IntRange(0, 5).Draw(t, "n") {
			r := recordGen().Draw(t, "record")
			sequence += rapid.Uint64Range(1, 1000).Draw(t, "step")
			*r.Position() = terroir.Position{Sensor: batch.Sensor, Epoch: batch.Epoch, Sequence: sequence}
			batch.Records = append(batch.Records, r)
		}
		got, err := DecodeBatch(AppendBatch(nil, &batch))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, batch) {
			t.Fatalf("got  %+v\nwant %+v", got, batch)
		}
	})
}

func sample() *Batch {
	e := &terroir.Event{Time: time.Date(2022, 6, 14, 12, 0, 0, 0, time.UTC), Region: "eu-west-3", Kind: terroir.KindPayload, Transport: terroir.TCP,
		Source: netip.MustParseAddrPort("100.64.0.1:40000"), Destination: netip.MustParseAddrPort("[2001:db8::1]:6379"), Attempts: 1,
		SourceBytes: 6, Close: terroir.CloseClientFIN, AppProto: "redis", Duration: time.Second, Revision: 3}
	e.Sequence = 1
	h := &terroir.Heartbeat{Time: e.Time, Interval: time.Minute, Region: "eu-west-3", Revision: 3, Tap: true}
	h.Sequence = 2
	return &Batch{Sensor: "paris-1", Epoch: 42, Records: []terroir.Record{{Event: e, Payload: []byte("PING\r\n")}, {Heartbeat: h}}}
}

// The file was written when version 1 was made. It must be understood for ever.
func TestRecordedBatchIsUnderstoodForEver(t *testing.T) {
	file := filepath.Join("testdata", "v1.batch")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	want, err := DecodeBatch(AppendBatch(nil, sample()))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestUnknownFieldsAreSkipped(t *testing.T) {
	b := AppendBatch(nil, sample())
	b = protowire.AppendBytes(protowire.AppendTag(b, 99, protowire.BytesType), []byte("of the future"))
	b = protowire.AppendFixed64(protowire.AppendTag(b, 98, protowire.Fixed64Type), 1)
	got, err := DecodeBatch(b)
	if err != nil || len(got.Records) != 2 {
		t.Errorf("%d records, %v", len(got.Records), err)
	}
}

// A hub that refused what a later version added would hold up all that the sensor has to say.
func TestWhatOnlyALaterVersionKnowsIsCounted(t *testing.T) {
	kind := sample()
	kind.Records[0].Event.Kind, kind.Records[0].Event.Attempts = 9, 5
	transport := sample()
	transport.Records[0].Event.Transport = 9
	record := NewBuilder("paris-1", 42)
	numbered := protowire.AppendVarint(protowire.AppendTag(nil, recordSequence, protowire.VarintType), 1)
	record.Add(protowire.AppendBytes(protowire.AppendTag(numbered, 42, protowire.BytesType), []byte("?")))
	record.Add(AppendRecord(nil, &sample().Records[1]))
	for name, c := range map[string]struct {
		batch    []byte
		attempts int64
	}{"kind": {AppendBatch(nil, kind), 5}, "transport": {AppendBatch(nil, transport), 1}, "record": {record.Bytes(), 1}} {
		got, err := DecodeBatch(c.batch)
		if err != nil || len(got.Records) != 2 || got.Records[1].Heartbeat == nil {
			t.Errorf("%s: %+v %v", name, got, err)
			continue
		}
		want := terroir.Loss{Position: terroir.Position{Sensor: "paris-1", Epoch: 42, Sequence: 1}, Time: sample().Records[0].Event.Time,
			Stage: LaterStage, Reason: LaterReason, Attempts: c.attempts}
		if l := got.Records[0].Loss; l == nil || *l != want || got.Records[0].Payload != nil {
			t.Errorf("%s: got %+v, want %+v", name, got.Records[0], want)
		}
	}
	ended := sample()
	ended.Records[0].Event.Close = 99
	if got, err := DecodeBatch(AppendBatch(nil, ended)); err != nil || got.Records[0].Event == nil || got.Records[0].Event.Close != 0 {
		t.Errorf("a reason to close: %+v %v", got, err)
	}
}

func TestWhatIsNotABatchIsRefused(t *testing.T) {
	change := func(f func(*Batch)) []byte {
		b := sample()
		f(b)
		return AppendBatch(nil, b)
	}
	for name, b := range map[string][]byte{
		"nothing":           nil,
		"garbage":           []byte("GET / HTTP/1.1\r\n\r\n"),
		"cut":               AppendBatch(nil, sample())[:40],
		"name":              change(func(b *Batch) { b.Sensor = "../x" }),
		"order":             change(func(b *Batch) { b.Records[1].Heartbeat.Sequence = 1 }),
		"no sequence":       change(func(b *Batch) { b.Records[0].Event.Sequence = 0 }),
		"no kind":           change(func(b *Batch) { b.Records[0].Event.Kind = 0 }),
		"no attempts":       change(func(b *Batch) { b.Records[0].Event.Attempts = 0 }),
		"no source":         change(func(b *Batch) { b.Records[0].Event.Source = netip.AddrPort{} }),
		"payload too large": with(recordPayload, make([]byte, MaxPayload+1)),
		"text too long":     with(recordEvent, protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), make([]byte, maxString+1))),
		"empty record":      change(func(b *Batch) { b.Records = append(b.Records, terroir.Record{}) }),
	} {
		if _, err := DecodeBatch(b); terroir.ErrorCode(err) != terroir.EINVALID {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// with is a batch of one record to which a field was added that no writer here would write.
func with(n protowire.Number, value []byte) []byte {
	record := protowire.AppendBytes(protowire.AppendTag(AppendRecord(nil, &sample().Records[0]), n, protowire.BytesType), value)
	b := NewBuilder("paris-1", 42)
	b.Add(record)
	return b.Bytes()
}

// A record that the hub refuses would be sent again for ever, and all behind it would wait.
func TestWhateverASensorSawIsTaken(t *testing.T) {
	for name, see := range map[string]func(*terroir.Record){
		"long text":         func(r *terroir.Record) { r.Event.TLS.ALPN = strings.Repeat("h2,", maxString) },
		"long letters":      func(r *terroir.Record) { r.Event.TLS.SNI = strings.Repeat("é", maxString) },
		"invalid text":      func(r *terroir.Record) { r.Event.AppProto = strings.Repeat("a\xff", maxString/2) },
		"clock set back":    func(r *terroir.Record) { r.Event.Duration = -time.Second },
		"clock not set":     func(r *terroir.Record) { r.Event.Time = time.Time{} },
		"clock far ahead":   func(r *terroir.Record) { r.Event.Time = time.Unix(1<<40, 0) },
		"long payload":      func(r *terroir.Record) { r.Payload = make([]byte, MaxPayload+1) },
		"long transcript":   func(r *terroir.Record) { r.Transcript = make([]byte, MaxPayload+1) },
		"of no destination": func(r *terroir.Record) { r.Event.Destination = netip.AddrPort{} },
	} {
		r := sample().Records[0]
		see(&r)
		long := len(r.Payload) > MaxPayload || len(r.Transcript) > MaxPayload
		got := terroir.Record{Loss: &terroir.Loss{}} // what was in it before must not matter
		if err := DecodeRecord(AppendRecord(nil, &r), &got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Event.Truncated != long {
			t.Errorf("%s: truncated is %v", name, got.Event.Truncated)
		}
		var again terroir.Record
		if err := DecodeRecord(AppendRecord(nil, &got), &again); err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%s: a second time: %v", name, err)
		}
	}
}

func TestInvalidTextIsMended(t *testing.T) {
	b := sample()
	b.Records[0].Event.AppProto = "re\xffdis"
	got, err := DecodeBatch(AppendBatch(nil, b))
	if err != nil || got.Records[0].Event.AppProto != "re\uFFFDdis" {
		t.Errorf("%q %v", got.Records[0].Event.AppProto, err)
	}
}

func BenchmarkDecodeBatch(b *testing.B) {
	batch := sample()
	for i := range 1000 {
		e := *batch.Records[0].Event
		e.Sequence = uint64(i + 3)
		batch.Records = append(batch.Records, terroir.Record{Event: &e, Payload: []byte("PING\r\n")})
	}
	encoded := AppendBatch(nil, batch)
	b.SetBytes(int64(len(encoded)))
	for b.Loop() {
		if _, err := DecodeBatch(encoded); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(batch.Records))*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// One record must not spoil the sums of all others.
func TestARecordStandsForSoManyAttempts(t *testing.T) {
	for n, ok := range map[int64]bool{-1: false, 0: false, 1: true, terroir.MaxAttempts: true, terroir.MaxAttempts + 1: false, math.MaxInt64: false} {
		e, l := sample().Records[0], terroir.Record{Loss: &terroir.Loss{Attempts: n}}
		e.Event.Attempts = n
		if err := check(&e, 1); (err == nil) != ok {
			t.Errorf("an event with %d attempts: %v", n, err)
		}
		if err := check(&l, 1); (err == nil) != (ok || n == 0) {
			t.Errorf("a loss of %d attempts: %v", n, err)
		}
	}
	many := sample()
	many.Records[0].Event.Attempts = math.MaxInt64 // A sensor that counts so far is heard all the same.
	b, err := DecodeBatch(AppendBatch(nil, many))
	if err != nil || b.Records[0].Event.Attempts != terroir.MaxAttempts {
		t.Errorf("%+v, %v", b, err)
	}
}
