package wire

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"terroir"
)

// Fields of a batch.
const (
	batchVersion = 1
	batchSensor  = 2
	batchEpoch   = 3
	batchRecord  = 4
)

// Version of the format. A hub reads every version up to its own.
const Version = 1

// maxRecords bounds the records of a batch.
const maxRecords = 1 << 16

// Batch is a run of records of one sensor's epoch.
type Batch struct {
	Sensor  string
	Epoch   uint64
	Records []terroir.Record
}

// Builder makes a batch from records that are encoded already.
type Builder struct {
	w       writer
	records int
}

// NewBuilder begins a batch.
func NewBuilder(sensor string, epoch uint64) *Builder {
	b := &Builder{}
	b.w.uint(batchVersion, Version)
	b.w.string(batchSensor, sensor)
	b.w.uint(batchEpoch, epoch)
	return b
}

// Add adds a record as AppendRecord wrote it.
func (b *Builder) Add(record []byte) {
	b.w.b = protowire.AppendBytes(protowire.AppendTag(b.w.b, batchRecord, protowire.BytesType), record)
	b.records++
}

// Size is the size of the batch so far, in bytes; Records the number of its records.
func (b *Builder) Size() int { return len(b.w.b) }

// Records is the number of records added.
func (b *Builder) Records() int { return b.records }

// Bytes is the encoded batch. It is valid until the next Add.
func (b *Builder) Bytes() []byte { return b.w.b }

// AppendBatch appends the encoded batch to b.
func AppendBatch(b []byte, batch *Batch) []byte {
	builder := NewBuilder(batch.Sensor, batch.Epoch)
	var record []byte
	for i := range batch.Records {
		record = AppendRecord(record[:0], &batch.Records[i])
		builder.Add(record)
	}
	return append(b, builder.Bytes()...)
}

// DecodeBatch reads a batch and sets the positions of its records. A batch of a later version, without a proper name
// of a sensor, or whose sequences do not rise yields an EINVALID error.
func DecodeBatch(b []byte) (Batch, error) {
	var batch Batch
	if n := countRecords(b); n > 0 {
		batch.Records = make([]terroir.Record, 0, n)
	}
	var version uint64
	d := decoder{atOnce: eventsAtOnce}
	err := fields(b, func(n protowire.Number, f field) (err error) {
		switch n {
		case batchVersion:
			version, err = f.uint()
		case batchSensor:
			batch.Sensor, err = f.string()
		case batchEpoch:
			batch.Epoch, err = f.uint()
		case batchRecord:
			err = batch.add(&d, f)
		}
		return err
	})
	if err != nil {
		return batch, err
	}
	if version == 0 || version > Version {
		return batch, invalid("a batch of version %d, versions up to %d are known", version, Version)
	}
	if err := terroir.ValidateName("sensor", batch.Sensor); err != nil {
		return batch, err
	}
	return batch, batch.place()
}

// countRecords counts the records of a batch, up to where it is malformed.
func countRecords(b []byte) (n int) {
	_ = fields(b, func(field protowire.Number, _ field) error { // Decoding says what is wrong.
		if field == batchRecord && n < maxRecords {
			n++
		}
		return nil
	})
	return n
}

func (b *Batch) add(d *decoder, f field) error {
	if len(b.Records) >= maxRecords {
		return invalid("more than %d records", maxRecords)
	}
	if f.typ != protowire.BytesType {
		return invalid("a number where a record is wanted")
	}
	b.Records = append(b.Records, terroir.Record{})
	return d.record(f.raw, &b.Records[len(b.Records)-1])
}

// place gives every record its position.
func (b *Batch) place() error {
	last := uint64(0)
	for i := range b.Records {
		p := b.Records[i].Position()
		if p.Sequence <= last {
			return invalid("sequence %d after %d", p.Sequence, last)
		}
		last = p.Sequence
		p.Sensor, p.Epoch = b.Sensor, b.Epoch
	}
	b.date()
	return nil
}

// date gives records of a later version, which do not tell when they are from, the time of the one before them, or of the
// one behind them.
func (b *Batch) date() {
	var near time.Time
	for i := range b.Records {
		near = dated(&b.Records[i], near)
	}
	for i := len(b.Records) - 1; i >= 0; i-- {
		near = dated(&b.Records[i], near)
	}
}

// dated is the time of the record, which is near where it has none.
func dated(r *terroir.Record, near time.Time) time.Time {
	switch {
	case r.Event != nil:
		return r.Event.Time
	case r.Heartbeat != nil:
		return r.Heartbeat.Time
	case r.Announcement != nil:
		return r.Announcement.Time
	case r.Loss.Reason == LaterReason && r.Loss.Time.Equal(epoch) && !near.IsZero():
		r.Loss.Time = near
	}
	return r.Loss.Time
}
