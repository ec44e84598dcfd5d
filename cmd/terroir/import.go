package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/hub"
	"terroir/ingest"
	"terroir/ingest/csvfile"
	"terroir/ingest/jsonlfile"
	"terroir/ingest/mapping"
	"terroir/ingest/pcapfile"
	"terroir/lake"
	"terroir/payload/protocol"
	"terroir/payload/tlshello"
)

type importFlags struct {
	source
	format, sensor, region, mapping, theme, rejects string
	addresses, geoCountry, geoASN                   []string
}

func importCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use: "import FILE…", Short: "Read captures, tables or JSON lines into the lake", Args: cobra.MinimumNArgs(1),
		Long: "Read captures (pcap, pcapng), tables (CSV) or JSON lines into the lake; gzip and zstd are unpacked. A mapping says which\n" +
			"columns of a table, or which keys and paths of an object, mean what; without one, the names are those of the table of\n" +
			"events. The same file imported again adds nothing, and a row whose event_id came before in the file is left out. Rows that\n" +
			"cannot be read are counted and kept in a reject file, with their line numbers.",
		Example: "  terroir import --sensor paris-1 --region eu-west-3 --theme containers week.pcap\n" +
			"  terroir import --format csv --mapping mapping.yaml attempts.csv.gz\n" +
			"  terroir import --mapping mapping.yaml --address 192.0.2.7 requests.jsonl.zst",
		RunE: func(c *cobra.Command, args []string) error { return runImport(c.Context(), args, &f) },
	}
	sourceFlags(c, &f.source)
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "auto", "auto|pcap|csv|jsonl")
	fl.StringVar(&f.sensor, "sensor", "import", "sensor of the events, where the file does not say it")
	fl.StringVar(&f.region, "region", "unknown", "region of the sensor, where the file does not say it")
	fl.StringVar(&f.mapping, "mapping", "", "YAML file that says which columns mean what (csv, jsonl)")
	fl.StringVar(&f.theme, "theme", "", "theme that the sensor served (pcap: tells served UDP ports from others)")
	fl.StringSliceVar(&f.addresses, "address", nil, "address of the sensor, where the file does not say it (pcap: only what was sent to it is an event)")
	fl.StringVar(&f.rejects, "rejects", "", "folder for reject files (default DIR/rejects)")
	fl.StringSliceVar(&f.geoCountry, "geo-country", nil, "MMDB file with countries, asked before the shipped one")
	fl.StringSliceVar(&f.geoASN, "geo-asn", nil, "MMDB file with networks, asked before the shipped one")
	return c
}

func runImport(ctx context.Context, files []string, f *importFlags) error {
	im, err := newImport(ctx, f)
	if err != nil {
		return err
	}
	defer im.Close()
	var errs []error
	for _, file := range files {
		if err := im.file(ctx, file); err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil || im.broken() {
			break
		}
	}
	if err := im.commit(); err != nil && !slices.ContainsFunc(errs, func(told error) bool { return errors.Is(told, err) }) {
		errs = append(errs, err)
	}
	if err := im.group(ctx); err != nil {
		errs = append(errs, err)
	}
	return firstOf(errs)
}

// group groups what was imported. A hub at the same tables may do so at the same time.
func (im *fileImport) group(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil // What is left is grouped by the next import, or by a hub.
	}
	return newGroups(im.lake).Update(ctx)
}

// firstOf is the only error, or the first one with the number of the others; each is one line on standard error.
func firstOf(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	for _, err := range errs[:len(errs)-1] {
		fmt.Fprintln(os.Stderr, "terroir: "+printable(err.Error()))
	}
	return errs[len(errs)-1]
}

// fileImport brings files into one lake.
type fileImport struct {
	*importFlags
	lake    *lake.Lake
	known   *enrichment
	columns *mapping.Mapping
	serves  *terroir.Configuration
	own     []netip.Addr
	// quiet leaves out the summary of each file.
	quiet bool

	sink *hub.Importer
	// seen are the epochs that the lake had before, and those of the files since.
	seen map[uint64]bool
	// read are files of which not all may be committed; committed is when that was so of none.
	read      []*readFile
	committed time.Time
}

// readFile is what came of a file.
type readFile struct {
	name    string
	report  ingest.Report
	rejects *rejectFile
	again   bool
	err     error
	took    time.Duration
}

// commitEvery is how long files are read before what was read is committed; what is large is committed before.
const commitEvery = time.Second

