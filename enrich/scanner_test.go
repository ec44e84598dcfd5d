package enrich

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"terroir"
)

func openShipped(t testing.TB) *Scanners {
	t.Helper()
	s, err := OpenScanners(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestShippedScanners(t *testing.T) {
	s := openShipped(t)
	for addr, want := range map[string]string{
		"162.142.125.10": "Censys", "::ffff:162.142.125.10": "Censys", "198.20.69.74": "Shodan", "184.105.139.67": "Shadowserver",
		"141.212.121.5": "University of Michigan", "2400:6180:0:d0::1008:2001": "BinaryEdge", "45.83.64.17": Unnamed,
		"35.203.210.9": "Expanse (Palo Alto Networks)", // by its network
		"8.8.8.8":      "", "192.0.2.1": "", "::1": "", "2400:6180:0:d0::1008:2002": "", "0.0.0.0": "", "255.255.255.255": "",
		"138.197.112.9": "", // One of a hoster's network, of which the list names a few.
	} {
		if got := s.Lookup(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is %q, want %q", addr, got, want)
		}
	}
	if got := s.Lookup(netip.Addr{}); got != "" {
		t.Errorf("no address is %q", got)
	}
	i := s.Info()
	t.Logf("%+v", i)
	if i.Date != "2026-08" || i.File != "" || i.Unread != 5 || !strings.HasPrefix(i.Licence, "MIT") {
		t.Errorf("%+v", i)
	}
}

// TestEveryAddressOfTheListIsMarked reads the list anew, in another way: 19,215 lines, each of whose addresses is found.
func TestEveryAddressOfTheListIsMarked(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", "scanners", "mass_scanner.txt"))
	if os.IsNotExist(err) {
		t.Skip("the list is not at hand")
	}
	if err != nil {
		t.Fatal(err)
	}
	s, n := openShipped(t), 0
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) == 0 {
			continue
		}
		a, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		n++
		name := s.Lookup(a)
		if name == "" {
			t.Errorf("%s is not marked", a)
		}
		for listed, org := range map[string]string{"censys.io": "Censys", "stretchoid.com": "Stretchoid", "binaryedge.ninja": "BinaryEdge"} {
			if strings.HasSuffix(fields[len(fields)-1], listed) && name != org {
				t.Errorf("%s is %q", line, name)
			}
		}
	}
	if n != 19215 {
		t.Errorf("%d addresses", n)
	}
}

func TestEnrichMarksWithTheDateOfTheList(t *testing.T) {
	s := openShipped(t)
	e := &terroir.Event{Source: netip.MustParseAddrPort("162.142.125.10:4711")}
	other := &terroir.Event{Source: netip.MustParseAddrPort("192.0.2.1:4711"), Scanner: "by its reverse name"}
	for _, e := range []*terroir.Event{e, other} {
		if err := (Together{s}).Enrich(e); err != nil {
			t.Fatal(err)
		}
	}
	if e.Scanner != "Censys" || e.ScannerDate != "2026-08" {
		t.Errorf("%q of %q", e.Scanner, e.ScannerDate)
	}
	if other.Scanner != "by its reverse name" || other.ScannerDate != "" {
		t.Errorf("%q of %q", other.Scanner, other.ScannerDate)
	}
}

// TestTheLongestPrefixWins compares the pieces with a search through all networks.
func TestTheLongestPrefixWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		six := rapid.Bool().Draw(t, "IPv6")
		draw := func(name string) netip.Addr {
			b := make([]byte, 4)
			if six {
				b = make([]byte, 16)
			}
			if rapid.Bool().Draw(t, "high "+name) {
				for i := range b {
					b[i] = 0xff
				}
			}
			b[len(b)-1] ^= byte(rapid.IntRange(0, 40).Draw(t, name))
			a, _ := netip.AddrFromSlice(b)
			return a
		}
		seen := map[netip.Prefix]bool{}
		var list []named
		for i := range rapid.IntRange(0, 12).Draw(t, "networks") {
			a := draw("address")
			p := netip.PrefixFrom(a, a.BitLen()-rapid.IntRange(0, 6).Draw(t, "host bits")).Masked()
			if !seen[p] {
				seen[p] = true
				list = append(list, named{p, uint16(i + 1)})
			}
		}
		a, want, bits := draw("asked"), uint16(0), -1
		for _, n := range list {
			if n.prefix.Contains(a) && n.prefix.Bits() > bits {
				want, bits = n.name, n.prefix.Bits()
			}
		}
		var got uint16
		if six {
			r := flatten(list, key6)
			got = r.at(key6(a), v6.compare)
		} else {
			r := flatten(list, key4)
			got = r.at(key4(a), func(a, b uint32) int { return int(int64(a) - int64(b)) })
		}
		if got != want {
			t.Fatalf("%s is %d, want %d, of %v", a, got, want, list)
		}
	})
}

