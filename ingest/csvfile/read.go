// Package csvfile reads tables of attempts as records: a header line, then one row an event. A mapping says which of its
// columns mean what. A row that cannot be read is counted, and handed on with its line number.
package csvfile

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/mapping"
)

// Options of a read.
type Options struct {
	// Mapping says what the columns mean; nil for a file whose header uses terroir's names.
	Mapping *mapping.Mapping
	mapping.Options
	// Reject is called for every row that cannot be read, with its line number and why. The fields are valid until it
	// returns. An error of it ends the read.
	Reject func(line int, fields []string, why error) error
}

// maxRecord bounds the bytes of one row, so that a quote that is never closed does not swallow the file.
const maxRecord = 1 << 20

// Read reads a table with a header line and puts an event a row into the sink.
//
// A header that lacks a mapped column, and a file that cannot be read on (cut short, one row over a mebibyte), yield
// an EINVALID error; what was read before stays in the sink.
func Read(ctx context.Context, src ingest.Source, opt Options, sink ingest.Sink) (ingest.Report, error) {
	var rep ingest.Report
	limited := &budget{r: src.Reader, left: maxRecord}
	rows := csv.NewReader(limited)
	rows.ReuseRecord, rows.FieldsPerRecord, rows.LazyQuotes = true, -1, true
	header, err := rows.Read()
	if err != nil {
		return rep, invalid(src.Name, "no header line", err)
	}
	p, err := newParser(header, opt, src)
	if err != nil {
		return rep, err
	}
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return rep, ctx.Err()
		}
		limited.left = maxRecord
		fields, err := rows.Read()
		if err == io.EOF {
			return rep, nil
		}
		if err != nil {
			return rep, invalid(src.Name, fmt.Sprintf("unreadable after row %d", n), err)
		}
		if err := readRow(ctx, rows, fields, p, opt, sink, &rep); err != nil {
			return rep, err
		}
	}
}

func readRow(ctx context.Context, rows *csv.Reader, fields []string, p *parser, opt Options, sink ingest.Sink, rep *ingest.Report) error {
	r, err := p.record(fields)
	if err == nil {
		rep.Events++
		return sink.Put(ctx, r)
	}
	reason := "row"
	if e, ok := errors.AsType[*mapping.Error](err); ok {
		reason = e.Reason
	}
	rep.Skip(reason, 1)
	if opt.Reject == nil || err == mapping.ErrDuplicate {
		return nil
	}
	line, _ := rows.FieldPos(0)
	return opt.Reject(line, fields, err)
}

func invalid(name, message string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the compressed file is cut short")
	}
	if err == io.EOF {
		err = errors.New("the file is empty")
	}
	return &terroir.Error{Code: terroir.EINVALID, Where: name, Message: message, Err: err, Hint: "the rows before were read"}
}

// budget is a reader that refuses to give more than left bytes (and a buffer's worth) for one row.
type budget struct {
	r    io.Reader
	left int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("a row is longer than %d bytes (is a quote not closed?)", maxRecord)
	}
	n, err := b.r.Read(p)
	b.left -= n
	return n, err
}
