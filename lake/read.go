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
	return []string{"payloads", "templates", "indicators", "payload_facts", "families", "losses", "heartbeats", "sensors", "revisions", "served_ports", "events"}
}

// Files is what an engine must read to see a table at a snapshot.
type Files struct {
	Table string
	// Snapshot is the id of the snapshot, 0 for a table that never had a row.
	Snapshot int64
	// Fields are the table's columns, in order.
	Fields []iceberg.NestedField
	// Paths are the Parquet data files: plain paths, or addresses on S3 until Fetch. Counts are how many rows each has.
	Paths  []string
	Counts []int64
	// Erased says of which of them rows have been deleted since they were written.
	Erased []Erased
	// Rows is the number of rows in the data files, Deleted that of the rows that delete files name.
	Rows, Deleted int64

	sizes map[string]int64
}

// Erased is a data file of which another engine deleted rows without writing it anew.
type Erased struct {
	// Path is the data file, one of Files.Paths; Name is what the delete files call it.
	Path, Name string
	// By are Parquet files of Iceberg's position deletes: the columns file_path and pos name a row each.
	By []string
}

// IsErased reports of each data file whether rows of it have been deleted.
func (f *Files) IsErased() map[string]bool {
	erased := map[string]bool{}
	for _, e := range f.Erased {
		erased[e.Path] = true
	}
	return erased
}

// Files plans a full read of the table as it is now. Deletes of a sort that terroir does not read yield an
// EUNREACHABLE error: without them the deleted rows would show again.
func (l *Lake) Files(ctx context.Context, name string) (Files, error) {
	f, _, err := l.plan(ctx, name, newest)
	return f, err
}

// newest stands for the snapshot that a table has at the moment.
const newest = -1

// Fetch is Files at the snapshot, which 0 says is before the first row, with all paths on this machine. release must be called once they are not read any more. Where the
// tables are on S3, the copies come from a cache that is bounded (Options.CacheBytes).
func (l *Lake) Fetch(ctx context.Context, name string, snapshot int64) (f Files, release func(), err error) {
	f, t, err := l.plan(ctx, name, snapshot)
	if err != nil || l.cache == nil || f.Snapshot == 0 {
		return f, func() {}, err
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return f, nil, l.unusable(err)
	}
	remote := make([]remoteFile, 0, len(f.sizes))
	for path, size := range f.sizes {
		remote = append(remote, remoteFile{path, size})
	}
	copies, err := l.cache.fetch(ctx, fs, remote)
	if ctx.Err() != nil {
		return f, nil, ctx.Err()
	}
	if err != nil {
		if terroir.ErrorCode(err) != terroir.EUNREACHABLE {
			err = l.unusable(err)
		}
		return f, nil, err
	}
	local := make(map[string]string, len(remote))
	for i, r := range remote {
		local[r.path] = copies[i]
	}
	f.rename(local)
	return f, func() { l.cache.release(copies) }, nil
}

// rename replaces each path.
func (f *Files) rename(to map[string]string) {
	for i, p := range f.Paths {
		f.Paths[i] = to[p]
	}
	for i := range f.Erased {
		e := &f.Erased[i]
		e.Path = to[e.Path]
		for j, p := range e.By {
			e.By[j] = to[p]
		}
	}
}

func (l *Lake) plan(ctx context.Context, name string, snapshot int64) (Files, *table.Table, error) {
	t, err := l.cat.LoadTable(ctx, identifier(name))
	if err != nil {
		return Files{}, nil, l.unusable(fmt.Errorf("table %s: %w", name, err))
	}
	if snapshot == newest {
		snapshot = snapshotID(t)
	}
	f := Files{Table: name, Snapshot: snapshot, Fields: t.Schema().Fields(), sizes: map[string]int64{}}
	if f.Snapshot == 0 {
		return f, t, nil
	}
	tasks, err := t.Scan(table.WithSnapshotID(f.Snapshot)).PlanFiles(ctx)
	if err != nil {
		return f, t, l.unusable(fmt.Errorf("table %s: plan: %w", name, err))
	}
	for i := range tasks {
		if err := f.add(l, &tasks[i]); err != nil {
			return f, t, err
		}
	}
	return f, t, nil
}

// add takes in one data file with its deletes.
func (f *Files) add(l *Lake, task *table.FileScanTask) error {
	if kind := unreadable(task); kind != "" {
		return &terroir.Error{Code: terroir.EUNREACHABLE, Where: l.warehouse + "/" + Namespace + "/" + f.Table,
			Message: "another engine deleted rows by " + kind + ", which terroir does not read",
			Hint:    "let that engine write the files anew (Trino: ALTER TABLE " + f.Table + " EXECUTE optimize)"}
	}
	path := plainPath(task.File.FilePath())
	f.Paths = append(f.Paths, path)
	f.Counts = append(f.Counts, task.File.Count())
	f.Rows += task.File.Count()
	f.sizes[path] = task.File.FileSizeBytes()
	if len(task.DeleteFiles) == 0 {
		return nil
	}
	e := Erased{Path: path, Name: task.File.FilePath()}
	for _, d := range task.DeleteFiles {
		by := plainPath(d.FilePath())
		if _, seen := f.sizes[by]; !seen {
			f.Deleted += d.Count()
			f.sizes[by] = d.FileSizeBytes()
		}
		e.By = append(e.By, by)
	}
	f.Erased = append(f.Erased, e)
	return nil
}

// hasDeletes reports whether another engine deleted rows of the data file without writing it anew.
func hasDeletes(task *table.FileScanTask) bool {
	return len(task.DeleteFiles)+len(task.EqualityDeleteFiles)+len(task.DeletionVectorFiles) > 0
}

// unreadable names the sort of deletes that only other engines read, "" if the file has none of them.
func unreadable(task *table.FileScanTask) string {
	switch {
	case len(task.EqualityDeleteFiles) > 0:
		return "equality deletes"
	case len(task.DeletionVectorFiles) > 0:
		return "deletion vectors"
	}
	for _, d := range task.DeleteFiles {
		if !strings.EqualFold(string(d.FileFormat()), "parquet") {
			return "position deletes as " + strings.ToUpper(string(d.FileFormat()))
		}
	}
	return ""
}

// Snapshot returns the table's current snapshot id, 0 for a table that never had a row. It is cheap: one catalog query
// and, where the table has changed, one small file.
func (l *Lake) Snapshot(ctx context.Context, name string) (int64, error) {
	var location string
	err := l.db.QueryRowContext(ctx, "SELECT metadata_location FROM iceberg_tables WHERE catalog_name = '"+catalogName+
		"' AND table_namespace = '"+Namespace+"' AND table_name = "+quoted(name)).Scan(&location)
	if err != nil {
		return 0, l.unusable(fmt.Errorf("table %s: %w", name, err))
	}
	if seen, ok := l.seen.Load(name); ok && seen.(seenTable).location == location {
		return seen.(seenTable).snapshot, nil
	}
	t, err := l.cat.LoadTable(ctx, identifier(name))
	if err != nil {
		return 0, l.unusable(fmt.Errorf("table %s: %w", name, err))
	}
	l.seen.Store(name, seenTable{t.MetadataLocation(), snapshotID(t)})
	return snapshotID(t), nil
}

// seenTable is what a metadata file, which never changes, says.
type seenTable struct {
	location string
	snapshot int64
}

// Marks returns how far the table events holds what was offered.
func (l *Lake) Marks(ctx context.Context) (Marks, error) {
	t, err := l.cat.LoadTable(ctx, identifier(l.events.name))
	if err != nil {
		return Marks{}, l.unusable(err)
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
