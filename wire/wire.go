// Package wire is how records travel from a sensor to the hub, and how they lie in a sensor's spool: messages of
// Protocol Buffers (https://protobuf.dev/programming-guides/encoding/), described in terroir.proto, written and read
// here by hand so that nothing is allocated that a stranger asks for. Unknown fields are skipped: an older hub reads
// what a newer sensor sends.
//
// Names of sensors and epochs stand once in a batch, not in its records. The ids of payloads are not sent: the hub
// computes them from the bytes.
package wire

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"terroir"
)

// Bounds of what is read. More is an error.
const (
	MaxPayload = 1 << 20
	maxString  = 4 << 10
	maxList    = 1 << 16
)

// Numbers of the fields, as in terroir.proto.
const (
	recordSequence     = 1
	recordEvent        = 2
	recordLoss         = 3
	recordHeartbeat    = 4
	recordAnnouncement = 5
	recordPayload      = 6
	recordTranscript   = 7
)

// writer appends fields; a zero value is not written, as Protocol Buffers have it.
type writer struct{ b []byte }

func (w *writer) uint(n protowire.Number, v uint64) {
	if v != 0 {
		w.b = protowire.AppendVarint(protowire.AppendTag(w.b, n, protowire.VarintType), v)
	}
}

func (w *writer) int(n protowire.Number, v int64) {
	if v != 0 {
		w.uint(n, protowire.EncodeZigZag(v))
	}
}

func (w *writer) bool(n protowire.Number, v bool) {
	if v {
		w.uint(n, 1)
	}
}

func (w *writer) bytes(n protowire.Number, v []byte) {
	if len(v) > 0 {
		w.b = protowire.AppendBytes(protowire.AppendTag(w.b, n, protowire.BytesType), v)
	}
}

func (w *writer) string(n protowire.Number, v string) {
	if v != "" {
		w.b = protowire.AppendString(protowire.AppendTag(w.b, n, protowire.BytesType), text(v))
	}
}

// text is v as UTF-8 and of a length that is read again.
func text(v string) string {
	v = strings.ToValidUTF8(v, "\uFFFD")
	if len(v) > maxString {
		v = strings.ToValidUTF8(v[:maxString], "")
	}
	return v
}

// time and duration bring what a clock that was set can say into the bounds of what is read.
func (w *writer) time(n protowire.Number, t time.Time) {
	w.int(n, min(max(t.UnixMicro(), minMicros), maxMicros))
}

func (w *writer) duration(n protowire.Number, d time.Duration) { w.int(n, max(d.Microseconds(), 0)) }

// addr is 4 or 16 bytes, without a zone.
func (w *writer) addr(n protowire.Number, a netip.Addr) {
	if !a.IsValid() {
		return
	}
	a = a.Unmap()
	if a.Is4() {
		v := a.As4()
		w.bytes(n, v[:])
		return
	}
	v := a.As16()
	w.bytes(n, v[:])
}

// message appends what fill writes as a field of its own.
func (w *writer) message(n protowire.Number, fill func(*writer)) {
	var inner writer
	fill(&inner)
	w.b = protowire.AppendBytes(protowire.AppendTag(w.b, n, protowire.BytesType), inner.b)
}

// AppendRecord appends the encoded record to b. The record holds one thing, with a sequence; an empty one appends its
// sequence alone. What a stranger or a clock can make too long is cut here, texts and payloads (an event says so as
// Truncated): a record that the hub does not take would stand in the way of all behind it.
func AppendRecord(b []byte, r *terroir.Record) []byte {
	w := &writer{b}
	payload, transcript := r.Payload[:min(len(r.Payload), MaxPayload)], r.Transcript[:min(len(r.Transcript), MaxPayload)]
	cut := len(payload) < len(r.Payload) || len(transcript) < len(r.Transcript)
	if p := r.Position(); p != nil {
		w.uint(recordSequence, p.Sequence)
	}
	switch {
	case r.Event != nil:
		w.message(recordEvent, func(w *writer) { writeEvent(w, r.Event, cut) })
	case r.Loss != nil:
		w.message(recordLoss, func(w *writer) { writeLoss(w, r.Loss) })
	case r.Heartbeat != nil:
		w.message(recordHeartbeat, func(w *writer) { writeHeartbeat(w, r.Heartbeat) })
	case r.Announcement != nil:
		w.message(recordAnnouncement, func(w *writer) { writeAnnouncement(w, r.Announcement) })
	}
	w.bytes(recordPayload, payload)
	w.bytes(recordTranscript, transcript)
	return w.b
}

