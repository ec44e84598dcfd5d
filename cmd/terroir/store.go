package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/config"
	"terroir/enrich"
	"terroir/hub"
	"terroir/lake"
	"terroir/payload"
	"terroir/payload/family"
	"terroir/query"
	"terroir/views"
)

// A folder of terroir holds lake/ (the tables), bus/ (batches on their way), geo/ (the databases) and rejects/.
func lakeDir(dir string) string { return filepath.Join(dir, "lake") }

// store is what a command that reads has open.
type store struct {
	lake   *lake.Lake
	engine query.Engine
	views  *views.Registry
	// groups know the families.
	groups *hub.Groups
}

// newStore is what a command that reads has open.
func newStore(l *lake.Lake, e query.Engine, v *views.Registry) *store {
	return &store{l, e, v, newGroups(l)}
}

// newGroups group the payloads of the lake.
func newGroups(l *lake.Lake) *hub.Groups {
	return hub.NewGroups(l, func() hub.Grouper { return family.New() })
}

// dirFlag adds --dir, which TERROIR_DIR may set as well.
func dirFlag(c *cobra.Command, dir *string) {
	def := os.Getenv("TERROIR_DIR")
	if def == "" {
		def = "terroir-data"
	}
	c.Flags().StringVar(dir, "dir", def, "folder of the data (TERROIR_DIR)")
}

// source is where a command finds the tables: a folder, or wherever a hub's configuration has them.
type source struct {
	dir, config string
	// snapshot of events that is read; 0: the newest.
	snapshot int64
}

// snapshotFlag adds --snapshot.
func snapshotFlag(c *cobra.Command, src *source) {
	c.Flags().Int64Var(&src.snapshot, "snapshot", 0, "read the tables as they were at this snapshot of events (terroir lake snapshots)")
}

// pin makes the engine read the tables as they were at the snapshot of events.
func (s *store) pin(ctx context.Context, snapshot int64) error {
	e, ok := s.engine.(interface {
		Pin(context.Context, int64) error
	})
	if !ok {
		return &terroir.Error{Code: terroir.EINVALID, Message: "this query engine reads the newest snapshot only", Hint: "leave out --snapshot, or use duckdb"}
	}
	return e.Pin(ctx, snapshot)
}

// sourceFlags adds --dir and --config. A flag wins over the variables, and --config's variable over that of --dir.
func sourceFlags(c *cobra.Command, src *source) {
	dirFlag(c, &src.dir)
	c.Flags().StringVarP(&src.config, "config", "c", "", "hub's configuration file that says where the tables are (TERROIR_CONFIG)")
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		switch dir := c.Flags().Changed("dir"); {
		case dir && src.config != "":
			return &terroir.Error{Code: terroir.EUSAGE, Message: "--dir and --config both say where the tables are", Hint: "give one of them"}
		case !dir && src.config == "":
			src.config = os.Getenv("TERROIR_CONFIG")
		}
		return run(c, args)
	}
}

// hub is the configuration that the source stands for.
func (src *source) hub() (config.Hub, error) {
	if src.config != "" {
		return config.LoadHub(src.config)
	}
	cfg := config.DefaultHub()
	cfg.Dir = src.dir
	return cfg, nil
}

// lakeOptions says where the tables of a hub are.
func lakeOptions(cfg *config.Hub) (lake.Options, error) {
	l := &cfg.Lake
	opt := lake.Options{Dir: l.Dir, Warehouse: l.Warehouse, CacheBytes: int64(l.Cache),
		S3: lake.S3{Endpoint: l.S3.Endpoint, Region: l.S3.Region, PathStyle: l.S3.PathStyle}}
	if opt.Dir == "" {
		opt.Dir = lakeDir(cfg.Dir)
	}
	for reference, into := range map[*string]*string{&l.Catalog: &opt.Catalog, &l.S3.Key: &opt.S3.Key, &l.S3.Secret: &opt.S3.Secret} {
		if *reference == "" {
			continue
		}
		var err error
		if *into, err = config.Secret(*reference); err != nil {
			return opt, err
		}
	}
	return opt, nil
}

// openLake opens the tables of a hub.
func openLake(ctx context.Context, cfg *config.Hub) (*lake.Lake, error) {
	opt, err := lakeOptions(cfg)
	if err != nil {
		return nil, err
	}
	return lake.OpenWith(ctx, opt)
}

// openEngine opens what answers a hub's queries.
func openEngine(l *lake.Lake, cfg *config.Hub) (query.Engine, error) {
	if cfg.Query.Engine != "trino" {
		return query.Open(l, query.Options{})
	}
	opt := query.TrinoOptions{URL: cfg.Query.Trino, Catalog: cfg.Query.Catalog}
	if cfg.Query.Password != "" {
		var err error
		if opt.Password, err = config.Secret(cfg.Query.Password); err != nil {
			return nil, err
		}
	}
	return query.OpenTrino(l, opt)
}

// viewsFlag adds --views.
func viewsFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "views", "", "folder with views of your own")
}

func loadViews(dir string) (*views.Registry, error) {
	if dir == "" {
		return views.Shipped()
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: dir, Message: "no such folder of views"}
	}
	return views.ShippedAnd(os.DirFS(dir))
}

// openStore opens the tables for reading. Where there are none it yields an EUNREACHABLE error.
func openStore(ctx context.Context, src source, viewsDir string) (*store, error) {
	cfg, err := src.hub()
	if err != nil {
		return nil, err
	}
	opt, err := lakeOptions(&cfg)
	if err != nil {
		return nil, err
	}
	if opt.Existing = true; opt.Warehouse == "" && !lake.Exists(opt.Dir) {
		where := cfg.Dir
		if cfg.Lake.Dir != "" {
			where = cfg.Lake.Dir
		}
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: where, Message: "there is no data here",
			Hint: "name the folder with --dir, or make one with terroir demo or terroir import"}
	}
	if viewsDir == "" {
		viewsDir = cfg.Views
	}
	reg, err := loadViews(viewsDir)
	if err != nil {
		return nil, err
	}
	l, err := lake.OpenWith(ctx, opt)
	if err != nil {
		return nil, err
	}
	e, err := openEngine(l, &cfg)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := newStore(l, e, reg)
	if src.snapshot != 0 {
		if err := s.pin(ctx, src.snapshot); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close closes engine and lake.
func (s *store) Close() error { return errors.Join(s.engine.Close(), s.lake.Close()) }

// openGeo opens the databases that are named, before those that terroir brings along.
func openGeo(dir string, country, asn []string) (*enrich.Geo, error) {
	c, a, err := enrich.Unpack(filepath.Join(dir, "geo"))
	if err != nil {
		return nil, err
	}
	return enrich.Open(append(country, c), append(asn, a))
}

// enrichment is what is known of sources: databases of places and networks, and the list of scanners.
type enrichment struct {
	enrich.Together
	geo *enrich.Geo
}

// openEnrichment opens the databases that are named, those that terroir brings along, and the list in force.
func openEnrichment(dir string, country, asn []string) (*enrichment, error) {
	geo, err := openGeo(dir, country, asn)
	if err != nil {
		return nil, err
	}
	scanners, err := openScanners(dir)
	if err != nil {
		return nil, errors.Join(err, geo.Close())
	}
	return &enrichment{enrich.Together{geo, scanners}, geo}, nil
}

// Close closes the databases.
func (e *enrichment) Close() error { return e.geo.Close() }

// analyze is the hub's Analyzer.
func analyze(b []byte, t terroir.Transport, addrs []netip.Addr) terroir.Analysis {
	return payload.Analyze(b, t, payload.Self{Addrs: addrs})
}
