package lake

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"terroir"
)

// rebuildRows is how many facts are written at a time.
const rebuildRows = 1 << 15

// Rebuild analyzes every payload again and replaces what is known of payloads from themselves: templates, indicators and
// facts, each table in one commit, facts last. Events and payloads are not touched; groups of templates are to be made anew
// (ReplaceFamilies). It returns how many payloads there were. progress is told how many payloads are done; it may be nil.
//
// What other writers add to the facts meanwhile makes it begin again.
func (l *Lake) Rebuild(ctx context.Context, analyze func(id terroir.PayloadID, payload []byte) terroir.Analysis, progress func(done int64)) (n int64, err error) {
	if progress == nil {
		progress = func(int64) {}
	}
	err = l.fenced(ctx, l.facts.name, func(facts *table.Table) error {
		payloads, err := l.cat.LoadTable(ctx, identifier(l.payloads.name))
		if err != nil {
			return err
		}
		r := &rebuilding{lake: l, templates: map[terroir.PayloadID]bool{}}
		if err := r.begin(ctx, facts); err != nil {
			return err
		}
		n = 0
		if payloads.CurrentSnapshot() == nil {
			return nil
		}
		err = eachPayload(ctx, payloads, func(id terroir.PayloadID, b []byte) error {
			r.add(analyze(id, b))
			if n++; n%rebuildRows != 0 {
				return nil
			}
			progress(n)
			return r.write(ctx)
		})
		if err == nil {
			err = r.write(ctx)
		}
		if err == nil {
			err = r.commit(ctx)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("lake: rebuild: %w", err)
	}
	return n, nil
}

// rebuilding holds what replaces the three tables.
type rebuilding struct {
	lake       *Lake
	facts      replacing[terroir.PayloadFacts]
	textOf     replacing[terroir.Template]
	indicators replacing[terroir.Indicator]
	// templates are those that were met.
	templates map[terroir.PayloadID]bool
}

func (r *rebuilding) begin(ctx context.Context, facts *table.Table) error {
	templates, err := r.lake.cat.LoadTable(ctx, identifier(r.lake.templates.name))
	if err != nil {
		return err
	}
	indicators, err := r.lake.cat.LoadTable(ctx, identifier(r.lake.indicators.name))
	if err != nil {
		return err
	}
	r.facts.of, r.textOf.of, r.indicators.of = r.lake.facts, r.lake.templates, r.lake.indicators
	return errors.Join(r.facts.begin(ctx, facts), r.textOf.begin(ctx, guarded(templates, r.lake.cat)), r.indicators.begin(ctx, guarded(indicators, r.lake.cat)))
}

func (r *rebuilding) add(a terroir.Analysis) {
	r.facts.rows = append(r.facts.rows, a.Facts)
	r.indicators.rows = append(r.indicators.rows, a.Indicators...)
	if !r.templates[a.Template.ID] {
		r.templates[a.Template.ID] = true
		r.textOf.rows = append(r.textOf.rows, a.Template)
	}
}

func (r *rebuilding) write(ctx context.Context) error {
	return errors.Join(r.textOf.write(ctx), r.indicators.write(ctx), r.facts.write(ctx))
}

func (r *rebuilding) commit(ctx context.Context) error {
	for _, commit := range []func(context.Context) error{r.textOf.commit, r.indicators.commit, r.facts.commit} {
		if err := commit(ctx); err != nil {
			return err
		}
	}
	return nil
}

// replacing is a transaction that replaces all rows of a table.
type replacing[T any] struct {
	of   *tableOf[T]
	tbl  *table.Table
	tx   *table.Transaction
	rows []T
}

func (r *replacing[T]) begin(ctx context.Context, tbl *table.Table) error {
	r.tbl, r.tx = tbl, tbl.NewTransaction()
	if err := fence(r.tx); err != nil {
		return err
	}
	if tbl.CurrentSnapshot() == nil {
		return nil
	}
	return r.tx.Delete(ctx, iceberg.AlwaysTrue{}, nil)
}

// write adds the rows that wait.
func (r *replacing[T]) write(ctx context.Context) error {
	if len(r.rows) == 0 {
		return nil
	}
	defer func() { r.rows = r.rows[:0] }()
	return stage(ctx, r.tbl, r.tx, r.of, pointers(r.rows))
}

func (r *replacing[T]) commit(ctx context.Context) error {
	_, err := r.tx.Commit(ctx)
	return err
}

// eachPayload reads the payloads. The bytes are valid until use returns.
func eachPayload(ctx context.Context, t *table.Table, use func(terroir.PayloadID, []byte) error) error {
	_, records, err := t.Scan(table.WithSelectedFields("payload_id", "bytes")).ToArrowRecords(ctx)
	if err != nil {
		return err
	}
	for r, err := range records {
		if err != nil {
			return err
		}
		err = eachRow(r, use)
		r.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func eachRow(r arrow.RecordBatch, use func(terroir.PayloadID, []byte) error) error {
	ids, ok := r.Column(0).(*array.String)
	bytes, isBytes := r.Column(1).(*array.Binary)
	if !ok || !isBytes {
		return fmt.Errorf("payloads are %s", r.Schema())
	}
	for i := range ids.Len() {
		id, err := terroir.ParsePayloadID(ids.Value(i))
		if err == nil {
			err = use(id, bytes.Value(i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
