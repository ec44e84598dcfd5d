package query

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"

	"terroir/lake"
)

const fromRollup = "SELECT count(*), sum(events), sum(attempts), count(DISTINCT src_ip) FROM events_by_source"

func rollUp(t *testing.T, l *lake.Lake, d *Duck) int {
	t.Helper()
	made, err := l.RollUp(context.Background(), d, lake.RollUpOptions{LeastRows: 100})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// rollupFiles are the rollups of the lake.
func rollupFiles(t *testing.T, l *lake.Lake) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(l.Dir(), "rollups"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestARollupIsUsedWhereThereIsOneAndEventsElsewhere(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 200)
	if n := rowsOf(t, d, fromRollup); n != "[[200 200 200 1]]" {
		t.Errorf("without a rollup: %s", n)
	}
	if made := rollUp(t, l, d); made != len(d.Rollups()) {
		t.Errorf("%d rollups were made", made)
	}
	commit(t, l, 201, 250) // A small file without one; and what has been seen of the tables is looked at anew.
	if n := rowsOf(t, d, fromRollup); n != "[[51 250 250 1]]" {
		t.Errorf("one row and fifty events give %s", n)
	}
	if made := rollUp(t, l, d); made != 0 {
		t.Errorf("%d rollups were made again, or of a small file", made)
	}
}

// TestRowsThatAreErasedAreNotInARollup has another engine delete rows of a file that has a rollup.
func TestRowsThatAreErasedAreNotInARollup(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 200)
	rollUp(t, l, d)
	erase(t, l, iceberg.LessThan(iceberg.Reference("ts"), iceberg.Timestamp(time.Date(2022, 6, 14, 10, 0, 30, 0, time.UTC).UnixMicro())))
	left := rowsOf(t, d, "SELECT count(*), count(*), sum(attempts), count(DISTINCT src_ip) FROM events")
	if n := rowsOf(t, d, fromRollup); n != left || n == "[[200 200 200 1]]" {
		t.Errorf("the rollup gives %s, the events %s", n, left)
	}
}

func TestARollupGoesWithItsFile(t *testing.T) {
	l, d := open(t)
	many(t, l, 6, 200)
	rollUp(t, l, d)
	many := len(rollupFiles(t, l))
	if _, err := l.Compact(context.Background(), d, lake.CompactOptions{}); err != nil {
		t.Fatal(err)
	}
	rollUp(t, l, d)
	if n := len(rollupFiles(t, l)); n != many/6*7 {
		t.Errorf("%d rollups before the compaction, %d after it: readers of the old snapshot want theirs", many, n)
	}
	if _, err := l.Expire(context.Background(), lake.ExpireOptions{Older: time.Nanosecond, Keep: map[string]time.Duration{"events": 24 * time.Hour}}); err != nil {
		t.Fatal(err)
	}
	// The snapshot with the rows goes only when it is no longer the newest.
	commit(t, l, 5001, 5002)
	if _, err := l.Expire(context.Background(), lake.ExpireOptions{Older: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	if left := rollupFiles(t, l); len(left) > 0 {
		t.Errorf("rows that were removed are in rollups still: %s", strings.Join(left, ", "))
	}
}

// TestARollupThatCannotBeMadeLeavesNothing stands a file where a folder is wanted.
func TestARollupThatCannotBeMadeLeavesNothing(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 200)
	if err := os.WriteFile(filepath.Join(l.Dir(), "rollups"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.RollUp(context.Background(), d, lake.RollUpOptions{LeastRows: 100}); err == nil {
		t.Error("no error")
	}
	if n := rowsOf(t, d, fromRollup); n != "[[200 200 200 1]]" {
		t.Errorf("the events give %s", n)
	}
}

// TestARottenRollupIsFound changes a byte.
func TestARottenRollupIsFound(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 200)
	rollUp(t, l, d)
	verified := func() lake.Verified {
		t.Helper()
		all, err := l.Verify(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return all[len(all)-1]
	}
	files := rollupFiles(t, l)
	if v := verified(); v.Table != "rollups" || v.Files != len(files) || v.Unrecorded != 0 || v.Damage != nil {
		t.Errorf("at first: %+v", v)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if v := verified(); len(v.Damage) != 1 || !strings.Contains(v.Damage[0], files[0]) {
		t.Errorf("a byte is another one: %+v", v)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if made := rollUp(t, l, d); made != 1 {
		t.Errorf("%d rollups were made anew", made)
	}
	if v := verified(); v.Damage != nil {
		t.Errorf("made anew: %+v", v)
	}
}
