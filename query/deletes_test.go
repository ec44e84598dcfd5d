package query

import (
	"context"
	"database/sql"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	catsql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"terroir"
	"terroir/lake"
)

// otherEngine opens a table as an engine that is not terroir does.
func otherEngine(t *testing.T, l *lake.Lake, name string) *table.Table {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+l.Dir()+"/catalog.db?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	cat, err := catsql.NewCatalog("terroir", db, catsql.SQLite, iceberg.Properties{"warehouse": l.Warehouse()})
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := cat.LoadTable(context.Background(), table.Identifier{lake.Namespace, name})
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

// erase deletes rows without writing the files that have them anew.
func erase(t *testing.T, l *lake.Lake, which iceberg.BooleanExpression) {
	t.Helper()
	tx := otherEngine(t, l, "events").NewTransaction()
	if err := tx.SetProperties(iceberg.Properties{table.WriteDeleteModeKey: table.WriteModeMergeOnRead}); err != nil {
		t.Fatal(err)
	}
	if err := tx.Delete(context.Background(), which, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func eventID(n int) string {
	return terroir.Position{Sensor: "s", Epoch: 1, Sequence: uint64(n)}.String()
}

func TestRowsThatAnotherEngineDeletedAreGone(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 100)
	commit(t, l, 101, 200)
	id := func(n int) iceberg.BooleanExpression {
		return iceberg.EqualTo(iceberg.Reference("event_id"), eventID(n))
	}
	erase(t, l, id(7))
	f, err := l.Files(context.Background(), "events")
	if err != nil || len(f.Erased) == 0 || f.Rows-f.Deleted != 199 {
		t.Fatalf("nothing is tried: %d files have deletes, %d rows are left, %v", len(f.Erased), f.Rows-f.Deleted, err)
	}
	check := func(want int64, gone ...int) {
		t.Helper()
		r, err := d.Query(context.Background(), "SELECT count(*), count(DISTINCT event_id) FROM events")
		if err != nil {
			t.Fatal(err)
		}
		if r.Rows[0][0] != want || r.Rows[0][1] != want {
			t.Errorf("%v rows, want %d", r.Rows[0], want)
		}
		for _, n := range gone {
			r, err := d.Query(context.Background(), "SELECT count(*) FROM events WHERE event_id = '"+eventID(n)+"'")
			if err != nil || r.Rows[0][0] != int64(0) {
				t.Errorf("row %d is there still: %v, %v", n, r, err)
			}
		}
	}
	check(199, 7)
	erase(t, l, iceberg.NewOr(id(8), id(150))) // from both files, one of which has deletes already
	check(197, 7, 8, 150)
	commit(t, l, 1, 250) // of which 200 were there, deleted or not
	check(247, 7, 8, 150)
}

func TestDeletesThatAreNotReadAreRefused(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 100)
	loss := terroir.Loss{Position: terroir.Position{Sensor: "s", Epoch: 1, Sequence: 101}, Time: time.Unix(0, 0), Stage: "spool", Reason: "full", Attempts: 1}
	if _, err := l.Commit(context.Background(), &lake.Batch{Losses: []terroir.Loss{loss}}); err != nil {
		t.Fatal(err)
	}
	tbl := otherEngine(t, l, "losses")
	field, ok := tbl.Schema().FindFieldByName("reason")
	if !ok {
		t.Fatal("no reason")
	}
	schema, err := table.SchemaToArrowSchema(iceberg.NewSchema(0, field), nil, true, false)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).Append("full")
	rec := b.NewRecordBatch()
	var records iter.Seq2[arrow.RecordBatch, error] = func(yield func(arrow.RecordBatch, error) bool) { yield(rec, nil) }
	tx := tbl.NewTransaction()
	if err := tx.CommitEqualityDeletes(context.Background(), []int{field.ID}, records, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, err = d.Query(context.Background(), "SELECT count(*) FROM losses")
	if terroir.ErrorCode(err) != terroir.EUNREACHABLE || !strings.Contains(err.Error(), "equality deletes") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	if _, err := d.Query(context.Background(), "SELECT count(*) FROM events"); err != nil {
		t.Errorf("a table without deletes: %v", err)
	}
}
