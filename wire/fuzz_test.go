package wire

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/pcapfile"
)

// sink keeps what captures hold.
type sink []terroir.Record

// Put implements ingest.Sink.
func (s *sink) Put(_ context.Context, r terroir.Record) error {
	*s = append(*s, r)
	return nil
}

// realRecords are some of each of the small captures; none where those are not at hand.
func realRecords(f *testing.F) (all sink) {
	f.Helper()
	files, _ := filepath.Glob(filepath.Join("..", "..", "shared", "data", "pcap", "*", "*.pcap*"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var list sink
		if len(b) > 16<<10 {
			continue
		}
		source := ingest.Source{Reader: bytes.NewReader(b), Sensor: "s", Region: "r"}
		if _, err := pcapfile.Read(context.Background(), source, pcapfile.Options{KeepBytes: 2 << 10}, &list); err != nil {
			f.Fatal(err)
		}
		for i := range list[:min(len(list), 2)] {
			list[i].Event.Sequence = uint64(i + 1)
			all = append(all, list[i])
		}
	}
	return all
}

// unknown is fields of a later version, of every type.
var unknown = func() []byte {
	b := protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 7)
	b = protowire.AppendString(protowire.AppendTag(b, 1001, protowire.BytesType), "later")
	b = protowire.AppendFixed32(protowire.AppendTag(b, 1002, protowire.Fixed32Type), 7)
	return protowire.AppendFixed64(protowire.AppendTag(b, 1003, protowire.Fixed64Type), 7)
}()

// FuzzDecodeRecord: what is read is within its bounds, comes back when it is written, and is the same with fields of a
// later version behind it.
func FuzzDecodeRecord(f *testing.F) {
	for _, r := range append(realRecords(f), sample().Records...) {
		f.Add(AppendRecord(nil, &r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var r, again, later terroir.Record
		if DecodeRecord(b, &r) != nil {
			return
		}
		if len(r.Payload)+len(r.Transcript) > len(b) {
			t.Fatalf("%d bytes of %d", len(r.Payload)+len(r.Transcript), len(b))
		}
		if err := DecodeRecord(AppendRecord(nil, &r), &again); err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("what was decoded does not come back: %v\n%+v\n%+v", err, r, again)
		}
		if err := DecodeRecord(append(bytes.Clone(b), unknown...), &later); err != nil || !reflect.DeepEqual(r, later) {
			t.Fatalf("with fields of a later version: %v\n%+v\n%+v", err, r, later)
		}
		clear(r.Payload)
		clear(r.Transcript)
		if !bytes.Equal(b, before) {
			t.Fatal("the record's bytes are not copies")
		}
	})
}

// FuzzDecodeBatch: what is read has one sensor's positions, of rising sequences, and decoding is stable.
func FuzzDecodeBatch(f *testing.F) {
	f.Add(AppendBatch(nil, sample()))
	f.Add([]byte{})
	records := realRecords(f)
	for n := 8; len(records) >= n; records = records[n:] {
		for i := range records[:n] {
			records[i].Event.Sequence = uint64(i + 1)
		}
		f.Add(AppendBatch(nil, &Batch{Sensor: "paris-1", Epoch: 42, Records: records[:n]}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		batch, err := DecodeBatch(b)
		if err != nil {
			if terroir.ErrorCode(err) != terroir.EINVALID {
				t.Errorf("%T %v", err, err)
			}
			return
		}
		last := uint64(0)
		for i := range batch.Records {
			p := batch.Records[i].Position()
			if p.Sequence <= last || p.Sensor != batch.Sensor || p.Epoch != batch.Epoch {
				t.Fatalf("%+v after %d in a batch of %s", p, last, batch.Sensor)
			}
			last = p.Sequence
		}
		again, err := DecodeBatch(AppendBatch(nil, &batch))
		if err != nil {
			t.Fatalf("what was decoded does not decode again: %v", err)
		}
		if !reflect.DeepEqual(again, batch) {
			t.Fatal("decoding is not stable")
		}
	})
}
