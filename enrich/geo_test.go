package enrich

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"terroir"
)

// TestShippedDatabases asks the databases that the binary carries. The addresses are of networks that do not move.
func TestShippedDatabases(t *testing.T) {
	dir := t.TempDir()
	country, asn, err := Unpack(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Unpack(dir); err != nil { // as a second process does
		t.Fatal(err)
	}
	g, err := Open([]string{country}, []string{asn})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for addr, want := range map[string]struct {
		country string
		asn     uint32
	}{
		"8.8.8.8": {"US", 15169}, "::ffff:8.8.8.8": {"US", 15169}, "193.0.6.139": {"NL", 3333}, "2001:67c:2e8:22::c100:68b": {"NL", 3333},
		"127.0.0.1": {}, "100.64.1.1": {}, "::1": {},
	} {
		e := &terroir.Event{Source: netip.AddrPortFrom(netip.MustParseAddr(addr), 1)}
		if err := g.Enrich(e); err != nil || e.Country != want.country || e.ASN != want.asn || (e.ASN != 0) != (e.ASName != "") {
			t.Errorf("%s: %q AS%d %q, %v; want %+v", addr, e.Country, e.ASN, e.ASName, err, want)
		}
		if e.GeoDate == "" {
			t.Errorf("%s: no date of the databases", addr)
		}
	}
}

func TestAFileThatIsNoDatabase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.mmdb")
	for _, text := range []string{"", "not a database", "\xab\xcd\xefMaxMind.com\xff\xff\xff\xff"} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open([]string{file}, nil); terroir.ErrorCode(err) != terroir.ECONFIG {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Open(nil, []string{file + ".none"}); terroir.ErrorCode(err) != terroir.ECONFIG {
		t.Errorf("a missing file: %v", err)
	}
}
