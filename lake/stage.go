package lake

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"
)

// partRows is how many rows become columns together. More rows than these are written by two writers.
const partRows = 50_000

// stage adds the rows to the transaction, arranged as the table has them. Many rows are written by two writers at the same
// time, each into files of its own; what a commit that fails leaves behind is swept up by Expire.
func stage[T any](ctx context.Context, tbl *table.Table, tx *table.Transaction, t *tableOf[T], rows []*T) error {
	arranged, err := t.asArranged(tbl)
	if err != nil {
		return err
	}
	writers := 1
	if len(rows) > partRows {
		writers = 2
	}
	shares := share(t.arranged(rows), (len(rows)+writers-1)/writers)
	written := make([][]iceberg.DataFile, len(shares))
	g, writing := errgroup.WithContext(ctx)
	for i, runs := range shares {
		g.Go(func() (err error) {
			written[i], err = writeFiles(writing, arranged, t, runs)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var files []iceberg.DataFile
	for _, w := range written {
		files = append(files, w...)
	}
	// The files have the table's field ids and names that nothing had before: neither a mapping of names is needed nor a look
	// at all files of the table.
	return tx.AddDataFiles(ctx, files, nil, table.WithoutAutoNameMapping(), table.WithoutDuplicateCheck())
}

// arranged are the rows in the order of files, a run for each partition.
func (t *tableOf[T]) arranged(rows []*T) [][]*T {
	if t.arrange == nil {
		return [][]*T{rows}
	}
	return t.arrange(rows)
}

// share deals runs out to writers, so many rows to each, and divides the runs where that is needed.
func share[T any](runs [][]*T, rows int) (shares [][][]*T) {
	var now [][]*T
	room := rows
	for _, run := range runs {
		for len(run) > 0 {
			n := min(room, len(run))
			now, run, room = append(now, run[:n]), run[n:], room-n
			if room == 0 {
				shares, now, room = append(shares, now), nil, rows
			}
		}
	}
	if now != nil {
		shares = append(shares, now)
	}
	return shares
}

// asArranged is the table for a writer of rows that are arranged already. For the table's own order iceberg-go would sort each
// part once more, and copy it by that, which is a fifth of what a commit costs.
func (t *tableOf[T]) asArranged(tbl *table.Table) (*table.Table, error) {
	b, err := table.MetadataBuilderFromBase(tbl.Metadata(), tbl.MetadataLocation())
	if err != nil {
		return nil, err
	}
	unsorted := table.UnsortedSortOrder
	if err := b.AddSortOrder(&unsorted); err != nil {
		return nil, err
	}
	if err := b.SetDefaultSortOrderID(unsorted.OrderID()); err != nil {
		return nil, err
	}
	if err := b.SetProperties(t.quick()); err != nil {
		return nil, err
	}
	m, err := b.Build()
	if err != nil {
		return nil, fmt.Errorf("view of a writer: %w", err)
	}
	return table.New(tbl.Identifier(), m, tbl.MetadataLocation(), tbl.FS, nil), nil
}

// quick says how files are written that a compaction will write anew: an eighth larger, for half the work of the compressor and
// without dictionaries, the making of which is a seventh of what a commit costs.
func (t *tableOf[T]) quick() iceberg.Properties {
	p := iceberg.Properties{table.ParquetCompressionLevelKey: "1"}
	for _, f := range t.arrow.Fields() {
		p[dictionaryOf+f.Name] = "false"
	}
	return p
}

// dictionaryOf begins the property that says whether a column has a dictionary.
const dictionaryOf = "write.parquet.dict-encoding-enabled.column."

// writeFiles writes data files that no snapshot knows yet.
func writeFiles[T any](ctx context.Context, tbl *table.Table, t *tableOf[T], runs [][]*T) (files []iceberg.DataFile, err error) {
	for f, err := range table.WriteRecords(ctx, tbl, t.arrow, t.records(runs)) {
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// records are the runs as columns, in parts of one partition each: such a part is written as it is, whereas others are taken
// apart row by row.
func (t *tableOf[T]) records(runs [][]*T) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for _, run := range runs {
			for len(run) > 0 {
				n := min(partRows, len(run))
				if !yield(t.record(run[:n])) { // The writer releases what it takes.
					return
				}
				run = run[n:]
			}
		}
	}
}