func newImport(ctx context.Context, f *importFlags) (*fileImport, error) {
	im := &fileImport{importFlags: f, seen: map[uint64]bool{}, committed: time.Now()}
	if err := im.check(); err != nil {
		return nil, err
	}
	var err error
	if f.mapping != "" {
		if im.columns, err = mapping.Load(f.mapping); err != nil {
			return nil, err
		}
	}
	cfg, err := f.hub()
	if err != nil {
		return nil, err
	}
	im.dir = cfg.Dir
	if im.lake, err = openLake(ctx, &cfg); err != nil {
		return nil, err
	}
	before, err := im.lake.Marks(ctx)
	if err != nil {
		return nil, errors.Join(err, im.lake.Close())
	}
	for s := range before.Last {
		im.seen[s.Epoch] = true
	}
	if im.known, err = openEnrichment(cfg.Dir, append(f.geoCountry, cfg.Geo.Country...), append(f.geoASN, cfg.Geo.ASN...)); err != nil {
		return nil, errors.Join(err, im.lake.Close())
	}
	return im, nil
}

func (im *fileImport) check() error {
	if err := terroir.ValidateName("--sensor", im.sensor); err != nil {
		return usage(err)
	}
	if err := terroir.ValidateName("--region", im.region); err != nil {
		return usage(err)
	}
	switch im.format {
	case "auto", "pcap", "csv", "jsonl":
	default:
		return terroir.Errorf(terroir.EUSAGE, "--format %q is not one of auto, pcap, csv, jsonl", im.format)
	}
	if im.theme != "" {
		c, err := theme(im.theme)
		if err != nil {
			return err
		}
		im.serves = &c
	}
	for _, s := range im.addresses {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return terroir.Errorf(terroir.EUSAGE, "--address %q is not an address", s)
		}
		im.own = append(im.own, a.Unmap())
	}
	return nil
}

func theme(name string) (terroir.Configuration, error) {
	if name != "containers" {
		return terroir.Configuration{}, terroir.Errorf(terroir.EUSAGE, "--theme %q is not known; there is containers", name)
	}
	return terroir.Containers(), nil
}

// Close closes lake and databases. What commit was not called for is not promised to be in the lake.
func (im *fileImport) Close() error {
	var err error
	if im.sink != nil {
		err = im.sink.Close()
	}
	return errors.Join(err, im.known.Close(), im.lake.Close())
}

// file reads one file. What could be read of it is in the lake after the next commit, whatever the error.
func (im *fileImport) file(ctx context.Context, name string) error {
	epoch, err := im.epoch(name)
	if err != nil {
		return err
	}
	in, err := ingest.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := im.next(ctx, epoch); err != nil {
		return err
	}
	begun := time.Now()
	bar := newBar(name)
	r := &readFile{name: name, rejects: &rejectFile{path: im.rejectPath(name)}, again: im.seen[epoch]}
	r.report, r.err = im.readAs(ctx, name, in, r.rejects, bar.sink(im.sink, name, in))
	r.err = errors.Join(r.err, r.rejects.Close())
	bar.done()
	r.took = time.Since(begun)
	im.seen[epoch] = true
	im.read = append(im.read, r)
	if time.Since(im.committed) >= commitEvery {
		return errors.Join(r.err, im.commit())
	}
	return r.err
}

// next has the importer go on with another file.
func (im *fileImport) next(ctx context.Context, epoch uint64) error {
	if im.sink == nil {
		im.sink = hub.NewImporter(ctx, im.lake, epoch, im.known, analyze, im.serves)
		return nil
	}
	return im.sink.Next(epoch)
}

// commit commits what was read, and says what came of each file.
func (im *fileImport) commit() error {
	if im.sink == nil {
		return nil
	}
	begun := time.Now()
	err := im.sink.Flush()
	for i, r := range im.read {
		if i == len(im.read)-1 {
			r.took += time.Since(begun)
		}
		if !im.quiet {
			im.summary(r, err == nil)
		}
	}
	im.read, im.committed = nil, time.Now()
	return err
}

// broken reports whether nothing more can be committed.
func (im *fileImport) broken() bool { return im.sink != nil && im.sink.Err() != nil }

