package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
)

// A Rewriter writes the rows of Parquet files into one Parquet file, in order, within bounded memory.
type Rewriter interface {
	Rewrite(context.Context, Rewrite) error
}

// Rewrite is what a Rewriter does.
type Rewrite struct {
	// Files are read; Out is written. All are plain paths.
	Files []string
	Out   string
	// Fields are the columns, found in the files by their ids, and written with them.
	Fields []iceberg.NestedField
	// Order lists the columns to sort by, the first one first; none: as they come.
	Order []string
}

// CompactOptions say what is small. Zero values mean the defaults.
type CompactOptions struct {
	// TargetBytes is the size that files are brought to; default 128 MiB. Files of three quarters of it are left alone.
	TargetBytes int64
	// MinFiles is how many small files of a partition are worth a rewrite; default 5, at least 2.
	MinFiles int
}

// Compacted is what was done to a table.
type Compacted struct {
	Table                   string
	FilesBefore, FilesAfter int
	BytesBefore, BytesAfter int64
	Rows                    int64
}

const (
	defaultTarget   = 128 << 20
	defaultMinFiles = 5
)

// Compact rewrites small files of each table into larger ones, sorted as the table is. Rows do not change; who reads an
// older snapshot still finds its files, until Expire removes them. A table that another writer changes at the same time
// is compacted on top of that, or left as it is.
func (l *Lake) Compact(ctx context.Context, rw Rewriter, opt CompactOptions) ([]Compacted, error) {
	if err := l.inFolder(); err != nil {
		return nil, err
	}
	if opt.TargetBytes <= 0 {
		opt.TargetBytes = defaultTarget
	}
	if opt.MinFiles < 2 {
		opt.MinFiles = defaultMinFiles
	}
	var all []Compacted
	for _, name := range Tables() {
		c, err := l.compactTable(ctx, rw, opt, name)
		if err != nil {
			return all, fmt.Errorf("lake: compact: table %s: %w", name, err)
		}
		if c.FilesBefore > 0 {
			all = append(all, c)
		}
	}
	return all, nil
}

