package simulate

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"terroir"
)

// Parts says what Write writes beside the truth and the databases.
type Parts struct {
	// Pcaps asks for the captures, Events for the events as JSON lines.
	Pcaps, Events bool
}

// Write makes a world and writes into dir: NAME.pcap a sensor, events.jsonl.gz, truth.json, truth.jsonl.gz (the label
// of each event), country.mmdb and asn.mmdb. progress is told how far it is; it may be nil.
//
// Options out of range yield an EUSAGE error, a folder that cannot be written EUNREACHABLE.
func Write(ctx context.Context, opt Options, dir string, what Parts, progress func(done, total int64)) error {
	w, err := New(opt)
	if err != nil {
		return err
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unwritable(dir, err)
	}
	const steps = 4
	progress(0, steps)
	if err := w.WriteGeo(dir); err != nil {
		return unwritable(dir, err)
	}
	progress(1, steps)
	if err := w.writeEvents(ctx, dir, what.Events); err != nil {
		return unwritable(dir, err)
	}
	progress(2, steps)
	if what.Pcaps {
		if _, err := w.WritePcaps(ctx, dir); err != nil {
			return unwritable(dir, err)
		}
	}
	progress(steps, steps)
	return nil
}

func unwritable(dir string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "cannot write the simulation", Err: err}
}

// output is a compressed file of JSON lines.
type output struct {
	f   *os.File
	b   *bufio.Writer
	z   *gzip.Writer
	enc *json.Encoder
}

func create(path string) (*output, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	o := &output{f: f, b: bufio.NewWriterSize(f, 1<<20)}
	o.z, err = gzip.NewWriterLevel(o.b, gzip.BestSpeed)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	o.enc = json.NewEncoder(o.z)
	return o, nil
}

// Close completes the file.
func (o *output) Close() error { return errors.Join(o.z.Close(), o.b.Flush(), o.f.Close()) }

// line is an event as JSON, with the names of the table's columns.
type line struct {
	TS        time.Time `json:"ts"`
	Duration  int64     `json:"duration_us"`
	ID        string    `json:"event_id"`
	Sensor    string    `json:"sensor"`
	Region    string    `json:"region"`
	Revision  int32     `json:"revision"`
	Kind      string    `json:"kind"`
	Transport string    `json:"transport"`
	IPVersion int       `json:"ip_version"`
	SrcIP     string    `json:"src_ip"`
	SrcPort   uint16    `json:"src_port"`
	DstIP     string    `json:"dst_ip"`
	DstPort   uint16    `json:"dst_port"`
	Attempts  int64     `json:"attempts"`
	PayloadID string    `json:"payload_id,omitempty"`
	SrcBytes  int64     `json:"src_bytes"`
	Close     string    `json:"close,omitempty"`
	Payload   []byte    `json:"payload_b64,omitempty"`
}

func lineOf(r *terroir.Record) line {
	e := r.Event
	return line{e.Time, e.Duration.Microseconds(), e.Position.String(), e.Sensor, e.Region, e.Revision, e.Kind.String(), e.Transport.String(), e.IPVersion(),
		e.Source.Addr().String(), e.Source.Port(), e.Destination.Addr().String(), e.Destination.Port(), e.Attempts, e.Payload.String(), e.SourceBytes,
		e.Close.String(), r.Payload}
}

// WriteEvents writes the events as JSON lines.
func (w *World) WriteEvents(ctx context.Context, out io.Writer) error {
	enc := json.NewEncoder(out)
	return w.Events(ctx, func(r terroir.Record, _ Label) error { return enc.Encode(lineOf(&r)) })
}

// writeEvents writes labels and truth, and the events where they are asked for, in one pass.
func (w *World) writeEvents(ctx context.Context, dir string, events bool) (err error) {
	labels, err := create(filepath.Join(dir, "truth.jsonl.gz"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, labels.Close()) }()
	var lines *output
	if events {
		if lines, err = create(filepath.Join(dir, "events.jsonl.gz")); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, lines.Close()) }()
	}
	c := w.newCounter()
	err = w.Events(ctx, func(r terroir.Record, l Label) error {
		c.add(&r, &l)
		if lines != nil {
			if err := lines.enc.Encode(lineOf(&r)); err != nil {
				return err
			}
		}
		return labels.enc.Encode(struct {
			ID string `json:"event_id"`
			Label
		}{r.Event.Position.String(), l})
	})
	if err != nil {
		return err
	}
	text, err := c.finish().JSON()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "truth.json"), text, 0o644)
}

// WriteGeo writes country.mmdb and asn.mmdb for the world's addresses, with the fields of @ip-location-db.
func (w *World) WriteGeo(dir string) error {
	country, err := w.geo("terroir-simulated-country", func(b *netblock) mmdbtype.Map {
		return mmdbtype.Map{"country_code": mmdbtype.String(b.country)}
	})
	if err != nil {
		return err
	}
	asn, err := w.geo("terroir-simulated-asn", func(b *netblock) mmdbtype.Map {
		return mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(b.asn), "autonomous_system_organization": mmdbtype.String(b.name)}
	})
	if err != nil {
		return err
	}
	return errors.Join(writeTree(filepath.Join(dir, "country.mmdb"), country), writeTree(filepath.Join(dir, "asn.mmdb"), asn))
}

func (w *World) geo(kind string, value func(*netblock) mmdbtype.Map) (*mmdbwriter.Tree, error) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, IncludeReservedNetworks: true, BuildEpoch: Begin.Unix()})
	if err != nil {
		return nil, err
	}
	for i := range w.nets {
		b := &w.nets[i]
		bits := 32
		if b.prefix.Addr().Is6() {
			bits = 128
		}
		n := &net.IPNet{IP: b.prefix.Addr().AsSlice(), Mask: net.CIDRMask(b.prefix.Bits(), bits)}
		if err := tree.Insert(n, value(b)); err != nil {
			return nil, fmt.Errorf("%s: %w", b.prefix, err)
		}
	}
	return tree, nil
}

// writeTree writes beside and renames: a hub may have the old file mapped.
func writeTree(path string, tree *mmdbwriter.Tree) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	b := bufio.NewWriter(f)
	_, err = tree.WriteTo(b)
	if err := errors.Join(err, b.Flush(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
