//go:build !nofence

package lake

import (
	"context"
	"errors"
	"maps"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// fence lets the transaction commit only if the table's branch is where it was loaded (rule 1).
func fence(tx *table.Transaction) error { return tx.AssertRefSnapshotID("") }

// commitRetries is how often the library commits again what was prepared for an older table: it does not know what of
// a batch is new then.
const commitRetries = "0"

// guarded is the table with a fence around its marks, too: a commit without rows moves marks and leaves the branch where
// it was, so that the branch alone would let an older mark take the place of a newer one.
func guarded(t *table.Table, cat table.CatalogIO) *table.Table {
	m, location := t.Metadata(), t.MetadataLocation()
	return table.New(t.Identifier(), m, location, t.FS, markGuard{cat, m.Properties()})
}

// markGuard commits only over the marks that it was made with.
type markGuard struct {
	table.CatalogIO
	before iceberg.Properties
}

// CommitTable implements table.CatalogIO. The catalog checks requirements against the table that it then replaces.
func (g markGuard) CommitTable(ctx context.Context, id table.Identifier, reqs []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	return g.CatalogIO.CommitTable(ctx, id, append(reqs, sameMarks(g)), updates)
}

// sameMarks is the requirement that the marks are as they were.
type sameMarks markGuard

// GetType implements table.Requirement.
func (sameMarks) GetType() string { return "terroir-same-marks" }

var errMarksMoved = errors.New("another writer has moved the marks")

// Validate implements table.Requirement.
func (s sameMarks) Validate(now table.Metadata) error {
	was, err := parseMarks(s.before)
	if err != nil {
		return err
	}
	is, err := parseMarks(now.Properties())
	if err != nil {
		return err
	}
	if was.Stream != is.Stream || !maps.Equal(was.Last, is.Last) {
		return errMarksMoved
	}
	return nil
}