// DecodeRecord reads one record from b, which must hold nothing else, into r, whatever was in it. Sensor and epoch are left empty. Byte slices of
// the record are copies. What is not a record, or goes over a bound, yields an EINVALID error. A record of a kind that
// only a later version knows, or an event of such a kind or transport, is read as a loss of the hub's: refusing it would
// hold up all behind it.
func DecodeRecord(b []byte, r *terroir.Record) error {
	d := decoder{atOnce: 1}
	return d.record(b, r)
}

// record is DecodeRecord.
func (d *decoder) record(b []byte, r *terroir.Record) error {
	*r = terroir.Record{}
	var sequence uint64
	later := false
	err := fields(b, func(n protowire.Number, f field) error {
		var err error
		switch n {
		case recordSequence:
			sequence, err = f.uint()
		case recordEvent:
			r.Event, err = d.event(f)
		case recordLoss:
			r.Loss = &terroir.Loss{Time: epoch}
			err = f.message(func(n protowire.Number, f field) error { return readLoss(r.Loss, n, f) })
		case recordHeartbeat:
			r.Heartbeat = &terroir.Heartbeat{Time: epoch}
			err = f.message(func(n protowire.Number, f field) error { return readHeartbeat(r.Heartbeat, n, f) })
		case recordAnnouncement:
			r.Announcement = &terroir.Announcement{Time: epoch}
			err = f.message(func(n protowire.Number, f field) error { return readAnnouncement(r.Announcement, n, f) })
		case recordPayload:
			r.Payload, err = f.bytes(MaxPayload)
		case recordTranscript:
			r.Transcript, err = f.bytes(MaxPayload)
		default:
			later = later || f.typ == protowire.BytesType
		}
		return err
	})
	if err != nil {
		return err
	}
	if later && empty(r) || r.Event != nil && unknownKind(r.Event) {
		*r = terroir.Record{Loss: ofLater(r)}
	}
	return check(r, sequence)
}

func empty(r *terroir.Record) bool {
	return r.Position() == nil && r.Payload == nil && r.Transcript == nil
}

// unknownName is a kind or a transport that only a later version knows.
const unknownName = 255

func unknownKind(e *terroir.Event) bool { return e.Kind == unknownName || e.Transport == unknownName }

// The stage and reason of a loss that stands for a record of a later version.
const (
	LaterStage  = "hub"
	LaterReason = "later_version"
)

// ofLater is what is counted in place of a record of a later version.
func ofLater(r *terroir.Record) *terroir.Loss {
	l := &terroir.Loss{Time: epoch, Stage: LaterStage, Reason: LaterReason, Attempts: 1}
	if r.Event != nil {
		l.Time, l.Attempts = r.Event.Time, min(max(r.Event.Attempts, 1), terroir.MaxAttempts)
	}
	return l
}

// check makes sure that a record holds exactly one thing and that what is needed is there.
func check(r *terroir.Record, sequence uint64) error {
	n := 0
	for _, there := range []bool{r.Event != nil, r.Loss != nil, r.Heartbeat != nil, r.Announcement != nil} {
		if there {
			n++
		}
	}
	if n != 1 {
		return invalid("a record holds %d things, want one", n)
	}
	if sequence == 0 {
		return invalid("a record without a sequence")
	}
	r.Position().Sequence = sequence
	if l := r.Loss; l != nil && (l.Attempts < 0 || l.Attempts > terroir.MaxAttempts) {
		return invalid("a loss of %d attempts", l.Attempts)
	}
	if r.Event == nil {
		if r.Payload != nil || r.Transcript != nil {
			return invalid("a payload without an event")
		}
		return nil
	}
	e := r.Event
	e.Payload, e.Transcript = terroir.NewPayloadID(r.Payload), terroir.NewPayloadID(r.Transcript)
	switch {
	case e.Kind == 0 || e.Transport == 0:
		return invalid("an event without kind or transport")
	case !e.Source.Addr().IsValid():
		return invalid("an event without a source")
	case e.Attempts < 1 || e.Attempts > terroir.MaxAttempts:
		return invalid("an event with %d attempts", e.Attempts)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return &terroir.Error{Code: terroir.EINVALID, Where: "wire", Message: fmt.Sprintf(format, args...)}
}

// Times are microseconds since 1970 and must be within the years that tables and people can hold.
const (
	minMicros = -62135596800 * 1e6 // year 1
	maxMicros = 253402300799 * 1e6 // year 9999
)

// epoch is the time that is not written, being zero.
var epoch = time.UnixMicro(0).UTC()

func timeOf(us int64) (time.Time, error) {
	if us < minMicros || us > maxMicros {
		return time.Time{}, invalid("a time of %d microseconds", us)
	}
	return time.UnixMicro(us).UTC(), nil
}

func durationOf(us int64) (time.Duration, error) {
	if us < 0 || us > math.MaxInt64/1000 {
		return 0, invalid("a duration of %d microseconds", us)
	}
	return time.Duration(us) * time.Microsecond, nil
}
