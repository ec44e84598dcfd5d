package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// ExpireOptions say what may go. Zero values mean the defaults.
type ExpireOptions struct {
	// Older is the age from which on snapshots are removed, and with them files that no younger one needs; default an
	// hour, which must be longer than any query. The current snapshot stays.
	Older time.Duration
	// Orphans is the age from which on files that no snapshot knows are removed; default a day, at least an hour: a commit
	// under way has files that no snapshot knows yet.
	Orphans time.Duration
	// Keep is how long rows are kept, by table (events, losses, heartbeats); a table that is not named is kept for ever.
	// Days of UTC go as a whole.
	Keep map[string]time.Duration
}

// Expired is what was removed of a table.
type Expired struct {
	Table                    string
	Snapshots, Orphans, Rows int64
	OrphanBytes              int64
	RowsBefore               time.Time
}

const (
	defaultOlder   = time.Hour
	defaultOrphans = 24 * time.Hour
	leastOrphans   = time.Hour
)

// Expire removes rows, snapshots and files that are too old, in this order.
func (l *Lake) Expire(ctx context.Context, opt ExpireOptions) ([]Expired, error) {
	if err := l.inFolder(); err != nil {
		return nil, err
	}
	if opt.Older <= 0 {
		opt.Older = defaultOlder
	}
	if opt.Orphans <= 0 {
		opt.Orphans = defaultOrphans
	}
	opt.Orphans = max(opt.Orphans, leastOrphans)
	for name := range opt.Keep {
		if timeColumn(name) == "" {
			return nil, fmt.Errorf("lake: table %q has no age: name events, losses or heartbeats", name)
		}
	}
	var all []Expired
	for _, name := range Tables() {
		e, err := l.expireTable(ctx, opt, name)
		if err != nil {
			return all, fmt.Errorf("lake: expire: table %s: %w", name, err)
		}
		all = append(all, e)
	}
	return all, errors.Join(l.dropRollups(), l.forgetRemoved(ctx))
}

// forgetRemoved takes files that are not there any more out of the ledger.
func (l *Lake) forgetRemoved(ctx context.Context) error {
	sums, err := l.recall(ctx)
	if err != nil {
		return err
	}
	var gone []string
	for path := range sums {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			gone = append(gone, path)
		}
	}
	return l.forget(ctx, gone)
}

// timeColumn is what the age of a row is taken from.
func timeColumn(name string) string {
	switch name {
	case "events", "losses", "heartbeats":
		return "ts"
	}
	return ""
}

func (l *Lake) expireTable(ctx context.Context, opt ExpireOptions, name string) (e Expired, err error) {
	e.Table = name
	l.commit.Lock()
	defer l.commit.Unlock()
	if keep := opt.Keep[name]; keep > 0 {
		e.RowsBefore = time.Now().UTC().Add(-keep).Truncate(24 * time.Hour)
		if e.Rows, err = l.dropRows(ctx, name, e.RowsBefore); err != nil {
			return e, err
		}
	}
	if err := l.fenced(ctx, name, func(t *table.Table) error {
		before := len(t.Metadata().Snapshots())
		if before < 2 {
			return nil
		}
		tx := t.NewTransaction()
		if err := tx.ExpireSnapshots(table.WithOlderThan(opt.Older), table.WithRetainLast(1)); err != nil {
			return err
		}
		after, err := tx.Commit(ctx)
		if err == nil {
			e.Snapshots = int64(before - len(after.Metadata().Snapshots()))
		}
		return err
	}); err != nil {
		return e, err
	}
	t, err := l.cat.LoadTable(ctx, identifier(name))
	if err != nil {
		return e, err
	}
	r, err := t.DeleteOrphanFiles(ctx, table.WithFilesOlderThan(opt.Orphans))
	e.Orphans, e.OrphanBytes = int64(len(r.DeletedFiles)), r.TotalSizeBytes
	return e, err
}

// dropRows removes the rows before the time, which is the beginning of a day: of events, whole partitions.
func (l *Lake) dropRows(ctx context.Context, name string, before time.Time) (rows int64, err error) {
	err = l.fenced(ctx, name, func(t *table.Table) error {
		if t.CurrentSnapshot() == nil {
			return nil
		}
		had, err := countRows(ctx, t)
		if err != nil {
			return err
		}
		tx := t.NewTransaction()
		if err := fence(tx); err != nil {
			return err
		}
		filter := iceberg.LessThan(iceberg.Reference(timeColumn(name)), iceberg.Timestamp(before.UnixMicro()))
		if err := tx.Delete(ctx, filter, nil); err != nil {
			return err
		}
		after, err := tx.Commit(ctx)
		if err != nil {
			return err
		}
		has, err := countRows(ctx, after)
		rows = had - has
		return err
	})
	return rows, err
}

// countRows is the number of rows by the metadata.
func countRows(ctx context.Context, t *table.Table) (n int64, err error) {
	tasks, err := t.Scan().PlanFiles(ctx)
	for _, task := range tasks {
		n += task.File.Count()
	}
	return n, err
}
