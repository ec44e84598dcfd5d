package lake

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"terroir"
)

// rebuildRows is how many facts are written at a time.
const rebuildRows = 1 << 15

// Rebuild analyzes every payload again and replaces the table payload_facts, in one commit; events and payloads are not
// touched. It returns how many payloads there were. A reader sees the old facts or the new ones. progress is told how many payloads
// are done; it may be nil.
//
// What other writers add to the table meanwhile makes it begin again.
func (l *Lake) Rebuild(ctx context.Context, analyze func(id terroir.PayloadID, payload []byte) terroir.PayloadFacts, progress func(done int64)) (n int64, err error) {
	if progress == nil {
		progress = func(int64) {}
	}
	err = l.fenced(ctx, l.facts.name, func(facts *table.Table) error {
		payloads, err := l.cat.LoadTable(ctx, identifier(l.payloads.name))
		if err != nil {
			return err
		}
		n = 0
		tx := facts.NewTransaction()
		if err := fence(tx); err != nil {
			return err
		}
		if facts.CurrentSnapshot() != nil {
			if err := tx.Delete(ctx, iceberg.AlwaysTrue{}, nil); err != nil {
				return err
			}
		}
		if payloads.CurrentSnapshot() == nil {
			return nil
		}
		var rows []terroir.PayloadFacts
		write := func() error {
			defer func() { rows = rows[:0] }()
			return stage(ctx, facts, tx, l.facts, rows)
		}
		err = eachPayload(ctx, payloads, func(id terroir.PayloadID, b []byte) error {
			rows = append(rows, analyze(id, b))
			if n++; n%rebuildRows != 0 {
				return nil
			}
			progress(n)
			return write()
		})
		if err == nil && len(rows) > 0 {
			err = write()
		}
		if err != nil {
			return err
		}
		_, err = tx.Commit(ctx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("lake: rebuild: %w", err)
	}
	return n, nil
}

// eachPayload reads the payloads. The bytes are valid until use returns.
func eachPayload(ctx context.Context, t *table.Table, use func(terroir.PayloadID, []byte) error) error {
	_, records, err := t.Scan(table.WithSelectedFields("payload_id", "bytes")).ToArrowRecords(ctx)
	if err != nil {
		return err
	}
	for r, err := range records {
		if err != nil {
			return err
		}
		err = eachRow(r, use)
		r.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func eachRow(r arrow.RecordBatch, use func(terroir.PayloadID, []byte) error) error {
	ids, ok := r.Column(0).(*array.String)
	bytes, isBytes := r.Column(1).(*array.Binary)
	if !ok || !isBytes {
		return fmt.Errorf("payloads are %s", r.Schema())
	}
	for i := range ids.Len() {
		id, err := terroir.ParsePayloadID(ids.Value(i))
		if err == nil {
			err = use(id, bytes.Value(i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
