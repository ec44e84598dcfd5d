package enrich

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"terroir"
)

// The shipped list of scanners: Maltrail's mass_scanner.txt and mass_scanner_cidr.txt of 2026-08 (MIT; see NOTICE), one
// after the other, below comments that say so.
//
//go:embed scanners.txt.zst
var shippedScanners []byte

// scannersFile is what an installed list is called, in the folder of the databases.
const scannersFile = "scanners.txt"

// Scanners knows addresses that announce themselves as those of organisations that scan the internet. That is what they say,
// not that they are benign. It may be used concurrently.
type Scanners struct {
	v4    ranges[uint32]
	v6    ranges[v6]
	names []string
	info  ScannersInfo
}

// ScannersInfo says what a list is and what was read of it.
type ScannersInfo struct {
	// File is where the list lies, or "" for the shipped one. Date is the list's own: a day, or a month.
	File, Date, Source, Licence string
	// IPv4, IPv6 and Networks are the single addresses and the networks that are marked, Repeated the lines that say again
	// what another one says.
	IPv4, IPv6, Networks, Repeated int
	// LeftOut are networks that may be a hoster's: of most of their addresses the list says nothing.
	LeftOut int
	// Unread is the number of lines that are neither address nor network; Examples are the first of them.
	Unread   int
	Examples []string
	// Names are the organisations, those with the most entries first.
	Names []NameCount
}

// NameCount is an organisation and how many addresses and networks stand under its name.
type NameCount struct {
	Name    string
	Entries int
}

// OpenScanners reads the list that was installed in the folder dir of the databases (InstallScanners), or the shipped one
// where none is, or only an older one. An installed list that cannot be read is an ECONFIG error.
func OpenScanners(dir string) (*Scanners, error) {
	shipped, err := shippedList()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, scannersFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return shipped, nil
	}
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "cannot read the list of scanners", Err: err}
	}
	s, err := newScanners(file, text)
	if err != nil {
		return nil, err
	}
	if s.info.Date < shipped.info.Date {
		return shipped, nil
	}
	return s, nil
}

func shippedList() (*Scanners, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("the shipped list of scanners: %w", err)
	}
	defer d.Close()
	text, err := d.DecodeAll(shippedScanners, nil)
	if err != nil {
		return nil, fmt.Errorf("the shipped list of scanners: %w", err)
	}
	return newScanners("", text)
}

func newScanners(file string, text []byte) (*Scanners, error) {
	l, err := parseScanners(file, text)
	if err != nil {
		return nil, err
	}
	s := &Scanners{names: l.names, info: ScannersInfo{File: file, Date: l.date, Source: l.source, Licence: l.licence,
		Repeated: l.repeated, Unread: l.bad, Examples: l.unread}}
	s.info.LeftOut = l.believed()
	var four, six []named
	for _, e := range l.entries {
		switch {
		case !e.prefix.IsSingleIP():
			s.info.Networks++
		case e.prefix.Addr().Is4():
			s.info.IPv4++
		default:
			s.info.IPv6++
		}
		if e.prefix.Addr().Is4() {
			four = append(four, e)
		} else {
			six = append(six, e)
		}
	}
	s.v4, s.v6, s.info.Names = flatten(four, key4), flatten(six, key6), countNames(l)
	return s, nil
}

func countNames(l *listed) []NameCount {
	counts := make([]NameCount, len(l.names))
	for i, name := range l.names {
		counts[i].Name = name
	}
	for _, e := range l.entries {
		counts[e.name].Entries++
	}
	counts = slices.DeleteFunc(counts, func(c NameCount) bool { return c.Entries == 0 })
	slices.SortFunc(counts, func(a, b NameCount) int { return cmp.Or(b.Entries-a.Entries, cmp.Compare(a.Name, b.Name)) })
	return counts
}

// Lookup names the organisation as which the address is known, by the longest prefix, or "".
func (s *Scanners) Lookup(a netip.Addr) string {
	a = a.Unmap()
	switch {
	case a.Is4():
		return s.names[s.v4.at(key4(a), cmp.Compare[uint32])]
	case a.Is6():
		return s.names[s.v6.at(key6(a), v6.compare)]
	}
	return ""
}

// Enrich marks the event with the organisation as which its source is known, and the date of the list that says so. What an
// import brought along stays where the list knows nothing.
func (s *Scanners) Enrich(e *terroir.Event) error {
	if name := s.Lookup(e.Source.Addr()); name != "" {
		e.Scanner, e.ScannerDate = name, s.info.Date
	}
	return nil
}

// Info says what the list is.
func (s *Scanners) Info() ScannersInfo { return s.info }

// InstallScanners checks the files, which together are one list, and puts them into the folder dir of the databases, where
// OpenScanners finds them. date is the day of the list; "" stands for what its comment "# date: …" says, or else the day on
// which the newest of the files was changed.
//
// What is not a list, and one that is older than the list in force, yields an ECONFIG error; a folder that cannot be written
// an EUNREACHABLE error.
func InstallScanners(dir string, files []string, date string) (*Scanners, error) {
	text, date, err := gather(files, date)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, scannersFile)
	s, err := newScanners(file, text)
	if err != nil {
		return nil, err
	}
	if now, err := OpenScanners(dir); err == nil && date < now.info.Date {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: files[0], Message: fmt.Sprintf("the list is of %s, the one in force of %s", date, now.info.Date),
			Hint: "give a newer list; without " + file + " the shipped one is in force"}
	}
	if err := replace(file, text); err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: file, Message: "cannot install the list of scanners", Err: err}
	}
	return s, nil
}

// gather puts the files together below a header.
func gather(files []string, date string) ([]byte, string, error) {
	var body bytes.Buffer
	var newest, source string
	for _, name := range files {
		text, changed, err := readList(name)
		if err != nil {
			return nil, "", err
		}
		l, err := parseScanners(name, text)
		if err != nil {
			return nil, "", err
		}
		newest, source = max(newest, cmp.Or(l.date, changed)), cmp.Or(source, l.source)
		body.Write(append(bytes.TrimRight(text, "\n"), '\n'))
	}
	date = cmp.Or(date, newest)
	if !isDate(date) {
		return nil, "", terroir.Errorf(terroir.ECONFIG, "%q is not the date of a list, such as 2026-08-14 or 2026-08", date)
	}
	header := fmt.Sprintf("# date: %s\n# source: %s\n", date, cmp.Or(source, filepath.Base(files[0])))
	return append([]byte(header), body.Bytes()...), date, nil
}

// readList returns the file and the day on which it was changed.
func readList(name string) ([]byte, string, error) {
	wrong := func(err error) error {
		return &terroir.Error{Code: terroir.ECONFIG, Where: name, Message: "cannot read the list of scanners", Err: err}
	}
	st, err := os.Stat(name)
	if err != nil {
		return nil, "", wrong(err)
	}
	if st.Size() > maxListed {
		return nil, "", wrong(fmt.Errorf("more than %d bytes", maxListed))
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, "", wrong(err)
	}
	return text, st.ModTime().UTC().Format(time.DateOnly), nil
}

func isDate(s string) bool {
	_, day := time.Parse(time.DateOnly, s)
	_, month := time.Parse("2006-01", s)
	return day == nil || month == nil
}

// Enricher adds to an event what is known of its source.
type Enricher interface {
	Enrich(*terroir.Event) error
}

// Together asks all of the enrichers, in order.
type Together []Enricher

// Enrich ends with the first error.
func (all Together) Enrich(e *terroir.Event) error {
	for _, one := range all {
		if err := one.Enrich(e); err != nil {
			return err
		}
	}
	return nil
}
