package query

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"terroir"
	"terroir/lake"
)

func open(t *testing.T) (*lake.Lake, *Duck) {
	t.Helper()
	l, err := lake.Open(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	d, err := Open(l, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return l, d
}

func commit(t *testing.T, l *lake.Lake, first, last uint64) {
	t.Helper()
	var b lake.Batch
	for n := first; n <= last; n++ {
		e := terroir.Event{Time: time.Date(2022, 6, 14, 10, 0, int(n%60), 0, time.UTC), Region: "r", Kind: terroir.KindUnserved,
			Transport: terroir.TCP, Source: netip.MustParseAddrPort("198.51.100.7:1"), Attempts: 1}
		e.Sensor, e.Epoch, e.Sequence = "s", 1, n
		b.Events = append(b.Events, &e)
	}
	if _, err := l.Commit(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
}

func TestAQuerySeesWhatIsCommitted(t *testing.T) {
	l, d := open(t)
	count := func() int64 {
		r, err := d.Query(context.Background(), "SELECT count(*) FROM events")
		if err != nil {
			t.Fatal(err)
		}
		return r.Rows[0][0].(int64)
	}
	if n := count(); n != 0 {
		t.Errorf("%d rows in an empty lake", n)
	}
	commit(t, l, 1, 100)
	if n := count(); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
	commit(t, l, 51, 150) // the half of it again
	if n := count(); n != 150 {
		t.Errorf("%d rows, want 150", n)
	}
}

// TestStatementsAreHeldIn tries what a user of the page, or whoever took it over, might.
func TestStatementsAreHeldIn(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 1)
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("a\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"SELECT * FROM read_csv('" + secret + "')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '" + secret + "'",
		"SELECT * FROM glob('/etc/*')", "SELECT * FROM read_csv('" + l.Dir() + "/../" + filepath.Base(secret) + "')",
		"COPY (SELECT 1) TO '" + l.Dir() + "/x.csv'", "ATTACH '" + l.Dir() + "/x.db'", "INSTALL httpfs", "LOAD httpfs",
		"SET memory_limit='100GB'", "RESET enable_external_access", "CREATE TABLE t (a int)", "DROP VIEW events",
		"DELETE FROM events", "CALL pragma_version()", "SELECT 1; DROP VIEW events", "SELECT 1; SELECT * FROM read_text('/etc/passwd')",
		"DROP VIEW events; SELECT 1", "COPY (SELECT 1) TO '" + l.Dir() + "/x.csv'; SELECT 1", "SELECT 1; SELECT 2", "BEGIN; SELECT 1",
		"EXPLAIN ANALYZE COPY (SELECT 1) TO '" + l.Dir() + "/x.csv'", "explain\nanalyze DROP VIEW events", "EXPLAIN /**/ ANALYZE DROP VIEW events",
		"EXPLAIN (ANALYZE) COPY (SELECT 1) TO '" + l.Dir() + "/x.csv'", "EXPLAIN EXPLAIN ANALYZE DROP VIEW events",
		"SELECT * FROM enable_profiling(format := 'json', save_location := '" + l.Dir() + "/x.csv')", `SELECT 1 FROM "Enable_Logging"()`,
		"FROM (FROM system.main.enable_logging())", "SELECT (SELECT count(*) FROM query('SELECT 1'))", "DESCRIBE SELECT * FROM enable_logging()",
		"WITH x AS (FROM json_execute_serialized_sql('{}')) FROM x", "SELECT * FROM truncate_duckdb_logs()", "SELECT 1 FROM range(1) JOIN force_checkpoint() ON true",
		"SELECT * FROM '" + l.Dir() + "/terroir/events/metadata/*.json'", "SELECT json_serialize_plan('SELECT 1')", "SELECT write_log('x')",
		"PREPARE x AS DROP VIEW events", "EXECUTE x", "PRAGMA database_list; SELECT 1",
		"EXPORT DATABASE '" + l.Dir() + "/x'", "SELECT getenv('HOME')", "VACUUM", "CHECKPOINT", "", ";", "SELECT",
	} {
		r, err := d.Query(context.Background(), statement)
		if err == nil {
			t.Errorf("%q was run: %v", statement, r.Rows)
		} else if strings.Contains(err.Error(), "\n") || terroir.ErrorCode(err) == terroir.EINTERNAL {
			t.Errorf("%q: %v (%s)", statement, err, terroir.ErrorCode(err))
		}
	}
	if r, err := d.Query(context.Background(), "SELECT count(*) FROM events"); err != nil || r.Rows[0][0] != int64(1) {
		t.Errorf("afterwards: %v, %v", r, err)
	}
	if _, err := os.Stat(filepath.Join(l.Dir(), "x.csv")); !os.IsNotExist(err) {
		t.Errorf("a file was written: %v", err)
	}
	for _, statement := range []string{"EXPLAIN SELECT 1", " explain analyze SELECT count(*) FROM events", "(SELECT 1);", "FROM events", "SHOW TABLES", "FROM range(3)", "WITH x1 AS (SELECT lower('A')) SELECT * FROM x1, information_schema.tables", "SUMMARIZE events", "-- a\nSELECT 1 -- b\n"} {
		if _, err := d.Query(context.Background(), statement); err != nil {
			t.Errorf("%q: %v", statement, err)
		}
	}
}

func TestEveryTableIsListed(t *testing.T) {
	_, d := open(t)
	r, err := d.Query(context.Background(), "SELECT table_name FROM information_schema.tables")
	if err != nil || len(r.Rows) != len(lake.Tables()) {
		t.Errorf("%v, %v", r, err)
	}
}

func TestAQueryEndsWithItsContext(t *testing.T) {
	_, d := open(t)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := d.Query(ctx, "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range % 7 = 3"); err != context.DeadlineExceeded {
		t.Errorf("%v", err)
	}
}

func TestTypesComeAsTheyAre(t *testing.T) {
	_, d := open(t)
	r, err := d.Query(context.Background(), `SELECT 1, 1.5, 'x', TRUE, NULL, TIMESTAMP '2022-06-14 10:00:00', sum(a) FROM (VALUES (9223372036854775807), (1)) t(a)`)
	if err != nil {
		t.Fatal(err)
	}
	row := r.Rows[0]
	if row[0] != int64(1) || row[2] != "x" || row[3] != true || row[4] != nil || row[5] != time.Date(2022, 6, 14, 10, 0, 0, 0, time.UTC) {
		t.Errorf("%#v", row)
	}
	if f, ok := row[6].(float64); !ok || f < 9.22e18 {
		t.Errorf("a sum beyond 64 bits is %#v", row[6])
	}
}
