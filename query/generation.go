package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"

	"terroir/lake"
)

// acquire returns the generation of the current snapshots and keeps it from being dropped until release.
func (d *Duck) acquire(ctx context.Context) (*generation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key, snapshot, err := d.snapshots(ctx)
	if err != nil {
		return nil, err
	}
	if d.seen == nil || d.seen.key != key {
		g, err := d.create(ctx, key, snapshot)
		if err != nil {
			return nil, err
		}
		if d.seen != nil {
			d.seen.outdated = true
			d.dropUnused(d.seen)
		}
		d.seen = g
	}
	d.seen.users++
	return d.seen, nil
}

func (d *Duck) release(g *generation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g.users--
	d.dropUnused(g)
}

func (d *Duck) dropUnused(g *generation) {
	if g.outdated && g.users == 0 {
		// A schema that cannot be dropped costs a little memory and nothing else.
		_, _ = d.db.Exec("DROP SCHEMA IF EXISTS " + g.schema + " CASCADE")
	}
}

// snapshots reads events first: what its marks vouch for is in the other tables already, never the other way round.
func (d *Duck) snapshots(ctx context.Context) (key string, events int64, err error) {
	var b strings.Builder
	tables := lake.Tables()
	for i := len(tables) - 1; i >= 0; i-- {
		id, err := d.lake.Snapshot(ctx, tables[i])
		if err != nil {
			return "", 0, err
		}
		if tables[i] == "events" {
			events = id
		}
		fmt.Fprintf(&b, "%s=%d ", tables[i], id)
	}
	return b.String(), events, nil
}

// create makes the views, of events first, as snapshots reads them: a commit that comes meanwhile adds payloads that no
// event is seen of yet, and never an event without its payload.
func (d *Duck) create(ctx context.Context, key string, snapshot int64) (*generation, error) {
	d.next++
	g := &generation{schema: fmt.Sprintf("s%d", d.next), key: key, snapshot: snapshot}
	if _, err := d.db.ExecContext(ctx, "CREATE SCHEMA "+g.schema); err != nil {
		return nil, fmt.Errorf("duckdb: %w", err)
	}
	tables := lake.Tables()
	slices.Reverse(tables)
	for _, name := range tables {
		f, err := d.lake.Files(ctx, name)
		if err != nil {
			return nil, err
		}
		if name == "events" {
			g.snapshot = f.Snapshot
		}
		if _, err := d.db.ExecContext(ctx, viewOf(g.schema, f)); err != nil {
			return nil, fmt.Errorf("duckdb: table %s: %w", name, err)
		}
	}
	return g, nil
}

// viewOf defines a view over the table's files. Columns are found by Iceberg's field ids, so that a file from before a
// column was added or renamed is read right.
func viewOf(schema string, f lake.Files) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE VIEW %s.%s AS SELECT ", schema, f.Table)
	if len(f.Paths) == 0 {
		for i, c := range f.Fields {
			comma(&b, i)
			fmt.Fprintf(&b, "NULL::%s AS %s", duckType(c.Type), c.Name)
		}
		b.WriteString(" WHERE false")
		return b.String()
	}
	b.WriteString("* FROM ")
	b.WriteString(readParquet(f.Paths, f.Fields))
	return b.String()
}

// readParquet reads the files with the columns.
func readParquet(paths []string, fields []iceberg.NestedField) string {
	var b strings.Builder
	b.WriteString("read_parquet([")
	for i, p := range paths {
		comma(&b, i)
		b.WriteString(quote(p))
	}
	b.WriteString("], schema=MAP {")
	for i, c := range fields {
		comma(&b, i)
		fmt.Fprintf(&b, "%d: {name: %s, type: '%s', default_value: NULL}", c.ID, quote(c.Name), duckType(c.Type))
	}
	b.WriteString("})")
	return b.String()
}

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

// duckType names DuckDB's type for one of Iceberg's primitive types that the lake's tables use.
func duckType(t iceberg.Type) string {
	switch t {
	case iceberg.PrimitiveTypes.Bool:
		return "BOOLEAN"
	case iceberg.PrimitiveTypes.Int32:
		return "INTEGER"
	case iceberg.PrimitiveTypes.Int64:
		return "BIGINT"
	case iceberg.PrimitiveTypes.Float64:
		return "DOUBLE"
	case iceberg.PrimitiveTypes.TimestampTz:
		return "TIMESTAMPTZ"
	case iceberg.PrimitiveTypes.Binary:
		return "BLOB"
	default:
		return "VARCHAR"
	}
}
