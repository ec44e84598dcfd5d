package lake

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"terroir"
)

// maxTries bounds how often one append is tried: with more conflicts than this something else is wrong.
const maxTries = 30

// fenced tries work on a freshly loaded table until it commits. After an error nothing is known about the commit, so
// work must look again at what the table holds (rule 4).
func (l *Lake) fenced(ctx context.Context, name string, work func(*table.Table) error) error {
	var err error
	for try := range maxTries {
		var t *table.Table
		if t, err = l.cat.LoadTable(ctx, identifier(name)); err == nil {
			err = work(guarded(t, l.cat))
		}
		if err == nil || ctx.Err() != nil || !worthRetry(err) {
			break
		}
		pause := time.Duration(1+rand.IntN(20*(try+1))) * time.Millisecond
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	if err != nil {
		return fmt.Errorf("table %s: %w", name, err)
	}
	return nil
}

// worthRetry is false for errors that trying again cannot mend.
func worthRetry(err error) bool {
	return !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EROFS) && !errors.Is(err, os.ErrPermission)
}

// appendNumbered appends the rows that the table's marks do not hold and moves the marks over them, over the stream
// position and over the positions of others. It returns the marks that the table then has.
func appendNumbered[T any](ctx context.Context, l *Lake, t *tableOf[T], rows []T, stream uint64,
	position func(*T) *terroir.Position, others ...*terroir.Position) (Marks, error) {
	var after Marks
	if len(rows) == 0 && len(others) == 0 && stream == 0 {
		return after, nil
	}
	err := l.fenced(ctx, t.name, func(tbl *table.Table) error {
		before, err := parseMarks(tbl.Properties())
		if err != nil {
			return err
		}
		after = before.Clone()
		after.Stream = max(after.Stream, stream)
		fresh := notHeld(rows, before, position)
		for i := range fresh {
			after.advance(position(&fresh[i]))
		}
		for _, p := range others {
			after.advance(p)
		}
		_, err = commitRows(ctx, tbl, t, fresh, before.changes(after))
		return err
	})
	return after, err
}

// notHeld returns the rows that the marks do not hold: rows itself when that is all of them.
func notHeld[T any](rows []T, m Marks, position func(*T) *terroir.Position) []T {
	held := 0
	for i := range rows {
		if m.Holds(position(&rows[i])) {
			held++
		}
	}
	if held == 0 {
		return rows
	}
	fresh := make([]T, 0, len(rows)-held)
	for i := range rows {
		if !m.Holds(position(&rows[i])) {
			fresh = append(fresh, rows[i])
		}
	}
	return fresh
}

// commitRows appends the rows and sets the properties in one fenced transaction and returns the table as it then is;
// with neither it does nothing.
func commitRows[T any](ctx context.Context, tbl *table.Table, t *tableOf[T], rows []T, props iceberg.Properties) (*table.Table, error) {
	if len(rows) == 0 && len(props) == 0 {
		return tbl, nil
	}
	tx := tbl.NewTransaction()
	if err := fence(tx); err != nil {
		return nil, err
	}
	if len(props) > 0 {
		if err := tx.SetProperties(props); err != nil {
			return nil, err
		}
	}
	if len(rows) > 0 {
		if err := stage(ctx, tbl, tx, t, rows); err != nil {
			return nil, err
		}
	}
	return tx.Commit(ctx)
}

// stage adds the rows to the transaction. Many rows are written by two writers at the same time, each into a file of its own;
// what a commit that fails leaves behind is swept up by Expire.
func stage[T any](ctx context.Context, tbl *table.Table, tx *table.Transaction, t *tableOf[T], rows []T) error {
	if len(rows) <= partRows {
		r := &parts[T]{table: t, rows: rows}
		defer r.drop()
		return errors.Join(tx.Append(ctx, r, nil), r.err)
	}
	half := len(rows) / 2
	var written [2][]iceberg.DataFile
	g, writing := errgroup.WithContext(ctx)
	for i, share := range [][]T{rows[:half], rows[half:]} {
		g.Go(func() (err error) {
			written[i], err = writeFiles(writing, tbl, t, share)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return tx.AddDataFiles(ctx, append(written[0], written[1]...), nil)
}

// writeFiles writes data files that no snapshot knows yet.
func writeFiles[T any](ctx context.Context, tbl *table.Table, t *tableOf[T], rows []T) (files []iceberg.DataFile, err error) {
	r := &parts[T]{table: t, rows: rows}
	defer r.drop()
	records := func(yield func(arrow.RecordBatch, error) bool) {
		for r.Next() {
			r.now.Retain() // The writer releases what it takes.
			if !yield(r.now, nil) {
				return
			}
		}
		if r.err != nil {
			yield(nil, r.err)
		}
	}
	for f, err := range table.WriteRecords(ctx, tbl, t.arrow, records) {
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// partRows is how many rows become columns together, and how many are sorted together; larger batches are in order only after
// a compaction.
const partRows = 50_000

// parts is an array.RecordReader over rows. It is read by one goroutine.
type parts[T any] struct {
	table *tableOf[T]
	rows  []T
	now   arrow.RecordBatch
	err   error
}

func (p *parts[T]) drop() {
	if p.now != nil {
		p.now.Release()
		p.now = nil
	}
}

// Next implements array.RecordReader.
func (p *parts[T]) Next() bool {
	p.drop()
	if len(p.rows) == 0 || p.err != nil {
		return false
	}
	n := min(partRows, len(p.rows))
	p.now, p.err = p.table.record(p.rows[:n])
	p.rows = p.rows[n:]
	return p.err == nil
}

// Retain implements array.RecordReader. The memory is the collector's.
func (p *parts[T]) Retain() {}

// Release implements array.RecordReader.
func (p *parts[T]) Release() {}

// Schema implements array.RecordReader.
func (p *parts[T]) Schema() *arrow.Schema { return p.table.arrow }

// RecordBatch implements array.RecordReader.
func (p *parts[T]) RecordBatch() arrow.RecordBatch { return p.now }

// Record implements array.RecordReader.
func (p *parts[T]) Record() arrow.RecordBatch { return p.now }

// Err implements array.RecordReader.
func (p *parts[T]) Err() error { return p.err }
