package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	catsql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	_ "modernc.org/sqlite" // the catalog's database, without cgo

	"terroir"
)

// Lake is an open set of tables in a folder. Its methods may be called concurrently; several processes may have the
// same folder open.
type Lake struct {
	dir string
	db  *sql.DB
	cat *catsql.Catalog

	events      *tableOf[event]
	payloads    *tableOf[terroir.Payload]
	facts       *tableOf[terroir.PayloadFacts]
	losses      *tableOf[terroir.Loss]
	heartbeats  *tableOf[terroir.Heartbeat]
	sensors     *tableOf[sensorRow]
	revisions   *tableOf[sensorRow]
	servedPorts *tableOf[servedPort]

	// commit lets one commit at a time work in this process: two would only undo each other at the fence.
	commit                    sync.Mutex
	knownPayloads, knownFacts idSet
}

// tableProperties are those that every table is made with. Old metadata files are removed as new ones come; commits
// are never replayed by the library, since only terroir knows what of a batch is new.
var tableProperties = iceberg.Properties{
	"format-version":                             "2",
	table.ParquetCompressionKey:                  "zstd",
	table.ManifestMergeEnabledKey:                "true",
	table.MetadataDeleteAfterCommitEnabledKey:    "true",
	table.MetadataPreviousVersionsMaxKey:         "20",
	table.CommitNumRetriesKey:                    commitRetries,
	table.WriteTargetFileSizeBytesKey:            "134217728",
	table.DefaultWriteMetricsModeKey:             "truncate(16)",
	table.MetricsModeColumnConfPrefix + ".bytes": "none",
}

// Open opens the tables in dir, which it makes where they do not exist.
//
// A folder that cannot be used yields an EUNREACHABLE error.
func Open(ctx context.Context, dir string) (*Lake, error) { return openAs(ctx, dir, eventsTable()) }

// openAs opens the tables; that of events is the given one.
func openAs(ctx context.Context, dir string, events *tableOf[event]) (*Lake, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(abs, 0o755)
	}
	if err != nil {
		return nil, unusable(dir, err)
	}
	l := &Lake{dir: abs, events: events, payloads: payloadsTable(), facts: factsTable(), losses: lossesTable(),
		heartbeats: heartbeatsTable(), sensors: sensorsTable(), revisions: revisionsTable(), servedPorts: servedPortsTable()}
	if err := l.openCatalog(ctx); err != nil {
		return nil, unusable(dir, errors.Join(err, l.Close()))
	}
	return l, nil
}

// Exists reports whether dir holds a lake.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, catalogFile))
	return err == nil
}

const catalogFile = "catalog.db"

func unusable(dir string, err error) error {
	return &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "cannot use the lake", Err: err,
		Hint: "check that the folder is writable and that the disk has space"}
}

func (l *Lake) openCatalog(ctx context.Context) error {
	file := filepath.Join(l.dir, catalogFile)
	// A second process waits for the first one's commit instead of failing at once.
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	l.db = db
	if err := l.openLedger(ctx); err != nil {
		return err
	}
	cat, err := catsql.NewCatalog("terroir", db, catsql.SQLite, iceberg.Properties{"warehouse": "file://" + l.dir, "init_catalog_tables": "true"})
	if err != nil {
		return err
	}
	l.cat = cat
	ns := table.Identifier{Namespace}
	if ok, err := cat.CheckNamespaceExists(ctx, ns); err != nil {
		return err
	} else if !ok {
		if err := cat.CreateNamespace(ctx, ns, nil); err != nil && !errors.Is(err, catalog.ErrNamespaceAlreadyExists) {
			return err
		}
	}
	return l.openTables(ctx)
}

func (l *Lake) openTables(ctx context.Context) error {
	return errors.Join(
		openTable(ctx, l, l.events), openTable(ctx, l, l.payloads), openTable(ctx, l, l.facts), openTable(ctx, l, l.losses),
		openTable(ctx, l, l.heartbeats), openTable(ctx, l, l.sensors), openTable(ctx, l, l.revisions), openTable(ctx, l, l.servedPorts))
}

// openTable makes the table if it is not there, adds columns that it lacks, and learns the Arrow schema of its files.
func openTable[T any](ctx context.Context, l *Lake, t *tableOf[T]) error {
	id := identifier(t.name)
	exists, err := l.cat.CheckTableExists(ctx, id)
	if err == nil && !exists {
		err = createTable(ctx, l, t)
	}
	if err == nil {
		err = evolve(ctx, l, t)
	}
	if err == nil {
		err = t.adopt(ctx, l)
	}
	if err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	return nil
}

func createTable[T any](ctx context.Context, l *Lake, t *tableOf[T]) error {
	order, err := t.sortOrder()
	if err != nil {
		return err
	}
	_, err = l.cat.CreateTable(ctx, identifier(t.name), t.schema(), catalog.WithProperties(tableProperties),
		catalog.WithLocation("file://"+filepath.Join(l.dir, Namespace, t.name)),
		catalog.WithPartitionSpec(t.partitionSpec()), catalog.WithSortOrder(order))
	if errors.Is(err, catalog.ErrTableAlreadyExists) {
		return nil // Another process was faster.
	}
	return err
}

func identifier(name string) table.Identifier { return table.Identifier{Namespace, name} }

// Close closes the catalog. Commits that have returned are safe without it.
func (l *Lake) Close() error {
	if l.db == nil {
		return nil
	}
	l.closeLedger()
	return l.db.Close()
}

// Dir is the folder of the tables, absolute.
func (l *Lake) Dir() string { return l.dir }
