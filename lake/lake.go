package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	catsql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"terroir"
)

// Lake is an open set of tables in a folder or on S3. Its methods may be called concurrently; several processes may
// have the same tables open.
type Lake struct {
	dir string
	// warehouse is where the tables are, as a URI without a slash at its end.
	warehouse string
	db        *sql.DB
	cat       *catsql.Catalog
	// cache holds copies of files that are not on this machine; nil where the tables are in a folder.
	cache *cache
	// seen has a seenTable for each table by its name.
	seen sync.Map

	events      *tableOf[event]
	payloads    *tableOf[terroir.Payload]
	facts       *tableOf[terroir.PayloadFacts]
	templates   *tableOf[terroir.Template]
	indicators  *tableOf[terroir.Indicator]
	families    *tableOf[terroir.Grouped]
	losses      *tableOf[terroir.Loss]
	heartbeats  *tableOf[terroir.Heartbeat]
	sensors     *tableOf[sensorRow]
	revisions   *tableOf[sensorRow]
	servedPorts *tableOf[servedPort]

	// commit lets one commit at a time work in this process: two would only undo each other at the fence.
	commit sync.Mutex
	// What the tables of distinct payloads and templates have.
	knownPayloads, knownFacts, knownTemplates, knownIndicators idSet
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
func Open(ctx context.Context, dir string) (*Lake, error) {
	return OpenWith(ctx, Options{Dir: dir})
}

// OpenWith opens the tables where the options say, and makes those that do not exist unless the options forbid it.
//
// A folder, storage or catalog that cannot be used yields an EUNREACHABLE error.
func OpenWith(ctx context.Context, opt Options) (*Lake, error) {
	return openAs(ctx, opt, eventsTable())
}

// openAs opens the tables; that of events is the given one.
func openAs(ctx context.Context, opt Options, events *tableOf[event]) (*Lake, error) {
	if opt.Existing && opt.Warehouse == "" && !Exists(opt.Dir) {
		return nil, noTables(opt.Dir)
	}
	abs, err := filepath.Abs(opt.Dir)
	if err == nil {
		err = os.MkdirAll(abs, 0o755)
	}
	if err != nil {
		return nil, unusable(opt.Dir, err)
	}
	l := &Lake{dir: abs, warehouse: "file://" + abs, events: events, payloads: payloadsTable(), facts: factsTable(),
		templates: templatesTable(), indicators: indicatorsTable(), families: familiesTable(),
		losses: lossesTable(), heartbeats: heartbeatsTable(), sensors: sensorsTable(), revisions: revisionsTable(), servedPorts: servedPortsTable()}
	if opt.Warehouse != "" {
		l.warehouse = strings.TrimRight(opt.Warehouse, "/")
		if l.cache, err = openCache(filepath.Join(abs, "cache"), opt.CacheBytes); err != nil {
			return nil, unusable(opt.Dir, err)
		}
	}
	if err := l.openCatalog(ctx, &opt); err != nil {
		err = errors.Join(err, l.Close())
		if terroir.ErrorCode(err) == terroir.EUNREACHABLE {
			return nil, err
		}
		return nil, l.unusable(err)
	}
	return l, nil
}

// Exists reports whether dir holds a lake.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, catalogFile))
	return err == nil
}

const catalogFile = "catalog.db"

// undefinedTable is what PostgreSQL says of a database without a catalog.
const undefinedTable = "42P01"

func unusable(where string, err error) error {
	return &terroir.Error{Code: terroir.EUNREACHABLE, Where: where, Message: "cannot use the lake", Err: err,
		Hint: "check that the folder is writable and that the disk has space"}
}

// unusable says that the tables cannot be read or written.
func (l *Lake) unusable(err error) error {
	if l.cache == nil {
		return unusable(l.dir, err)
	}
	return &terroir.Error{Code: terroir.EUNREACHABLE, Where: l.warehouse, Message: "cannot use the lake", Err: oneLine(err),
		Hint: "check lake.warehouse, lake.catalog and lake.s3, and that both servers answer"}
}

func noTables(where string) error {
	return &terroir.Error{Code: terroir.EUNREACHABLE, Where: where, Message: "there is no data here",
		Hint: "name the folder with --dir or the configuration with -c, or make one with terroir demo or terroir import"}
}

func (l *Lake) openCatalog(ctx context.Context, opt *Options) error {
	db, dialect, err := opt.database(l.dir)
	if err != nil {
		return err
	}
	l.db = db
	if !opt.Existing || opt.Warehouse == "" { // Who only reads may not be allowed to make tables.
		if err := l.openLedger(ctx); err != nil {
			return err
		}
	}
	props := opt.properties()
	props["warehouse"], props["init_catalog_tables"] = l.warehouse, strconv.FormatBool(!opt.Existing)
	cat, err := catsql.NewCatalog(catalogName, db, dialect, props)
	if err != nil {
		return err
	}
	l.cat = cat
	if opt.Existing {
		ok, err := cat.CheckTableExists(ctx, identifier(l.events.name))
		var state interface{ SQLState() string }
		if (err == nil && !ok) || (errors.As(err, &state) && state.SQLState() == undefinedTable) {
			err = noTables(l.warehouse)
		}
		if err != nil {
			return err
		}
	}
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
		openTable(ctx, l, l.events), openTable(ctx, l, l.payloads), openTable(ctx, l, l.facts),
		openTable(ctx, l, l.templates), openTable(ctx, l, l.indicators), openTable(ctx, l, l.families), openTable(ctx, l, l.losses),
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
		catalog.WithLocation(l.warehouse+"/"+Namespace+"/"+t.name),
		catalog.WithPartitionSpec(t.partitionSpec()), catalog.WithSortOrder(order))
	if errors.Is(err, catalog.ErrTableAlreadyExists) {
		return nil // Another process was faster.
	}
	return err
}

func identifier(name string) table.Identifier { return table.Identifier{Namespace, name} }

// Close closes the catalog and gives up the files that Fetch holds. Commits that have returned are safe without it.
func (l *Lake) Close() error {
	var errs []error
	if l.db != nil {
		errs = append(errs, l.db.Close())
	}
	l.closeLedger()
	if l.cache != nil {
		errs = append(errs, l.cache.close())
	}
	return errors.Join(errs...)
}

// Remote reports whether the tables are elsewhere than in a folder.
func (l *Lake) Remote() bool { return l.cache != nil }

// inFolder refuses what is only for tables in a folder.
func (l *Lake) inFolder() error {
	if !l.Remote() {
		return nil
	}
	return &terroir.Error{Code: terroir.EINVALID, Where: l.warehouse, Message: "terroir looks after tables in a folder only",
		Hint: "use Trino: ALTER TABLE … EXECUTE optimize, expire_snapshots, remove_orphan_files"}
}

// Warehouse is where the tables are, as a URI.
func (l *Lake) Warehouse() string { return l.warehouse }

// Dir is the folder of the tables, or of what is kept of them on this machine when they are elsewhere; absolute.
func (l *Lake) Dir() string { return l.dir }
