package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/google/uuid"
)

// Rollups are data files of events added up: what a view needs that only counts, in fewer rows. Each belongs to one data file, which
// never changes, and stands in a folder of its own, outside the tables: DIR/rollups/NAME/ and the data file's path in DIR. So it is
// right for every snapshot that has the data file, may be missing, and may be removed at any time.

// rollups is the folder of all rollups, in the lake's.
const rollups = "rollups"

// RollUpOptions say which data files are worth it. Zero values mean the defaults.
type RollUpOptions struct {
	// LeastRows is the number of rows from which on a data file gets rollups; default 50,000.
	LeastRows int64
}

const defaultLeastRows = 50_000

// A Roller makes rollups.
type Roller interface {
	// Rollups names those that it makes of a data file.
	Rollups() []string
	// Roll makes one of them, and returns how many events are in it.
	Roll(context.Context, Roll) (events int64, err error)
}

// Roll is what a Roller does.
type Roll struct {
	Rollup string
	// File is read; Out is written. Both are plain paths.
	File, Out string
	// Fields are the columns of File, found by their ids.
	Fields []iceberg.NestedField
}

// RollUp makes the rollups that data files of events lack, and returns how many it made. Small files, and files of which another
// engine deleted rows, get none.
func (l *Lake) RollUp(ctx context.Context, r Roller, opt RollUpOptions) (made int, err error) {
	if err := l.inFolder(); err != nil {
		return 0, err
	}
	if opt.LeastRows <= 0 {
		opt.LeastRows = defaultLeastRows
	}
	if err := l.keepRollups(r.Rollups()); err != nil {
		return 0, fmt.Errorf("lake: rollups that nobody makes any more: %w", err)
	}
	f, err := l.Files(ctx, l.events.name)
	if err != nil {
		return 0, err
	}
	erased := f.IsErased()
	for i, path := range f.Paths {
		if f.Counts[i] < opt.LeastRows || erased[path] {
			continue
		}
		for _, name := range r.Rollups() {
			if l.Rollup(name, path) != "" {
				continue
			}
			if err := l.rollOne(ctx, r, Roll{Rollup: name, File: path, Fields: f.Fields}, f.Counts[i]); err != nil {
				return made, fmt.Errorf("lake: rollup %s of %s: %w", name, path, err)
			}
			made++
		}
	}
	return made, nil
}

// Rollup is the path of the rollup of a data file, "" where there is none.
func (l *Lake) Rollup(name, file string) string {
	path := l.rollupPath(name, file)
	if path == "" {
		return ""
	}
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// rollupPath is where the rollup of a data file would be, "" for files outside the folder.
func (l *Lake) rollupPath(name, file string) string {
	within, err := filepath.Rel(l.dir, file)
	if err != nil || !filepath.IsLocal(within) || l.Remote() {
		return ""
	}
	return filepath.Join(l.dir, rollups, name, within)
}

// rollOne makes a rollup beside its place and puts it there when it is whole, counted and on the disk.
func (l *Lake) rollOne(ctx context.Context, r Roller, roll Roll, rows int64) error {
	path := l.rollupPath(roll.Rollup, roll.File)
	if path == "" {
		return nil
	}
	roll.Out = filepath.Join(l.dir, "tmp", uuid.NewString()+".parquet")
	for _, dir := range []string{filepath.Dir(roll.Out), filepath.Dir(path)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	events, err := r.Roll(ctx, roll)
	if err == nil && events != rows {
		err = fmt.Errorf("%d events became %d", rows, events)
	}
	if err == nil {
		err = syncPath(roll.Out)
	}
	if err == nil {
		err = os.Link(roll.Out, path)
	}
	switch {
	case err == nil:
		err = l.vouch(path)
	case errors.Is(err, fs.ErrExist): // A hub and a command may do this at the same time; the one that is there is as good.
		err = nil
	}
	return errors.Join(err, os.RemoveAll(roll.Out))
}

// vouch has the ledger know what is at the path.
func (l *Lake) vouch(path string) error {
	sum, err := sumFile(path)
	if err != nil {
		return err
	}
	return l.remember(map[string]fileSum{path: sum})
}

// verifyRollups compares every rollup with what was written.
func (l *Lake) verifyRollups(ctx context.Context, sums map[string]fileSum) (Verified, error) {
	v := Verified{Table: rollups}
	err := l.walkRollups(func(path, _ string) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		now, err := sumFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // Expired since.
		}
		v.Files++
		sum, known := sums[path]
		v.Bytes += now.bytes
		switch {
		case err != nil:
			v.Damage = append(v.Damage, fmt.Sprintf("%s: %v", path, err))
		case !known:
			v.Unrecorded++
		case now != sum:
			v.Damage = append(v.Damage, path+" is not what was written: remove it, a compaction makes it anew")
		}
		return nil
	})
	return v, err
}

// dropRollups removes those whose data file is not there any more.
func (l *Lake) dropRollups() error {
	return l.walkRollups(func(path, of string) error {
		if _, err := os.Stat(of); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return os.Remove(path)
	})
}

// keepRollups removes all but those of the names: of an older version, which this one does not read.
func (l *Lake) keepRollups(names []string) error {
	root := filepath.Join(l.dir, rollups)
	there, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, d := range there {
		if !slices.Contains(names, d.Name()) {
			if err := os.RemoveAll(filepath.Join(root, d.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// walkRollups calls f with the path of each rollup and of the data file that it belongs to.
func (l *Lake) walkRollups(f func(path, of string) error) error {
	root := filepath.Join(l.dir, rollups)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		within, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		_, of, _ := strings.Cut(within, string(filepath.Separator))
		return f(path, filepath.Join(l.dir, of))
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
