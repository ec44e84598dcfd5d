package query

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"terroir/lake"
)

// many commits n batches of k events each, as a live hub does.
func many(t *testing.T, l *lake.Lake, n, k uint64) {
	t.Helper()
	for i := range n {
		commit(t, l, i*k+1, (i+1)*k)
	}
}

func filesOf(t *testing.T, l *lake.Lake, table string) lake.Files {
	t.Helper()
	f, err := l.Files(context.Background(), table)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func rowsOf(t *testing.T, d *Duck, statement string) string {
	t.Helper()
	r, err := d.Query(context.Background(), statement)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(r.Rows)
}

const fingerprintOfEvents = "SELECT count(*), count(DISTINCT event_id), sum(hash(event_id, ts, src_ip, dst_port, region, kind, attempts)) FROM events"

func TestCompactionKeepsEveryRowAndTheOrder(t *testing.T) {
	l, d := open(t)
	many(t, l, 12, 50)
	before := rowsOf(t, d, fingerprintOfEvents)
	done, err := l.Compact(context.Background(), d, lake.CompactOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(done) != 1 || done[0].Table != "events" || done[0].FilesBefore != 12 || done[0].FilesAfter != 1 || done[0].Rows != 600 {
		t.Errorf("%+v", done)
	}
	f := filesOf(t, l, "events")
	if len(f.Paths) != 1 || f.Rows != 600 {
		t.Errorf("%d files with %d rows", len(f.Paths), f.Rows)
	}
	if after := rowsOf(t, d, fingerprintOfEvents); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
	unordered := "SELECT count(*) FROM (SELECT region, dst_port, src_ip, lag((region, dst_port, src_ip)) OVER () AS last FROM events) WHERE (region, dst_port, src_ip) < last"
	if n := rowsOf(t, d, unordered); n != "[[0]]" {
		t.Errorf("%s rows are out of order", n)
	}
	// Life goes on: the marks are there still, what is offered again is dropped, what is new is not.
	commit(t, l, 551, 650)
	if n := rowsOf(t, d, "SELECT count(*), count(DISTINCT event_id) FROM events"); n != "[[650 650]]" {
		t.Errorf("after another commit: %s", n)
	}
}

// TestAReaderIsNotDisturbedByCompaction begins a query, and has its files replaced meanwhile.
func TestAReaderIsNotDisturbedByCompaction(t *testing.T) {
	l, d := open(t)
	many(t, l, 6, 50)
	g, err := d.acquire(context.Background(), "SELECT * FROM events")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Compact(context.Background(), d, lake.CompactOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Expire(context.Background(), lake.ExpireOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := rowsOf(t, d, "SELECT count(*) FROM events"); n != "[[300]]" {
		t.Errorf("a new reader sees %s", n)
	}
	var n int
	if err := d.db.QueryRow("SELECT count(*) FROM " + g.schema + ".events").Scan(&n); err != nil || n != 300 {
		t.Errorf("the reader that had begun sees %d, %v", n, err)
	}
	d.release(g)
}

func TestACompactionThatCannotWriteChangesNothing(t *testing.T) {
	l, d := open(t)
	many(t, l, 6, 50)
	before := filesOf(t, l, "events").Snapshot
	if err := os.WriteFile(filepath.Join(l.Dir(), "tmp"), nil, 0o600); err != nil { // Where a folder is wanted.
		t.Fatal(err)
	}
	if _, err := l.Compact(context.Background(), d, lake.CompactOptions{}); err == nil {
		t.Error("no error")
	}
	if after := filesOf(t, l, "events"); after.Snapshot != before || after.Rows != 300 {
		t.Errorf("snapshot %d became %d", before, after.Snapshot)
	}
}