func TestNetworksThatAreNotTheOrganisationsOwn(t *testing.T) {
	text := "# date: 2030-01-02\nnetwork,name\n10.0.0.0/18 # a.example\n10.0.0.1 # a.example\n10.0.1.0/24 # a.example\n10.0.2.0/24 # b.example\n" +
		"10.0.3.16/28 # a.example\n10.0.4.0/24 # 10.0.4.1\n10.0.4.1\n10.1.0.0/20,\"Only, networks\"\n0.0.0.0/2 # d.example\n2001:db8::/48 # a.example\n2001:db8:1::/64 # a.example\n"
	for i := range 128 {
		text += fmt.Sprintf("10.0.5.%d # c.example\n", i)
	}
	s, err := newScanners("", []byte(text+"10.0.5.0/24 # c.example\n"))
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{
		"10.0.0.1": "a.example", "10.0.0.2": "", "10.0.1.1": "", "10.0.2.77": "b.example", "10.0.3.17": "a.example", "10.0.4.2": "", "10.1.15.1": "Only, networks",
		"10.0.5.200": "c.example", "2001:db8::1": "", "2001:db8:1::1": "a.example", "10.0.6.0": "",
	} {
		if got := s.Lookup(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is %q, want %q", addr, got, want)
		}
	}
	if i := s.Info(); i.LeftOut != 5 || i.Networks != 5 || i.Date != "2030-01-02" {
		t.Errorf("%+v", i)
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestANewerListIsInstalled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "geo")
	one, two := write(t, "192.0.2.1 # scan.example.org\n"), write(t, "# date: 2030-05\n198.51.100.0/28 # census1.shodan.io\n")
	if _, err := InstallScanners(dir, []string{one, two}, "2030-06-01"); err != nil {
		t.Fatal(err)
	}
	s, err := OpenScanners(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.Info().Date != "2030-06-01" || s.Info().File == "" || s.Lookup(netip.MustParseAddr("192.0.2.1")) != "example.org" ||
		s.Lookup(netip.MustParseAddr("198.51.100.7")) != "Shodan" || s.Lookup(netip.MustParseAddr("162.142.125.10")) != "" {
		t.Errorf("%+v", s.Info())
	}
	if _, err := InstallScanners(dir, []string{two}, ""); terroir.ErrorCode(err) != terroir.ECONFIG {
		t.Errorf("an older list: %v", err)
	}
	if s, err := OpenScanners(dir); err != nil || s.Info().Date != "2030-06-01" {
		t.Errorf("%v", err)
	}
}

func TestAnOlderInstalledListYieldsToTheShippedOne(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, scannersFile), []byte("# date: 2020-01\n192.0.2.1 # x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := OpenScanners(dir)
	if err != nil || s.Info().File != "" {
		t.Errorf("%+v, %v", s.Info(), err)
	}
}

func TestWhatIsNoListOfScanners(t *testing.T) {
	for what, text := range map[string]string{
		"empty": "", "comments": "# date: 2030-01\n\n# nothing\n", "text": "hello\n", "HTML": "<html>\n<body>192.0.2.1</body>\n",
		"mostly not": "192.0.2.1 # x\nnot\n",
	} {
		file := write(t, text)
		_, err := InstallScanners(t.TempDir(), []string{file}, "2030-01-01")
		if terroir.ErrorCode(err) != terroir.ECONFIG || !strings.HasPrefix(err.Error(), file) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
	}
	good := write(t, "192.0.2.1 # x\n")
	if _, err := InstallScanners(t.TempDir(), []string{good}, "yesterday"); terroir.ErrorCode(err) != terroir.ECONFIG {
		t.Errorf("%v", err)
	}
	if _, err := InstallScanners(t.TempDir(), []string{good + ".none"}, ""); terroir.ErrorCode(err) != terroir.ECONFIG {
		t.Errorf("%v", err)
	}
}

func TestLookingUpAllocatesNothing(t *testing.T) {
	s := openShipped(t)
	for _, addr := range []string{"162.142.125.10", "8.8.8.8", "2400:6180:0:d0::1008:2001"} {
		e := &terroir.Event{Source: netip.AddrPortFrom(netip.MustParseAddr(addr), 1)}
		if n := testing.AllocsPerRun(100, func() { _ = s.Enrich(e) }); n != 0 {
			t.Errorf("%s: %v allocations", addr, n)
		}
	}
}

func BenchmarkScanners(b *testing.B) {
	s := openShipped(b)
	addrs := []netip.Addr{netip.MustParseAddr("162.142.125.10"), netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("2400:6180:0:d0::1008:2001"), netip.MustParseAddr("203.0.113.9")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Lookup(addrs[i%len(addrs)])
	}
}

func FuzzScannerList(f *testing.F) {
	f.Add([]byte("# date: 2026-08\n192.0.2.0/24 # census1.shodan.io\n192.0.2.1\n2001:db8::/64 # x\n"))
	f.Add([]byte("0.0.0.0/28 # a\n255.255.255.240/28 # b\n255.255.255.255 # c\n::/64 # d\n"))
	f.Add([]byte("192.0.2.1/33\n::ffff:1.2.3.4/120\nfe80::1%eth0 # zone\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := newScanners("f", text)
		if err != nil {
			if terroir.ErrorCode(err) != terroir.ECONFIG {
				t.Errorf("%v", err)
			}
			return
		}
		for line := range bytes.Lines(text) {
			first := strings.TrimSpace(string(line))
			if i := strings.IndexAny(first, "#,"); i >= 0 {
				first = first[:i]
			}
			if a, err := netip.ParseAddr(strings.TrimSpace(first)); err == nil && s.Lookup(a.WithZone("")) == "" {
				t.Errorf("%s is listed and not marked", a)
			}
		}
	})
}
