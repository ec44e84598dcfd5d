// Package jsonlfile reads JSON lines as records: one object a line, one event an object. A mapping says which keys mean
// what; without one, the names are those that terroir itself writes. A line that cannot be read is counted, and handed on
// with its number.
package jsonlfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/mapping"
)

// Options of a read.
type Options struct {
	// Mapping says what the keys mean; nil means Default.
	Mapping *mapping.Mapping
	mapping.Options
	// Reject is called for every line that cannot be read, with its number and why. The text is valid until it returns; of
	// a line over maxLine bytes it is the beginning. An error of it ends the read.
	Reject func(line int, text []byte, why error) error
}

// maxLine bounds the bytes of one line.
const maxLine = 16 << 20

// Default is the mapping of what terroir itself writes: the columns of the table of events, with the payload's bytes in
// base64 as payload_b64. It also takes proto for transport, and the kind closed for unserved.
func Default() *mapping.Mapping {
	m := mapping.Identity(mapping.Fields())
	m.Columns[mapping.Payload.String()] = mapping.Names{"payload_b64", "payload"}
	m.Columns[mapping.Transport.String()] = mapping.Names{"transport", "proto"}
	m.Values = map[string]map[string]string{mapping.Kind.String(): {"closed": "unserved"}}
	return m
}

// Read reads JSON lines and puts an event a line into the sink. Blank lines are nothing.
//
// A path of the mapping that is none yields an ECONFIG error. Lines of which not one can be read, and a file that cannot be
// read on (cut short), yield an EINVALID error; what was read before stays in the sink.
func Read(ctx context.Context, src ingest.Source, opt Options, sink ingest.Sink) (ingest.Report, error) {
	m := opt.Mapping
	if m == nil {
		m = Default()
	}
	tree, err := newTree(m)
	if err != nil {
		return ingest.Report{}, &terroir.Error{Code: terroir.ECONFIG, Message: err.Error(), Hint: "a path is a.b or a[0].b"}
	}
	r := &reader{opt: opt, sink: sink, lines: newLines(src.Reader, maxLine), objects: newObjects(tree), converter: mapping.NewConverter(m, src, opt.Options)}
	for n := 0; err == nil; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return r.report, ctx.Err()
		}
		err = r.next(ctx)
	}
	if err != io.EOF {
		return r.report, r.cut(src.Name, err)
	}
	if r.report.Events == 0 && r.first != nil {
		hint := "give --mapping FILE where the keys are not terroir's"
		if opt.Mapping != nil {
			hint = "does the mapping name the keys of this file?"
		}
		return r.report, &terroir.Error{Code: terroir.EINVALID, Where: src.Name, Message: "no line could be read", Err: r.first, Hint: hint}
	}
	return r.report, nil
}

type reader struct {
	opt       Options
	sink      ingest.Sink
	lines     *lines
	objects   *objects
	converter *mapping.Converter
	report    ingest.Report
	// first is why the first line was rejected.
	first error
}

// readError is an error of the input, other than those of sink and Reject.
type readError struct{ error }

func (r *reader) next(ctx context.Context) error {
	line, whole, err := r.lines.next()
	if err == io.EOF {
		return err
	}
	if err != nil {
		return readError{err}
	}
	if !whole {
		return r.reject(line, mapping.Bad("long", "the line is longer than %d bytes; this is its beginning", maxLine))
	}
	if r.lines.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	row, err := r.objects.read(line)
	if err != nil {
		return r.reject(line, err)
	}
	record, err := r.converter.Record(row)
	if err != nil {
		return r.reject(line, err)
	}
	r.report.Events++
	return r.sink.Put(ctx, record)
}

func (r *reader) reject(line []byte, why error) error {
	reason := "row"
	if e, ok := errors.AsType[*mapping.Error](why); ok {
		reason = e.Reason
	}
	r.report.Skip(reason, 1)
	if why == mapping.ErrDuplicate {
		return nil
	}
	if r.first == nil {
		r.first = fmt.Errorf("line %d: %w", r.lines.number, why)
	}
	if r.opt.Reject == nil {
		return nil
	}
	return r.opt.Reject(r.lines.number, line, why)
}

// cut is the error of a file that cannot be read on; those of sink and Reject pass.
func (r *reader) cut(name string, err error) error {
	cause, ok := errors.AsType[readError](err)
	if !ok {
		return err
	}
	why := cause.error
	if errors.Is(why, io.ErrUnexpectedEOF) {
		why = errors.New("the compressed file is cut short")
	}
	return &terroir.Error{Code: terroir.EINVALID, Where: name, Message: fmt.Sprintf("unreadable after line %d", r.lines.number-1), Err: why,
		Hint: "the lines before were read"}
}
