package query

import (
	"context"
	"fmt"
	"strings"

	"terroir/lake"
)

// rowGroup is the rows of a row group: what a query that needs few rows must read at least.
const rowGroup = 122_880

// Rewrite implements lake.Rewriter: DuckDB sorts within its memory limit and spills to disk.
func (d *Duck) Rewrite(ctx context.Context, r lake.Rewrite) error {
	var b strings.Builder
	b.WriteString("COPY (SELECT ")
	for i, c := range r.Fields {
		comma(&b, i)
		b.WriteString(c.Name)
	}
	b.WriteString(" FROM ")
	readFiles(&b, r.Files, r.Fields, "")
	for i, name := range r.Order {
		if i == 0 {
			b.WriteString(" ORDER BY ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(name + " NULLS FIRST")
	}
	fmt.Fprintf(&b, ") TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d, FIELD_IDS {", quote(r.Out), rowGroup)
	for i, c := range r.Fields {
		comma(&b, i)
		fmt.Fprintf(&b, "%s: %d", c.Name, c.ID)
	}
	b.WriteString("})")
	if _, err := d.db.ExecContext(ctx, b.String()); err != nil {
		return queryError(ctx, err)
	}
	return nil
}