func (l *Lake) compactTable(ctx context.Context, rw Rewriter, opt CompactOptions, name string) (c Compacted, err error) {
	t, err := l.cat.LoadTable(ctx, identifier(name))
	if err != nil || t.CurrentSnapshot() == nil {
		return c, err
	}
	tasks, err := t.Scan().PlanFiles(ctx)
	if err != nil {
		return c, err
	}
	c.Table = name
	for _, group := range smallFiles(tasks, opt) {
		if err := l.compactGroup(ctx, rw, t, group, &c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// smallFiles groups the small files of each partition, up to the target size. Files with deleted rows are left alone.
func smallFiles(tasks []table.FileScanTask, opt CompactOptions) [][]iceberg.DataFile {
	partitions := map[string][]iceberg.DataFile{}
	for _, task := range tasks {
		if !hasDeletes(&task) && task.File.FileSizeBytes() < opt.TargetBytes/4*3 {
			key := fmt.Sprint(task.File.Partition())
			partitions[key] = append(partitions[key], task.File)
		}
	}
	var groups [][]iceberg.DataFile
	for _, key := range slices.Sorted(maps.Keys(partitions)) {
		files := partitions[key]
		slices.SortFunc(files, func(a, b iceberg.DataFile) int { return strings.Compare(a.FilePath(), b.FilePath()) })
		var group []iceberg.DataFile
		var size int64
		for _, f := range files {
			if size+f.FileSizeBytes() > opt.TargetBytes {
				groups, group, size = worthwhile(groups, group, opt), nil, 0
			}
			group, size = append(group, f), size+f.FileSizeBytes()
		}
		groups = worthwhile(groups, group, opt)
	}
	return groups
}

func worthwhile(groups [][]iceberg.DataFile, group []iceberg.DataFile, opt CompactOptions) [][]iceberg.DataFile {
	if len(group) < opt.MinFiles {
		return groups
	}
	return append(groups, group)
}

func (l *Lake) compactGroup(ctx context.Context, rw Rewriter, t *table.Table, group []iceberg.DataFile, c *Compacted) (err error) {
	written, err := l.rewrite(ctx, rw, t, group)
	if err != nil {
		return err
	}
	var rows int64
	for _, f := range group {
		rows += f.Count()
	}
	if written.Count() != rows {
		return errors.Join(fmt.Errorf("%d rows became %d", rows, written.Count()), removeFile(ctx, t, written))
	}
	name := t.Identifier()[1]
	l.commit.Lock()
	defer l.commit.Unlock()
	err = l.fenced(ctx, name, func(now *table.Table) error {
		tx := now.NewTransaction()
		if err := fence(tx); err != nil {
			return err
		}
		if err := tx.ReplaceFiles(ctx, group, []iceberg.DataFile{written}, nil, nil); err != nil {
			return err
		}
		committed, err := tx.Commit(ctx)
		if err == nil {
			l.keepKnown(name, snapshotID(now), snapshotID(committed))
		}
		return err
	})
	if err != nil {
		return errors.Join(err, removeFile(ctx, t, written))
	}
	c.FilesBefore, c.FilesAfter, c.Rows = c.FilesBefore+len(group), c.FilesAfter+1, c.Rows+rows
	for _, f := range group {
		c.BytesBefore += f.FileSizeBytes()
	}
	c.BytesAfter += written.FileSizeBytes()
	return nil
}

// keepKnown tells the sets of known payloads that a new snapshot has the same rows.
func (l *Lake) keepKnown(name string, before, after int64) {
	for _, s := range []struct {
		table string
		set   *idSet
	}{{l.payloads.name, &l.knownPayloads}, {l.facts.name, &l.knownFacts},
		{l.templates.name, &l.knownTemplates}, {l.indicators.name, &l.knownIndicators}} {
		if s.table == name && s.set.ids != nil && s.set.snapshot == before {
			s.set.snapshot = after
		}
	}
}

// rewrite writes the group's rows to one file of the table, which nothing refers to yet.
func (l *Lake) rewrite(ctx context.Context, rw Rewriter, t *table.Table, group []iceberg.DataFile) (iceberg.DataFile, error) {
	fs, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	out, ok := fs.(icebergio.WriteFileIO)
	if !ok {
		return nil, errors.New("its storage cannot be written")
	}
	temp := filepath.Join(l.dir, "tmp", uuid.NewString()+".parquet")
	if err := os.MkdirAll(filepath.Dir(temp), 0o755); err != nil {
		return nil, err
	}
	defer os.Remove(temp)
	r := Rewrite{Out: temp, Fields: t.Schema().Fields(), Order: orderOf(t)}
	for _, f := range group {
		r.Files = append(r.Files, plainPath(f.FilePath()))
	}
	if err := rw.Rewrite(ctx, r); err != nil {
		return nil, err
	}
	first := group[0].FilePath()
	name := first[:strings.LastIndexByte(first, '/')+1] + "compacted-" + filepath.Base(temp)
	if err := moveFile(temp, out, name); err != nil {
		return nil, err
	}
	return table.FileToDataFile(ctx, fs, name, lenient(t.Schema()), t.Spec(), t.SortOrder().OrderID(), t.Properties())
}

// lenient is the schema without NOT NULL. A Rewriter cannot write that a column is never null, which is no more than a hint
// in Parquet, whereas the values come from files of the table.
func lenient(s *iceberg.Schema) *iceberg.Schema {
	fields := slices.Clone(s.Fields())
	for i := range fields {
		fields[i].Required = false
	}
	return iceberg.NewSchema(s.ID, fields...)
}

func orderOf(t *table.Table) (names []string) {
	order := t.SortOrder()
	for _, f := range order.Fields() {
		if len(f.SourceIDs) == 1 {
			if c, ok := t.Schema().FindFieldByID(f.SourceIDs[0]); ok {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// moveFile brings a local file to where the table keeps its files.
func moveFile(from string, fs icebergio.WriteFileIO, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	w, err := fs.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, in); err != nil {
		return errors.Join(err, w.Close(), fs.Remove(to))
	}
	return w.Close()
}

func removeFile(ctx context.Context, t *table.Table, f iceberg.DataFile) error {
	fs, err := t.FS(ctx)
	if err != nil {
		return err
	}
	return fs.Remove(f.FilePath())
}
