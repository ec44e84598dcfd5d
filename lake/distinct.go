package lake

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go/table"

	"terroir"
)

// idSet is what a table of distinct payloads holds, as of a snapshot: 32 bytes and a little an id.
type idSet struct {
	snapshot int64
	ids      map[terroir.PayloadID]struct{}
}

// appendDistinct appends the rows whose payload the table does not have yet.
func appendDistinct[T any](ctx context.Context, l *Lake, set *idSet, t *tableOf[T], rows []T, id func(*T) terroir.PayloadID) error {
	if len(rows) == 0 {
		return nil
	}
	return l.fenced(ctx, t.name, func(tbl *table.Table) error {
		if err := set.refresh(ctx, tbl); err != nil {
			return err
		}
		seen := map[terroir.PayloadID]struct{}{}
		var fresh []T
		for i := range rows {
			p := id(&rows[i])
			if _, ok := set.ids[p]; ok {
				continue
			}
			if _, ok := seen[p]; !ok {
				seen[p] = struct{}{}
				fresh = append(fresh, rows[i])
			}
		}
		committed, err := commitRows(ctx, tbl, t, fresh, nil)
		if err != nil {
			return err
		}
		// The fence held: nothing else came between, so the set is known without reading it.
		for p := range seen {
			set.ids[p] = struct{}{}
		}
		set.snapshot = snapshotID(committed)
		return nil
	})
}

// refresh reads the ids of the table if its snapshot is not the one that the set was read at.
func (s *idSet) refresh(ctx context.Context, tbl *table.Table) error {
	if s.ids != nil && s.snapshot == snapshotID(tbl) {
		return nil
	}
	s.ids, s.snapshot = map[terroir.PayloadID]struct{}{}, snapshotID(tbl)
	if s.snapshot == 0 {
		return nil
	}
	scan := tbl.Scan(table.WithSelectedFields("payload_id"))
	_, records, err := scan.ToArrowRecords(ctx)
	if err != nil {
		return err
	}
	for rec, err := range records {
		if err != nil {
			s.ids = nil
			return err
		}
		err = s.add(rec.Column(0))
		rec.Release()
		if err != nil {
			s.ids = nil
			return err
		}
	}
	return nil
}

func (s *idSet) add(col arrow.Array) error {
	texts, ok := col.(interface {
		Len() int
		Value(int) string
	})
	if !ok {
		return fmt.Errorf("payload_id is %s, not text", col.DataType())
	}
	for i := range texts.Len() {
		id, err := terroir.ParsePayloadID(texts.Value(i))
		if err != nil {
			return err
		}
		s.ids[id] = struct{}{}
	}
	return nil
}

// snapshotID is the id of the table's current snapshot, 0 before the first.
func snapshotID(t *table.Table) int64 {
	if s := t.CurrentSnapshot(); s != nil {
		return s.SnapshotID
	}
	return 0
}
