package lake

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// evolve adds the columns that the table lacks, because an older terroir made it. Files are not touched: in their rows
// the new columns are null. Columns that this terroir does not know stay: a newer one wrote them.
func evolve[T any](ctx context.Context, l *Lake, t *tableOf[T]) error {
	return l.fenced(ctx, t.name, func(tbl *table.Table) error {
		var missing []column[T]
		for _, c := range t.columns {
			if _, ok := tbl.Schema().FindFieldByName(c.name); !ok {
				missing = append(missing, c)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		tx := tbl.NewTransaction()
		update := tx.UpdateSchema(true, false)
		for _, c := range missing {
			update = update.AddColumn([]string{c.name}, c.typ, c.doc, false, nil)
		}
		if err := update.Commit(); err != nil {
			return err
		}
		_, err := tx.Commit(ctx)
		return err
	})
}

// adopt learns the Arrow schema in which rows are written: the columns of this terroir, with the ids that the table gave them.
func (t *tableOf[T]) adopt(ctx context.Context, l *Lake) error {
	tbl, err := l.cat.LoadTable(ctx, identifier(t.name))
	if err != nil {
		return err
	}
	fields := make([]iceberg.NestedField, len(t.columns))
	for i, c := range t.columns {
		field, ok := tbl.Schema().FindFieldByName(c.name)
		if !ok {
			return fmt.Errorf("it has no column %s", c.name)
		}
		if !field.Type.Equals(c.typ) {
			return fmt.Errorf("its column %s is %s, not %s", c.name, field.Type, c.typ)
		}
		fields[i] = field
	}
	t.arrow, err = table.SchemaToArrowSchema(iceberg.NewSchema(tbl.Schema().ID, fields...), nil, true, false)
	return err
}
