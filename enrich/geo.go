// Package enrich adds to events what local tables know of their sources: country and network. Nothing is looked up
// over the network.
package enrich

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"terroir"
)

// Geo knows country and network of addresses from MMDB files. It may be used concurrently.
type Geo struct {
	country, asn []*database
}

// database is one MMDB file with its records decoded once: far fewer records than addresses exist.
type database struct {
	reader *maxminddb.Reader
	built  string

	mu      sync.RWMutex
	records map[uintptr]*place
}

// place is what a record of either kind of database says.
type place struct {
	country string
	asn     uint32
	name    string
}

// maxCached bounds the decoded records of one database.
const maxCached = 1 << 17

// Open maps the databases into memory. In each list the first file that knows an address wins. Files have either
// MaxMind's fields (country.iso_code) or those of @ip-location-db (country_code).
//
// A file that cannot be read yields an ECONFIG error that names it.
func Open(country, asn []string) (*Geo, error) {
	g := &Geo{}
	for _, list := range []struct {
		files []string
		into  *[]*database
	}{{country, &g.country}, {asn, &g.asn}} {
		for _, file := range list.files {
			r, err := maxminddb.Open(file)
			if err != nil {
				return nil, errors.Join(&terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "not an MMDB file", Err: err,
					Hint: "give a country or ASN database in MaxMind DB format"}, g.Close())
			}
			built := time.Unix(int64(r.Metadata.BuildEpoch), 0).UTC().Format(time.DateOnly)
			*list.into = append(*list.into, &database{reader: r, built: built, records: map[uintptr]*place{}})
		}
	}
	return g, nil
}

// Close unmaps the databases.
func (g *Geo) Close() error {
	var errs []error
	for _, d := range append(g.country, g.asn...) {
		errs = append(errs, d.reader.Close())
	}
	return errors.Join(errs...)
}

// Enrich sets country, network and the build date of the databases on the event. Unknown stays empty.
func (g *Geo) Enrich(e *terroir.Event) error {
	addr := e.Source.Addr().Unmap()
	c, built, err := lookup(g.country, addr)
	if err != nil {
		return err
	}
	e.Country, e.GeoDate = c.country, built
	n, _, err := lookup(g.asn, addr)
	if err != nil {
		return err
	}
	e.ASN, e.ASName = n.asn, n.name
	return nil
}

// Info describes one database.
type Info struct {
	Kind, Type, Built string
}

// Info lists the databases in the order in which they are asked.
func (g *Geo) Info() []Info {
	var infos []Info
	for _, d := range g.country {
		infos = append(infos, Info{"country", d.reader.Metadata.DatabaseType, d.built})
	}
	for _, d := range g.asn {
		infos = append(infos, Info{"asn", d.reader.Metadata.DatabaseType, d.built})
	}
	return infos
}

var nowhere = &place{}

func lookup(list []*database, a netip.Addr) (*place, string, error) {
	built := ""
	for _, d := range list {
		p, err := d.lookup(a)
		if err != nil {
			return nowhere, "", fmt.Errorf("geo lookup of %s: %w", a, err)
		}
		if built == "" || p != nil {
			built = d.built
		}
		if p != nil {
			return p, built, nil
		}
	}
	return nowhere, built, nil
}

// lookup returns nil for an address that the database does not know.
func (d *database) lookup(a netip.Addr) (*place, error) {
	r := d.reader.Lookup(a)
	if !r.Found() {
		return nil, r.Err()
	}
	offset := r.Offset()
	d.mu.RLock()
	p := d.records[offset]
	d.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := decode(r)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.records) >= maxCached {
		clear(d.records)
	}
	d.records[offset] = p
	return p, nil
}

func decode(r maxminddb.Result) (*place, error) {
	var rec struct {
		Code    string `maxminddb:"country_code"`
		Country struct {
			ISO string `maxminddb:"iso_code"`
		} `maxminddb:"country"`
		ASN  uint32 `maxminddb:"autonomous_system_number"`
		Name string `maxminddb:"autonomous_system_organization"`
	}
	if err := r.Decode(&rec); err != nil {
		return nil, err
	}
	if rec.Code == "" {
		rec.Code = rec.Country.ISO
	}
	return &place{rec.Code, rec.ASN, rec.Name}, nil
}