func (im *fileImport) readAs(ctx context.Context, name string, in *ingest.File, rejects *rejectFile, sink ingest.Sink) (ingest.Report, error) {
	format := im.format
	if format == "auto" {
		format = ingest.Detect(name, in)
	}
	src := ingest.Source{Name: name, Reader: in, Sensor: im.sensor, Region: im.region, Addresses: im.own}
	rows := mapping.Options{Hello: tlshello.Parse}
	switch format {
	case "pcap":
		return pcapfile.Read(ctx, src, im.pcapOptions(), sink)
	case "jsonl":
		report, err := jsonlfile.Read(ctx, src, jsonlfile.Options{Mapping: im.columns, Options: rows, Reject: func(line int, text []byte, why error) error {
			return rejects.add(line, string(text), why)
		}}, sink)
		if e, ok := errors.AsType[*terroir.Error](err); ok && e.Code == terroir.ECONFIG {
			e.Where = im.mapping
		}
		return report, err
	}
	return csvfile.Read(ctx, src, csvfile.Options{Mapping: im.columns, Options: rows, Reject: func(line int, fields []string, why error) error {
		return rejects.add(line, strings.Join(fields, ","), why)
	}}, sink)
}

func (im *fileImport) pcapOptions() pcapfile.Options {
	opt := pcapfile.Options{Name: nameStream, Hello: tlshello.Parse, Addresses: map[netip.Addr]bool{}}
	for _, a := range im.own {
		opt.Addresses[a] = true
	}
	if im.serves != nil {
		served := map[terroir.ServedPort]bool{}
		for _, p := range im.serves.Ports {
			served[terroir.ServedPort{Transport: p.Transport, Port: p.Port}] = true
		}
		opt.Served = func(t terroir.Transport, port uint16) bool {
			return served[terroir.ServedPort{Transport: t, Port: port}]
		}
	}
	return opt
}

// nameStream names a stream by what the client said, or, where it waited for a greeting, by that.
func nameStream(client, server []byte, t terroir.Transport) string {
	if name := protocol.Recognize(client, t); name != "" {
		return name
	}
	return protocol.RecognizeServer(server)
}

// epoch names the file's bytes and the options that shape its events, so that importing it again adds nothing.
// Standard input cannot be read twice: its epoch is the time.
func (im *fileImport) epoch(name string) (uint64, error) {
	if name == "-" {
		return uint64(time.Now().UnixNano()), nil
	}
	f, err := ingest.OpenRaw(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return 0, &terroir.Error{Code: terroir.EINVALID, Where: name, Message: "cannot read the file", Err: err}
	}
	fmt.Fprintf(h, "\x00%s\x00%s\x00%s\x00%s\x00%s\x00%v", im.format, im.sensor, im.region, im.theme, strings.Join(im.addresses, ","), im.columns)
	return binary.BigEndian.Uint64(h.Sum(nil)), nil
}

func (im *fileImport) rejectPath(name string) string {
	dir := im.rejects
	if dir == "" {
		dir = filepath.Join(im.dir, "rejects")
	}
	base := filepath.Base(name)
	if base != name {
		// Files of one name in several folders keep their rejects apart.
		if whole, err := filepath.Abs(name); err == nil {
			name = whole
		}
		sum := sha256.Sum256([]byte(name))
		base = fmt.Sprintf("%s-%x", base, sum[:4])
	}
	return filepath.Join(dir, base+".rejects.tsv")
}

// summary says on standard error what came of a file, all of whose rows are in the lake if committed.
func (im *fileImport) summary(f *readFile, committed bool) {
	verb := ""
	if f.err != nil || !committed {
		verb = " read"
	}
	fmt.Fprintf(os.Stderr, "%s: %d events%s in %.1f s (%.0f/s)", f.name, f.report.Events, verb, f.took.Seconds(), float64(f.report.Events)/f.took.Seconds())
	if f.again {
		fmt.Fprint(os.Stderr, "; imported before: only what was missing was added")
	}
	fmt.Fprintln(os.Stderr)
	for _, list := range []struct {
		title string
		m     map[string]int64
	}{{"protocols", f.report.Protocols}, {"skipped", f.report.Skipped}} {
		if len(list.m) == 0 {
			continue
		}
		var parts []string
		for _, k := range ingest.Keys(list.m) {
			parts = append(parts, fmt.Sprintf("%s %d", k, list.m[k]))
		}
		fmt.Fprintf(os.Stderr, "  %s: %s\n", list.title, strings.Join(parts, ", "))
	}
	if f.rejects.f != nil {
		fmt.Fprintf(os.Stderr, "  rejected rows are in %s\n", f.rejects.path)
	}
}
