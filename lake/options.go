package lake

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	catsql "github.com/apache/iceberg-go/catalog/sql"
	icebergio "github.com/apache/iceberg-go/io"
	_ "github.com/apache/iceberg-go/io/gocloud/s3" // tables on S3
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib" // the catalog's database on a server
	_ "modernc.org/sqlite"           // the catalog's database in a folder, without cgo
)

// Options say where the tables are. With Dir alone they are in that folder, with a SQLite catalog beside them.
type Options struct {
	// Dir is the folder of the tables, or, with Warehouse, of the copies that are kept of them on this machine.
	Dir string
	// Warehouse is where the tables are instead: s3://BUCKET or s3://BUCKET/PATH. It needs Catalog.
	Warehouse string
	// Catalog is the PostgreSQL database with the catalog, as a URL or as key=value pairs.
	Catalog string
	// S3 says how the warehouse is reached.
	S3 S3
	// CacheBytes bounds the copies of files that Fetch makes; 0 means 10 GiB.
	CacheBytes int64
	// Existing makes OpenWith return an EUNREACHABLE error where there are no tables yet, instead of making them.
	Existing bool
}

// S3 says how a server that speaks S3 is reached. What is empty is taken from where Amazon's SDK finds it
// (AWS_REGION, profiles, the role of the machine).
type S3 struct {
	// Endpoint is the URL of a server that is not Amazon's.
	Endpoint string
	Region   string
	// Key and Secret are the access key.
	Key, Secret string
	// PathStyle puts the bucket into the path of requests and not into the name of the host.
	PathStyle bool
}

// catalogName is the name of the catalog in its database: other engines must use it too.
const catalogName = "terroir"

func (o *Options) properties() iceberg.Properties {
	p := iceberg.Properties{}
	if o.Warehouse == "" {
		return p
	}
	for k, v := range map[string]string{icebergio.S3EndpointURL: o.S3.Endpoint, icebergio.S3Region: o.S3.Region,
		icebergio.S3AccessKeyID: o.S3.Key, icebergio.S3SecretAccessKey: o.S3.Secret} {
		if v != "" {
			p[k] = v
		}
	}
	p[icebergio.S3ForceVirtualAddressing] = strconv.FormatBool(!o.S3.PathStyle)
	return p
}

// database opens the catalog's database; dir is where it is when the options name none.
func (o *Options) database(dir string) (*sql.DB, catsql.SupportedDialect, error) {
	if o.Catalog == "" {
		if o.Warehouse != "" {
			return nil, "", errors.New("tables on S3 need a catalog in PostgreSQL")
		}
		// A second process waits for the first one's commit instead of failing at once.
		db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, catalogFile)+
			"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
		return db, catsql.SQLite, err
	}
	cfg, err := pgx.ParseConfig(o.Catalog)
	if err != nil {
		// What pgx says may have the password in it.
		return nil, "", errors.New("the catalog is not the address of a PostgreSQL database")
	}
	return stdlib.OpenDB(*cfg), catsql.Postgres, nil
}

// oneLine is err as one line: what SDKs and drivers say runs over several.
func oneLine(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
