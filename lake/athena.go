package lake

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/apache/iceberg-go"
)

//go:generate go run ./ddlgen

// Registration is what another catalog must know to show a table as it is now. It is out of date with the next commit.
type Registration struct {
	Table string
	// Location is where the table is, Metadata the file that describes its newest version.
	Location, Metadata string
	// Fields are the table's columns, in order.
	Fields []iceberg.NestedField
}

// Registration returns what another catalog must know of the table. Errors are EUNREACHABLE.
func (l *Lake) Registration(ctx context.Context, name string) (Registration, error) {
	t, err := l.cat.LoadTable(ctx, identifier(name))
	if err != nil {
		return Registration{}, l.unusable(fmt.Errorf("table %s: %w", name, err))
	}
	return Registration{name, t.Location(), t.MetadataLocation(), t.Schema().Fields()}, nil
}

// AthenaType is the name that Amazon Athena and Glue have for a type of the tables' columns. They have one type for
// times; the tables' are UTC.
func AthenaType(t iceberg.Type) string {
	switch t {
	case typeString:
		return "string"
	case typeInt:
		return "int"
	case typeLong:
		return "bigint"
	case typeBool:
		return "boolean"
	case typeTime:
		return "timestamp"
	case typeBinary:
		return "binary"
	}
	return t.String()
}

// AthenaDDL writes the statements with which Athena makes tables like those of the lake below the location, such as
// s3://BUCKET/PATH. They are new and empty: tables that are there already are registered instead (see Registration).
func AthenaDDL(w io.Writer, location string) error {
	var b strings.Builder
	ddl(&b, payloadsTable(), location)
	ddl(&b, templatesTable(), location)
	ddl(&b, indicatorsTable(), location)
	ddl(&b, factsTable(), location)
	ddl(&b, familiesTable(), location)
	ddl(&b, lossesTable(), location)
	ddl(&b, heartbeatsTable(), location)
	ddl(&b, sensorsTable(), location)
	ddl(&b, revisionsTable(), location)
	ddl(&b, servedPortsTable(), location)
	ddl(&b, eventsTable(), location)
	_, err := io.WriteString(w, b.String())
	return err
}

// AthenaFile writes deploy/athena/tables.sql.
func AthenaFile(w io.Writer) error {
	_, err := io.WriteString(w, "-- Generated from the schema of the lake (go generate ./lake). These statements make NEW, EMPTY tables in Athena, for a copy\n"+
		"-- of the events there. They must not name the place of a lake that terroir writes: two catalogs over one place destroy\n"+
		"-- each other's files. To query terroir's own tables, register them: see deploy/README.md.\n\n")
	if err != nil {
		return err
	}
	return AthenaDDL(w, "s3://YOUR-BUCKET/athena")
}

func ddl[T any](b *strings.Builder, t *tableOf[T], location string) {
	fmt.Fprintf(b, "CREATE TABLE %s.%s (", Namespace, t.name)
	for i, c := range t.columns {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "\n  `%s` %s COMMENT '%s'", c.name, AthenaType(c.typ), strings.ReplaceAll(c.doc, "'", "''"))
	}
	b.WriteString("\n)\n")
	var parts []string
	for _, name := range t.partition {
		if t.columns[t.fieldID(name)-1].typ == typeTime {
			name = "day(" + name + ")"
		}
		parts = append(parts, name)
	}
	if len(parts) > 0 {
		fmt.Fprintf(b, "PARTITIONED BY (%s)\n", strings.Join(parts, ", "))
	}
	fmt.Fprintf(b, "LOCATION '%s/%s/%s/'\nTBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet', 'write_compression'='zstd');\n\n",
		strings.TrimRight(location, "/"), Namespace, t.name)
}
