package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/enrich"
	"terroir/lake"
	"terroir/payload"
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
}

// dirFlag adds --dir, which TERROIR_DIR may set as well.
func dirFlag(c *cobra.Command, dir *string) {
	def := os.Getenv("TERROIR_DIR")
	if def == "" {
		def = "terroir-data"
	}
	c.Flags().StringVar(dir, "dir", def, "folder of the data (TERROIR_DIR)")
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

// openStore opens the folder for reading. A folder without a lake yields an EUNREACHABLE error.
func openStore(ctx context.Context, dir, viewsDir string) (*store, error) {
	if !lake.Exists(lakeDir(dir)) {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "there is no data here",
			Hint: "name the folder with --dir, or make one with terroir demo or terroir import"}
	}
	reg, err := loadViews(viewsDir)
	if err != nil {
		return nil, err
	}
	l, err := lake.Open(ctx, lakeDir(dir))
	if err != nil {
		return nil, err
	}
	e, err := query.Open(l, query.Options{})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &store{l, e, reg}, nil
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

// analyze is the hub's Analyzer.
func analyze(b []byte, t terroir.Transport, addrs []netip.Addr) terroir.PayloadFacts {
	return payload.Analyze(b, t, payload.Self{Addrs: addrs})
}
