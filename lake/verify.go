package lake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"
)

// Verified is what Verify found out about a table, or about all rollups together, which have no rows of their own.
type Verified struct {
	Table     string
	Snapshots int
	// Files is how many data files some snapshot needs; Rows how many rows the current one has, by the files themselves.
	Files int
	Rows  int64
	Bytes int64
	// Unrecorded are files without a known sum, which another engine wrote: only size and rows were compared.
	Unrecorded int
	// Orphans are files that no snapshot needs and that are older than an hour: what commits that failed left behind. They
	// are no damage; Expire removes them.
	Orphans []string
	// Damage says what is wrong, a line each.
	Damage []string
}

// Verify reads every data file that some snapshot needs and compares its size, its rows and its sum with the metadata; the last
// result is that of the rollups, whose sums are compared.
// progress is told how many of how many files are done; it may be nil.
//
// Damage is not an error: it is in the results.
func (l *Lake) Verify(ctx context.Context, progress func(done, total int)) ([]Verified, error) {
	if err := l.inFolder(); err != nil {
		return nil, err
	}
	sums, err := l.recall(ctx)
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	var all []Verified
	for i, name := range Tables() {
		v, err := l.verifyTable(ctx, name, sums)
		if err != nil {
			return all, unusable(l.dir, fmt.Errorf("table %s: %w", name, err))
		}
		all = append(all, v)
		progress(i+1, len(Tables())+1)
	}
	v, err := l.verifyRollups(ctx, sums)
	if err != nil {
		return all, unusable(l.dir, err)
	}
	progress(len(Tables())+1, len(Tables())+1)
	return append(all, v), nil
}

// needed is a data file of a table.
type needed struct {
	path    string
	bytes   int64
	rows    int64
	current bool
}

func (l *Lake) verifyTable(ctx context.Context, name string, sums map[string]fileSum) (Verified, error) {
	v := Verified{Table: name}
	t, err := l.cat.LoadTable(ctx, identifier(name))
	if err != nil {
		return v, err
	}
	files := map[string]*needed{}
	for _, s := range t.Metadata().Snapshots() {
		v.Snapshots++
		if err := needs(ctx, t, s.SnapshotID, files); err != nil {
			v.Damage = append(v.Damage, fmt.Sprintf("snapshot %d: %v", s.SnapshotID, err))
		}
	}
	found := make([]string, len(files))
	var g errgroup.Group
	g.SetLimit(syncWorkers)
	for i, path := range slices.Sorted(maps.Keys(files)) {
		f := files[path]
		sum, known := sums[path]
		v.Files++
		v.Bytes += f.bytes
		if f.current {
			v.Rows += f.rows
		}
		if !known {
			v.Unrecorded++
		}
		g.Go(func() error {
			if err := check(f, sum, known); err != nil {
				found[i] = err.Error()
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return v, err
	}
	for _, damage := range found {
		if damage != "" {
			v.Damage = append(v.Damage, damage)
		}
	}
	plan, err := t.PlanOrphanFiles(ctx, table.WithFilesOlderThan(leastOrphans))
	v.Orphans = plan.Files()
	return v, err
}

// needs adds the files of a snapshot.
func needs(ctx context.Context, t *table.Table, snapshot int64, files map[string]*needed) error {
	tasks, err := t.Scan(table.WithSnapshotID(snapshot)).PlanFiles(ctx)
	if err != nil {
		return err
	}
	current := snapshot == snapshotID(t)
	for _, task := range tasks {
		path := plainPath(task.File.FilePath())
		f := files[path]
		if f == nil {
			f = &needed{path: path, bytes: task.File.FileSizeBytes(), rows: task.File.Count()}
			files[path] = f
		}
		f.current = f.current || current
	}
	return nil
}

// check compares a file with what is known of it.
func check(f *needed, sum fileSum, known bool) (err error) {
	name := filepath.Base(f.path)
	now, err := sumFile(f.path)
	switch {
	case err != nil:
		return err
	case now.bytes != f.bytes:
		return fmt.Errorf("%s has %d bytes, the metadata says %d", name, now.bytes, f.bytes)
	case known && now.sha256 != sum.sha256:
		return fmt.Errorf("%s is not what was written: its SHA-256 differs", name)
	}
	rows, err := rowsOf(f.path)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if rows != f.rows {
		return fmt.Errorf("%s has %d rows, the metadata says %d", name, rows, f.rows)
	}
	return nil
}

// sumFile reads a file and sums it up.
func sumFile(path string) (fileSum, error) {
	in, err := os.Open(path)
	if err != nil {
		return fileSum{}, err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(h, in)
	return fileSum{n, [sha256.Size]byte(h.Sum(nil))}, err
}

// rowsOf is the number of rows in a Parquet file, by its footer.
func rowsOf(path string) (rows int64, err error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	defer func() {
		if r := recover(); r != nil { // The library panics at some damaged footers.
			err = fmt.Errorf("its footer is damaged: %v", r)
		}
	}()
	r, err := file.NewParquetReader(in)
	if err != nil {
		return 0, errors.Join(errors.New("its footer is damaged"), err)
	}
	return r.NumRows(), nil
}
