package lake

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

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
func appendNumbered[T any](ctx context.Context, l *Lake, t *tableOf[T], rows []*T, stream uint64,
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
			after.advance(position(fresh[i]))
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
func notHeld[T any](rows []*T, m Marks, position func(*T) *terroir.Position) []*T {
	held := func(r *T) bool { return m.Holds(position(r)) }
	if !slices.ContainsFunc(rows, held) {
		return rows
	}
	return slices.DeleteFunc(slices.Clone(rows), held)
}

// pointers are those to the rows.
func pointers[T any](rows []T) []*T {
	ps := make([]*T, len(rows))
	for i := range rows {
		ps[i] = &rows[i]
	}
	return ps
}

// commitRows appends the rows and sets the properties in one fenced transaction and returns the table as it then is;
// with neither it does nothing.
func commitRows[T any](ctx context.Context, tbl *table.Table, t *tableOf[T], rows []*T, props iceberg.Properties) (*table.Table, error) {
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
