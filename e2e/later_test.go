package e2e

import (
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"terroir"
	"terroir/wire"
)

// withUnknown is the batch as a later version might have it: with fields that are not known in the batch, in its records and
// in what they hold.
func withUnknown(t *testing.T, batch []byte) []byte {
	t.Helper()
	var out []byte
	eachField(t, batch, func(n protowire.Number, whole, value []byte) {
		if n == 4 {
			whole = protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), laterRecord(t, value))
		}
		out = append(out, whole...)
	})
	return unknownFields(out)
}

// ofLater is a batch that begins behind p: a record of a kind that is not known, an event of a kind that is not known, which
// stands for three attempts, and a loss as ever.
func ofLater(p terroir.Position) []byte {
	b := wire.NewBuilder(p.Sensor, p.Epoch)
	numbered := func(n uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), p.Sequence+n)
	}
	b.Add(protowire.AppendString(protowire.AppendTag(numbered(1), 42, protowire.BytesType), "nobody knows"))
	var event []byte
	for n, v := range map[protowire.Number]uint64{5: 77, 6: 1, 11: protowire.EncodeZigZag(3)} {
		event = protowire.AppendVarint(protowire.AppendTag(event, n, protowire.VarintType), v)
	}
	event = protowire.AppendBytes(protowire.AppendTag(event, 7, protowire.BytesType), []byte{100, 64, 0, 1})
	b.Add(protowire.AppendBytes(protowire.AppendTag(numbered(2), 2, protowire.BytesType), event))
	l := &terroir.Loss{Position: terroir.Position{Sequence: p.Sequence + 3}, Time: time.Unix(1, 0), Stage: "tap", Reason: "behind", Attempts: 1}
	b.Add(wire.AppendRecord(nil, &terroir.Record{Loss: l}))
	return b.Bytes()
}

func laterRecord(t *testing.T, record []byte) []byte {
	t.Helper()
	var out []byte
	eachField(t, record, func(n protowire.Number, whole, value []byte) {
		if n >= 2 && n <= 5 {
			whole = protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), unknownFields(value))
		}
		out = append(out, whole...)
	})
	return unknownFields(out)
}

// unknownFields are b and fields of every type that nobody knows.
func unknownFields(b []byte) []byte {
	b = append([]byte{}, b...)
	b = protowire.AppendVarint(protowire.AppendTag(b, 200, protowire.VarintType), 7)
	b = protowire.AppendString(protowire.AppendTag(b, 201, protowire.BytesType), "later")
	b = protowire.AppendFixed32(protowire.AppendTag(b, 202, protowire.Fixed32Type), 7)
	return protowire.AppendFixed64(protowire.AppendTag(b, 203, protowire.Fixed64Type), 7)
}

// eachField calls f with each field, whole and, where it is of bytes, its value.
func eachField(t *testing.T, b []byte, f func(n protowire.Number, whole, value []byte)) {
	t.Helper()
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeField(b)
		if size < 0 {
			t.Fatal("malformed")
		}
		whole := b[:size]
		var value []byte
		if typ == protowire.BytesType {
			_, _, head := protowire.ConsumeTag(whole)
			value, _ = protowire.ConsumeBytes(whole[head:])
		}
		f(n, whole, value)
		b = b[size:]
	}
}
