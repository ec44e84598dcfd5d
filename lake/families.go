package lake

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"

	"terroir"
)

// NewTemplates calls use with the templates that were added after the snapshot of their table, 0 for all, and returns the
// snapshot that was read. anew says that use got all of them: the first time, and when more was done to the table than to add.
func (l *Lake) NewTemplates(ctx context.Context, since int64, use func(terroir.Template)) (snapshot int64, anew bool, err error) {
	t, err := l.cat.LoadTable(ctx, identifier(l.templates.name))
	if err != nil {
		return 0, false, l.unusable(err)
	}
	now := snapshotID(t)
	if now == since {
		return now, false, nil
	}
	tasks, added, err := addedSince(ctx, t, since)
	if err == nil {
		err = eachTemplate(ctx, t, tasks, use)
	}
	if err != nil {
		return 0, false, fmt.Errorf("lake: templates: %w", err)
	}
	return now, !added, nil
}

// addedSince plans to read what was added since the snapshot, or all of the table where it was not only added to.
func addedSince(ctx context.Context, t *table.Table, since int64) (tasks []table.FileScanTask, added bool, err error) {
	if since != 0 && onlyAppended(t, since) {
		tasks, err = t.NewIncrementalAppendScan().FromSnapshotExclusive(since).ToSnapshot(snapshotID(t)).PlanFiles(ctx)
		if err == nil {
			return tasks, true, nil
		}
	}
	tasks, err = t.Scan().PlanFiles(ctx)
	return tasks, false, err
}

func eachTemplate(ctx context.Context, t *table.Table, tasks []table.FileScanTask, use func(terroir.Template)) error {
	if len(tasks) == 0 {
		return nil
	}
	_, records, err := t.Scan(table.WithSelectedFields("template_id", "app_proto", "text", "cargo")).ReadTasks(ctx, tasks)
	if err != nil {
		return err
	}
	for r, err := range records {
		if err != nil {
			return err
		}
		err = templatesOf(r, use)
		r.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func templatesOf(r arrow.RecordBatch, use func(terroir.Template)) error {
	id, ok := r.Column(0).(*array.String)
	proto, isProto := r.Column(1).(*array.String)
	text, isText := r.Column(2).(*array.Binary)
	cargo, isCargo := r.Column(3).(*array.Binary)
	if !ok || !isProto || !isText || !isCargo {
		return fmt.Errorf("templates are %s", r.Schema())
	}
	for i := range id.Len() {
		t := terroir.Template{AppProto: strings.Clone(proto.Value(i)), Text: append([]byte{}, text.Value(i)...)}
		var err error
		if t.ID, err = terroir.ParsePayloadID(id.Value(i)); err != nil {
			return err
		}
		if !cargo.IsNull(i) {
			t.Cargo = append([]byte{}, cargo.Value(i)...)
		}
		use(t)
	}
	return nil
}

// AppendFamilies adds rows to the table families, of which there must be some: they hold instead of those of lower
// generations. It returns the table's snapshot.
func (l *Lake) AppendFamilies(ctx context.Context, rows []terroir.Grouped) (snapshot int64, err error) {
	l.commit.Lock()
	defer l.commit.Unlock()
	err = l.fenced(ctx, l.families.name, func(t *table.Table) error {
		after, err := commitRows(ctx, t, l.families, pointers(rows), nil)
		if err == nil {
			snapshot = snapshotID(after)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("lake: %w", err)
	}
	return snapshot, nil
}

// ReplaceFamilies replaces all rows of the table families.
func (l *Lake) ReplaceFamilies(ctx context.Context, rows []terroir.Grouped) error {
	l.commit.Lock()
	defer l.commit.Unlock()
	err := l.fenced(ctx, l.families.name, func(t *table.Table) error {
		r := replacing[terroir.Grouped]{of: l.families, rows: rows}
		if err := r.begin(ctx, t); err != nil {
			return err
		}
		if err := r.write(ctx); err != nil {
			return err
		}
		return r.commit(ctx)
	})
	if err != nil {
		return fmt.Errorf("lake: %w", err)
	}
	return nil
}

// Families reads the rows of the table families that hold, by template, and the snapshot at which they do. They are nil when
// that is the known one; -1 is none.
func (l *Lake) Families(ctx context.Context, known int64) (held map[terroir.PayloadID]terroir.Grouped, snapshot int64, err error) {
	t, err := l.cat.LoadTable(ctx, identifier(l.families.name))
	if err != nil {
		return nil, 0, l.unusable(err)
	}
	snapshot = snapshotID(t)
	if snapshot == known {
		return nil, snapshot, nil
	}
	held = map[terroir.PayloadID]terroir.Grouped{}
	if snapshot == 0 {
		return held, 0, nil
	}
	if err := eachGrouped(ctx, t, held); err != nil {
		return nil, 0, fmt.Errorf("lake: families: %w", err)
	}
	return held, snapshot, nil
}

func eachGrouped(ctx context.Context, t *table.Table, held map[terroir.PayloadID]terroir.Grouped) error {
	_, records, err := t.Scan(table.WithSelectedFields("template_id", "substring_id", "family_id", "vehicle", "cargo", "why", "nearest",
		"similarity", "generation")).ToArrowRecords(ctx)
	if err != nil {
		return err
	}
	for r, err := range records {
		if err != nil {
			return err
		}
		err = groupedOf(r, held)
		r.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// groupedOf takes those of the rows that hold.
func groupedOf(r arrow.RecordBatch, held map[terroir.PayloadID]terroir.Grouped) error {
	var text [7]*array.String
	for i := range text {
		c, ok := r.Column(i).(*array.String)
		if !ok {
			return fmt.Errorf("they are %s", r.Schema())
		}
		text[i] = c
	}
	similarity, ok := r.Column(7).(*array.Float64)
	generation, isLong := r.Column(8).(*array.Int64)
	if !ok || !isLong {
		return fmt.Errorf("they are %s", r.Schema())
	}
	for i := range int(r.NumRows()) {
		g := terroir.Grouped{Vehicle: strings.Clone(text[3].Value(i)), Cargo: strings.Clone(text[4].Value(i)), Why: strings.Clone(text[5].Value(i)),
			Similarity: similarity.Value(i), Generation: generation.Value(i)}
		ids := [...]struct {
			column *array.String
			to     *terroir.PayloadID
		}{{text[0], &g.Template}, {text[1], &g.Substring}, {text[2], &g.Family}, {text[6], &g.Nearest}}
		for _, id := range ids {
			if id.column.IsNull(i) {
				continue
			}
			var err error
			if *id.to, err = terroir.ParsePayloadID(id.column.Value(i)); err != nil {
				return err
			}
		}
		if old, ok := held[g.Template]; !ok || old.Generation <= g.Generation {
			held[g.Template] = g
		}
	}
	return nil
}
