package query

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"

	"terroir/lake"
	"terroir/views"
)

// acquire returns the generation of the current snapshots, with views of the tables that the statement may name, and
// keeps it from being dropped until release.
func (d *Duck) acquire(ctx context.Context, statement string) (*generation, error) {
	g, err := d.current(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.include(ctx, g, statement); err != nil {
		d.release(g)
		return nil, err
	}
	return g, nil
}

// current returns the generation of the current snapshots, counted as used.
func (d *Duck) current(ctx context.Context) (*generation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	state := "pinned"
	if d.pinned == nil {
		var err error
		if state, err = d.lake.State(ctx); err != nil {
			return nil, err
		}
	}
	if d.seen == nil || d.seen.state != state {
		at, err := d.look(ctx)
		if err != nil {
			return nil, err
		}
		g, err := d.create(ctx, state, at)
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
		for _, release := range g.tables {
			release()
		}
		g.tables = nil
	}
}

// look reads the snapshot of every table, of events first: what its marks vouch for is in the other tables already, never
// the other way round.
func (d *Duck) look(ctx context.Context) (map[string]int64, error) {
	if d.pinned != nil {
		return d.pinned, nil
	}
	at := map[string]int64{}
	tables := lake.Tables()
	for i := len(tables) - 1; i >= 0; i-- {
		id, err := d.lake.Snapshot(ctx, tables[i])
		if err != nil {
			return nil, err
		}
		at[tables[i]] = id
	}
	return at, nil
}

// Pin makes all further queries see the tables as they were at a snapshot of events. One that there is not, or not any
// more, yields an ENOTFOUND error.
func (d *Duck) Pin(ctx context.Context, snapshot int64) error {
	at, err := d.lake.AsOf(ctx, snapshot)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pinned = at
	return nil
}

func (d *Duck) create(ctx context.Context, state string, at map[string]int64) (*generation, error) {
	d.next++
	g := &generation{schema: fmt.Sprintf("s%d", d.next), state: state, at: at, tables: map[string]func(){}}
	if _, err := d.db.ExecContext(ctx, "CREATE SCHEMA "+g.schema); err != nil {
		return nil, fmt.Errorf("duckdb: %w", err)
	}
	return g, nil
}

// listing finds statements that ask which tables there are.
var listing = regexp.MustCompile(`(?i)\bshow\b|information_schema|duckdb_|pg_catalog|sqlite_master`)

// include makes views of the tables that the statement may name: of others files need not be fetched, nor be readable.
func (d *Duck) include(ctx context.Context, g *generation, statement string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := listing.MatchString(statement)
	for _, name := range lake.Tables() {
		if _, there := g.tables[name]; there || !all && !names(statement, name) {
			continue
		}
		f, release, err := d.lake.Fetch(ctx, name, g.at[name])
		if err != nil {
			return err
		}
		if _, err := d.db.ExecContext(ctx, viewOf(g.schema, f)); err != nil {
			release()
			return fmt.Errorf("duckdb: table %s: %w", name, err)
		}
		g.tables[name] = release
		if name == "events" {
			g.events = f
		}
	}
	return d.includeRollups(ctx, g, statement)
}

// includeRollups makes the relations of rollups that the statement names. Their names begin with that of events, which is there.
func (d *Duck) includeRollups(ctx context.Context, g *generation, statement string) error {
	for _, r := range views.Rollups() {
		if _, there := g.tables[r.Relation()]; there || !names(statement, r.Relation()) {
			continue
		}
		if _, err := d.db.ExecContext(ctx, "CREATE VIEW "+g.schema+"."+r.Relation()+" AS "+d.rolled(&r, &g.events)); err != nil {
			return fmt.Errorf("duckdb: %s: %w", r.Relation(), err)
		}
		g.tables[r.Relation()] = func() {} // The files are those of events.
	}
	return nil
}

// viewOf defines a view over the table's files.
func viewOf(schema string, f lake.Files) string {
	return fmt.Sprintf("CREATE VIEW %s.%s AS %s", schema, f.Table, selectFrom(&f))
}

// selectFrom is the SELECT of all rows of the files. Columns are found by Iceberg's field ids, so that a file from before a
// column was added or renamed is read right. Rows that delete files name are left out.
func selectFrom(f *lake.Files) string {
	var b strings.Builder
	erased := f.IsErased()
	intact := slices.DeleteFunc(slices.Clone(f.Paths), func(p string) bool { return erased[p] })
	switch {
	case len(f.Paths) == 0:
		b.WriteString("SELECT ")
		for i, c := range f.Fields {
			comma(&b, i)
			fmt.Fprintf(&b, "NULL::%s AS %s", duckType(c.Type), c.Name)
		}
		b.WriteString(" WHERE false")
	case len(f.Erased) == 0:
		b.WriteString("SELECT * FROM ")
		readFiles(&b, f.Paths, f.Fields, "")
	default:
		if len(intact) > 0 {
			b.WriteString("SELECT * FROM ")
			readFiles(&b, intact, f.Fields, "")
			b.WriteString(" UNION ALL ")
		}
		readErased(&b, f)
	}
	return b.String()
}

// readFiles writes the relation of the files' rows.
func readFiles(b *strings.Builder, paths []string, fields []iceberg.NestedField, more string) {
	b.WriteString("read_parquet(")
	list(b, paths)
	b.WriteString(", schema=MAP {")
	for i, c := range fields {
		comma(b, i)
		fmt.Fprintf(b, "%d: {name: %s, type: '%s', default_value: NULL}", c.ID, quote(c.Name), duckType(c.Type))
	}
	b.WriteString("}" + more + ")")
}

// readErased writes a SELECT of those rows of files with deletes that are still there. Delete files call a data file by
// its address in the table, DuckDB by its path here.
func readErased(b *strings.Builder, f *lake.Files) {
	var paths, by []string
	for _, e := range f.Erased {
		paths, by = append(paths, e.Path), append(by, e.By...)
	}
	slices.Sort(by)
	b.WriteString("SELECT ")
	for i, c := range f.Fields {
		comma(b, i)
		b.WriteString("d." + c.Name)
	}
	b.WriteString(" FROM ")
	readFiles(b, paths, f.Fields, ", filename=true, file_row_number=true")
	b.WriteString(" d ANTI JOIN (SELECT n.path, x.pos FROM read_parquet(")
	list(b, slices.Compact(by))
	b.WriteString(", union_by_name=true) x JOIN (VALUES ")
	for i, e := range f.Erased {
		comma(b, i)
		fmt.Fprintf(b, "(%s, %s)", quote(e.Path), quote(e.Name))
	}
	b.WriteString(") n(path, name) ON n.name = x.file_path) gone ON gone.path = d.filename AND gone.pos = d.file_row_number")
}

// list writes a list of texts.
func list(b *strings.Builder, texts []string) {
	b.WriteByte('[')
	for i, t := range texts {
		comma(b, i)
		b.WriteString(quote(t))
	}
	b.WriteByte(']')
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
