package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // PostgreSQL's driver

	"terroir/lake"
)

// preludeOfPostgres defines what PostgreSQL needs to run statements written for Trino.
const preludeOfPostgres = `
CREATE FUNCTION from_iso8601_timestamp(t text) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS 'SELECT t::timestamptz';
CREATE FUNCTION array_join(a anyarray, s text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT array_to_string(a, s)';
CREATE FUNCTION to_unixtime(t timestamptz) RETURNS double precision IMMUTABLE LANGUAGE sql AS 'SELECT extract(epoch FROM t)::double precision';
CREATE FUNCTION from_unixtime(s double precision) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS 'SELECT to_timestamp(s)';
CREATE DOMAIN "double" AS double precision;
CREATE FUNCTION round(x double precision, n integer) RETURNS double precision IMMUTABLE LANGUAGE sql AS 'SELECT round(x::numeric, n)::double precision';
CREATE FUNCTION log2(x double precision) RETURNS double precision IMMUTABLE LANGUAGE sql AS 'SELECT ln(x) / ln(2::double precision)';
CREATE FUNCTION regexp_extract(t text, p text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT (regexp_match(t, p))[1]';
`

// extremes are aggregates that PostgreSQL does not have: the x that has the greatest or the least y.
var extremes = []struct{ name, keeps, x, y string }{
	{"max_by", ">=", "text", "bigint"}, {"max_by", ">=", "double precision", "bigint"}, {"max_by", ">=", "integer", "timestamptz"},
	{"min_by", "<=", "bigint", "text"},
}

// extreme defines the aggregate of extremes.
func extreme(n int) string {
	e := extremes[n]
	return fmt.Sprintf(`
CREATE TYPE pair_%[1]d AS (x %[4]s, y %[5]s);
CREATE FUNCTION more(s pair_%[1]d, x %[4]s, y %[5]s) RETURNS pair_%[1]d IMMUTABLE LANGUAGE sql
  AS 'SELECT CASE WHEN y IS NULL OR (s).y %[3]s y THEN s ELSE ROW(x, y)::pair_%[1]d END';
CREATE FUNCTION first(s pair_%[1]d) RETURNS %[4]s IMMUTABLE LANGUAGE sql AS 'SELECT (s).x';
CREATE AGGREGATE %[2]s(%[4]s, %[5]s) (SFUNC = more, STYPE = pair_%[1]d, FINALFUNC = first);
`, n, e.name, e.keeps, e.x, e.y)
}

// indexes are those that somebody who asks the study's questions would make.
var indexes = []string{
	"CREATE INDEX ON events (kind, dst_port, region)", "CREATE INDEX ON events (kind, country, region)", "CREATE INDEX ON events (src_ip)",
	"CREATE INDEX ON events USING brin (ts)", "CREATE INDEX ON events (payload_id)",
	"CREATE INDEX ON payload_facts (payload_id)", "CREATE INDEX ON served_ports (revision, transport, port)", "ANALYZE",
}

// postgres starts a PostgreSQL of its own below dir, as an ordinary user, and loads the bare files into it.
func postgres(ctx context.Context, dir string) (db *sql.DB, stop func(), err error) {
	bin, err := exec.Command("sh", "-c", "ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1").Output()
	if err != nil || len(bin) == 0 {
		return nil, nil, errors.New("PostgreSQL is not installed")
	}
	home, tools := filepath.Join(dir, "pg"), strings.TrimSpace(string(bin))
	if err := os.Mkdir(home, 0o777); err != nil {
		return nil, nil, err
	}
	if err := os.Chmod(home, 0o777); err != nil {
		return nil, nil, err
	}
	nobody := &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	init := exec.Command(filepath.Join(tools, "initdb"), "-D", filepath.Join(home, "data"), "-A", "trust", "-U", "bench", "--no-locale", "-E", "UTF8")
	init.SysProcAttr, init.Dir = nobody, home
	if out, err := init.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	server := exec.Command(filepath.Join(tools, "postgres"), "-D", filepath.Join(home, "data"), "-p", port, "-h", "127.0.0.1", "-k", home,
		"-c", "shared_buffers=1GB", "-c", "work_mem=256MB", "-c", "maintenance_work_mem=512MB", "-c", "max_wal_size=8GB", "-c", "fsync=off",
		"-c", "effective_cache_size=8GB", "-c", "timezone=UTC")
	server.SysProcAttr, server.Dir = nobody, home
	if err := server.Start(); err != nil {
		return nil, nil, err
	}
	stop = func() {
		_ = server.Process.Signal(syscall.SIGINT)
		_ = server.Wait()
	}
	db, err = sql.Open("pgx", "postgres://bench@127.0.0.1:"+port+"/postgres")
	for end := time.Now().Add(30 * time.Second); err == nil; time.Sleep(100 * time.Millisecond) {
		if err = db.PingContext(ctx); err == nil || time.Now().After(end) {
			break
		}
		err = nil
	}
	if err == nil {
		err = load(ctx, db, dir, port, home)
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return db, stop, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// load copies the tables, by way of CSV.
func load(ctx context.Context, db *sql.DB, dir, port, home string) error {
	begun := time.Now()
	prelude := preludeOfPostgres
	for n := range extremes {
		prelude += extreme(n)
	}
	if _, err := db.ExecContext(ctx, prelude); err != nil {
		return err
	}
	duck, err := openDuck("")
	if err != nil {
		return err
	}
	defer duck.Close()
	for _, table := range lake.Tables() {
		if err := loadTable(ctx, db, duck, dir, port, home, table); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	for _, s := range indexes {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "PostgreSQL loaded and indexed in %s\n", time.Since(begun).Round(time.Second))
	return nil
}

func loadTable(ctx context.Context, db, duck *sql.DB, dir, port, home, table string) error {
	file, csv := filepath.Join(dir, table+".parquet"), filepath.Join(home, table+".csv")
	rows, err := duck.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet('"+file+"'))")
	if err != nil {
		return err
	}
	defer rows.Close()
	var columns, values []string
	for rows.Next() {
		var name, typ string
		if err := rows.Scan(&name, &typ); err != nil {
			return err
		}
		columns = append(columns, name+" "+strings.NewReplacer("VARCHAR", "text", "TIMESTAMP WITH TIME ZONE", "timestamptz", "DOUBLE", "double precision", "BLOB", "bytea").Replace(typ))
		if typ == "BLOB" {
			name = "'\\x' || lower(hex(" + name + "))"
		}
		values = append(values, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE "+table+" ("+strings.Join(columns, ", ")+")"); err != nil {
		return err
	}
	if _, err := duck.ExecContext(ctx, "COPY (SELECT "+strings.Join(values, ", ")+" FROM read_parquet('"+file+"')) TO '"+csv+"' (FORMAT csv, HEADER false)"); err != nil {
		return err
	}
	defer os.Remove(csv)
	if err := os.Chmod(csv, 0o644); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "COPY "+table+" FROM '"+csv+"' (FORMAT csv)")
	return err
}
