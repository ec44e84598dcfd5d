package lake

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go/table"

	"terroir"
)

// idSet is what a table of distinct payloads (or templates) holds, as of a snapshot: 32 bytes and a little an id.
type idSet struct {
	snapshot int64
	ids      map[terroir.PayloadID]struct{}
}

// appendDistinct appends the rows whose id the table does not have yet. Rows of one id that follow each other belong together, as
// the indicators of a payload do; the same id once more in the batch is left out.
func appendDistinct[T any](ctx context.Context, l *Lake, set *idSet, t *tableOf[T], rows []T, id func(*T) terroir.PayloadID) error {
	if len(rows) == 0 {
		return nil
	}
	return l.fenced(ctx, t.name, func(tbl *table.Table) error {
		if err := set.refresh(ctx, tbl); err != nil {
			return err
		}
		seen := map[terroir.PayloadID]struct{}{}
		var fresh []*T
		var last terroir.PayloadID
		take := false
		for i := range rows {
			if p := id(&rows[i]); i == 0 || p != last {
				_, old := set.ids[p]
				_, again := seen[p]
				last, take = p, !old && !again
				seen[p] = struct{}{}
			}
			if take {
				fresh = append(fresh, &rows[i])
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

// refresh brings the set to the table's snapshot: another writer's appends are read, and all of the table where more was
// done than to append and to compact.
func (s *idSet) refresh(ctx context.Context, tbl *table.Table) error {
	now := snapshotID(tbl)
	if s.ids != nil && s.snapshot == now {
		return nil
	}
	if now == 0 {
		s.ids, s.snapshot = map[terroir.PayloadID]struct{}{}, 0
		return nil
	}
	since := s.snapshot
	if s.ids == nil {
		since = 0
	}
	tasks, added, err := addedSince(ctx, tbl, since)
	if err == nil && !added {
		s.ids = map[terroir.PayloadID]struct{}{}
	}
	if err == nil {
		err = s.read(ctx, tbl, tasks)
	}
	if err != nil {
		s.ids = nil // Then all is read the next time.
		return err
	}
	s.snapshot = now
	return nil
}

// onlyAppended reports whether rows were only added since the snapshot.
func onlyAppended(tbl *table.Table, since int64) bool {
	for at := tbl.CurrentSnapshot(); at != nil; at = tbl.SnapshotByID(*at.ParentSnapshotID) {
		if at.SnapshotID == since {
			return true
		}
		if at.Summary == nil || (at.Summary.Operation != table.OpAppend && at.Summary.Operation != table.OpReplace) || at.ParentSnapshotID == nil {
			return false
		}
	}
	return false
}

// read adds the ids in the files.
func (s *idSet) read(ctx context.Context, tbl *table.Table, tasks []table.FileScanTask) error {
	_, records, err := tbl.Scan(table.WithSelectedFields(tbl.Schema().Field(0).Name)).ReadTasks(ctx, tasks)
	if err != nil {
		return err
	}
	for rec, err := range records {
		if err != nil {
			return err
		}
		err = s.add(rec.Column(0))
		rec.Release()
		if err != nil {
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
		return fmt.Errorf("the id is %s, not text", col.DataType())
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
