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
			if ctx.Err() != nil || terroir.ErrorCode(err) == terroir.EUNREACHABLE {
				break
			}
		}
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
}

func newImport(ctx context.Context, f *importFlags) (*fileImport, error) {
	im := &fileImport{importFlags: f}
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

// Close closes lake and databases.
func (im *fileImport) Close() error { return errors.Join(im.known.Close(), im.lake.Close()) }

// file imports one file. What could be read of it is in the lake, whatever the error.
func (im *fileImport) file(ctx context.Context, name string) error {
	epoch, err := im.epoch(name)
	if err != nil {
		return err
	}
	before, err := im.lake.Marks(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	bar := newBar(name)
	in, err := ingest.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	sink := hub.NewImporter(ctx, im.lake, epoch, im.known, analyze, im.serves)
	rejects := &rejectFile{path: im.rejectPath(name)}
	report, err := im.read(ctx, name, in, rejects, bar.sink(sink, name, in))
	err = errors.Join(err, rejects.Close(), sink.Close())
	bar.done()
	if !im.quiet {
		im.summary(name, report, rejects, held(before, epoch), err == nil, time.Since(begun))
	}
	return err
}

func held(m lake.Marks, epoch uint64) bool {
	for s := range m.Last {
		if s.Epoch == epoch {
			return true
		}
	}
	return false
}

func (im *fileImport) read(ctx context.Context, name string, in *ingest.File, rejects *rejectFile, sink ingest.Sink) (ingest.Report, error) {
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

// summary says on standard error what came of a file.
func (im *fileImport) summary(name string, r ingest.Report, rejects *rejectFile, again, whole bool, took time.Duration) {
	verb := ""
	if !whole {
		verb = " read"
	}
	fmt.Fprintf(os.Stderr, "%s: %d events%s in %.1f s (%.0f/s)", name, r.Events, verb, took.Seconds(), float64(r.Events)/took.Seconds())
	if again {
		fmt.Fprint(os.Stderr, "; imported before: only what was missing was added")
	}
	fmt.Fprintln(os.Stderr)
	for _, list := range []struct {
		title string
		m     map[string]int64
	}{{"protocols", r.Protocols}, {"skipped", r.Skipped}} {
		if len(list.m) == 0 {
			continue
		}
		var parts []string
		for _, k := range ingest.Keys(list.m) {
			parts = append(parts, fmt.Sprintf("%s %d", k, list.m[k]))
		}
		fmt.Fprintf(os.Stderr, "  %s: %s\n", list.title, strings.Join(parts, ", "))
	}
	if rejects.f != nil {
		fmt.Fprintf(os.Stderr, "  rejected rows are in %s\n", rejects.path)
	}
}
