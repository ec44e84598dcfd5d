package lake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"terroir"
)

// Tables names every table, in the order in which a batch is committed to them.
func Tables() []string {
	return []string{"payloads", "payload_facts", "losses", "heartbeats", "sensors", "revisions", "served_ports", "events"}
}

// Files is what an engine must read to see a table at a snapshot.
type Files struct {
	Table string
	// Snapshot is the id of the snapshot, 0 for a table that never had a row.
	Snapshot int64
	// Fields are the table's columns, in order.
	Fields []iceberg.NestedField
	// Paths are the Parquet data files, as plain paths.
	Paths []string
	// Rows is the number of rows in them.
	Rows int64
}

// Files plans a full read of the table as it is now. A table from which another engine deleted rows without rewriting
// its files yields an error: its files alone would show the deleted rows again.
func (l *Lake) Files(ctx context.Context, name string) (Files, error) {
	t, err := l.cat.LoadTable(ctx, identifier(name))
	if err != nil {
		return Files{}, unusable(l.dir, fmt.Errorf("table %s: %w", name, err))
	}
	f := Files{Table: name, Snapshot: snapshotID(t), Fields: t.Schema().Fields()}
	if f.Snapshot == 0 {
		return f, nil
	}
	tasks, err := t.Scan(table.WithSnapshotID(f.Snapshot)).PlanFiles(ctx)
	if err != nil {
		return f, unusable(l.dir, fmt.Errorf("table %s: plan: %w", name, err))
	}
	for _, task := range tasks {
		if len(task.DeleteFiles)+len(task.EqualityDeleteFiles)+len(task.DeletionVectorFiles) > 0 {
			return f, unusable(l.dir, fmt.Errorf("table %s has delete files; let the engine that wrote them rewrite the data (OPTIMIZE)", name))
		}
		f.Paths = append(f.Paths, plainPath(task.File.FilePath()))
		f.Rows += task.File.Count()
	}
	return f, nil
}

// Snapshot returns the table's current snapshot id, 0 for a table that never had a row. It is cheap: one catalog query
// and one small file.
func (l *Lake) Snapshot(ctx context.Context, name string) (int64, error) {
	t, err := l.cat.LoadTable(ctx, identifier(name))
	if err != nil {
		return 0, unusable(l.dir, fmt.Errorf("table %s: %w", name, err))
	}
	return snapshotID(t), nil
}

// Marks returns how far the table events holds what was offered.
func (l *Lake) Marks(ctx context.Context) (Marks, error) {
	t, err := l.cat.LoadTable(ctx, identifier(l.events.name))
	if err != nil {
		return Marks{}, unusable(l.dir, err)
	}
	return parseMarks(t.Properties())
}

// SnapshotInfo describes a snapshot of a table.
type SnapshotInfo struct {
	ID   int64
	Made time.Time
	// Operation is Iceberg's name of what was done; Rows how many rows there were afterwards, "" when the writer did not say.
	Operation, Rows string
}

// Snapshots lists the snapshots of a table, newest first. A table that does not exist yields an ENOTFOUND error.
func (l *Lake) Snapshots(ctx context.Context, name string) ([]SnapshotInfo, error) {
	if !slices.Contains(Tables(), name) {
		return nil, &terroir.Error{Code: terroir.ENOTFOUND, Where: name, Message: "there is no such table", Hint: "one of " + strings.Join(Tables(), ", ")}
	}
	t, err := l.cat.LoadTable(ctx, identifier(name))
	if err != nil {
		return nil, unusable(l.dir, fmt.Errorf("table %s: %w", name, err))
	}
	var all []SnapshotInfo
	for _, s := range t.Metadata().Snapshots() {
		info := SnapshotInfo{ID: s.SnapshotID, Made: time.UnixMilli(s.TimestampMs).UTC()}
		if s.Summary != nil {
			info.Operation, info.Rows = string(s.Summary.Operation), s.Summary.Properties["total-records"]
		}
		all = append(all, info)
	}
	slices.Reverse(all)
	return all, nil
}
