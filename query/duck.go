package query

import (
	"context"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2"

	"terroir"
	"terroir/lake"
	"terroir/views"
)

// prelude defines what DuckDB needs to run statements written for Trino.
//
//go:embed prelude.sql
var prelude string

// Options bound what the engine may use.
type Options struct {
	// MemoryMiB bounds DuckDB's memory; what does not fit is spilled to TempDir. 0 means 1024.
	MemoryMiB int
	// Threads bounds its threads; 0 means one per core.
	Threads int
	// TempDir takes what is spilled; "" means a folder below the lake.
	TempDir string
}

// Duck runs statements in an embedded DuckDB over a lake's files. Each query sees the snapshots that were current when
// it began; commits do not disturb it.
type Duck struct {
	lake  *lake.Lake
	db    *sql.DB
	reads reads

	mu   sync.Mutex
	seen *generation
	next int
	// pinned is the snapshot of each table that all queries see; nil: the current ones.
	pinned map[string]int64
}

// generation is a schema of views over one set of snapshots.
type generation struct {
	schema string
	// state is lake.State when it was made, at the snapshot of each table.
	state    string
	at       map[string]int64
	users    int
	outdated bool

	mu sync.Mutex
	// tables are those that have a view, each with what gives up its files; events are the files of that table.
	tables map[string]func()
	events lake.Files
}

// Open starts a DuckDB over the lake.
func Open(l *lake.Lake, opt Options) (*Duck, error) {
	if opt.MemoryMiB == 0 {
		opt.MemoryMiB = 1024
	}
	if opt.TempDir == "" {
		opt.TempDir = l.Dir() + "/tmp"
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("duckdb: %w", err)
	}
	d := &Duck{lake: l, db: sql.OpenDB(connector)}
	for _, s := range settings(l.Dir(), opt) {
		if _, err := d.db.Exec(s); err != nil {
			return nil, errors.Join(fmt.Errorf("duckdb: %s: %w", s, err), d.Close())
		}
	}
	return d, nil
}

// settings close DuckDB off: no extensions from elsewhere, no file outside the lake, nothing changed afterwards.
func settings(dir string, opt Options) []string {
	s := []string{
		"SET autoinstall_known_extensions=false",
		"SET autoload_known_extensions=false",
		fmt.Sprintf("SET memory_limit='%dMiB'", opt.MemoryMiB),
		"SET temp_directory=" + quote(opt.TempDir),
		"SET TimeZone='UTC'",
		"SET parquet_metadata_cache=true",
		"SET allocator_background_threads=true",
		"SET allowed_directories=[" + quote(dir+"/") + "," + quote(opt.TempDir+"/") + "]",
		"SET enable_external_access=false",
	}
	if opt.Threads > 0 {
		s = append(s, fmt.Sprintf("SET threads=%d", opt.Threads))
	}
	return append(s, prelude, "SET lock_configuration=true")
}

// Close ends the engine. Queries under way fail.
func (d *Duck) Close() error { return d.db.Close() }

// Query runs the statement, which must be one that only reads.
func (d *Duck) Query(ctx context.Context, statement string) (*views.Result, error) {
	if err := d.reads.check(ctx, statement, d.text); err != nil {
		return nil, err
	}
	g, err := d.acquire(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer d.release(g)
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("duckdb: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "USE "+g.schema); err != nil {
		return nil, fmt.Errorf("duckdb: %w", err)
	}
	var r *views.Result
	err = conn.Raw(func(c any) (err error) {
		r, err = read(ctx, c.(driver.Conn), statement)
		return err
	})
	if err != nil {
		return nil, queryError(ctx, err)
	}
	r.Snapshot, r.Complete = g.at["events"], true
	return r, nil
}

// read runs the statement, which was looked at. The driver is used as it is: for several statements in one text database/sql runs
// all but the last when it prepares them.
func read(ctx context.Context, conn driver.Conn, statement string) (*views.Result, error) {
	s, err := conn.Prepare(statement)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	rows, err := s.(driver.StmtQueryContext).QueryContext(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return drained(rows)
}

// text runs a statement of one row and one text.
func (d *Duck) text(ctx context.Context, statement string) (text string, err error) {
	if err := d.db.QueryRowContext(ctx, statement).Scan(&text); err != nil {
		return "", queryError(ctx, err)
	}
	return text, nil
}

// drained are the rows that the driver returns.
func drained(rows driver.Rows) (*views.Result, error) {
	names := rows.Columns()
	types, values := make([]string, len(names)), make([]driver.Value, len(names))
	for i := range types {
		types[i] = rows.(driver.RowsColumnTypeDatabaseTypeName).ColumnTypeDatabaseTypeName(i)
	}
	return collect(columns(names, types), func(row []any) (bool, error) {
		if err := rows.Next(values); err != nil {
			if err == io.EOF {
				err = nil
			}
			return false, err
		}
		for i := range row {
			row[i] = values[i]
		}
		return true, nil
	})
}

func queryError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var d *duckdb.Error
	if errors.As(err, &d) {
		switch d.Type {
		case duckdb.ErrorTypeIO, duckdb.ErrorTypeOutOfMemory, duckdb.ErrorTypeInternal, duckdb.ErrorTypeFatal:
			return &terroir.Error{Code: terroir.EUNREACHABLE, Message: "query failed", Err: errors.New(firstLine(d.Msg))}
		}
		return &terroir.Error{Code: terroir.EINVALID, Message: "the statement is not valid", Err: errors.New(firstLine(d.Msg))}
	}
	return fmt.Errorf("duckdb: %w", err)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
