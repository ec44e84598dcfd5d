package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"terroir"
	"terroir/bus"
	busserver "terroir/bus/server"
	"terroir/enrich"
	"terroir/hub"
	"terroir/lake"
	"terroir/payload"
	"terroir/simulate"
	"terroir/wire"
)

// perWeek is about how many events a simulated week at scale 1 has.
const perWeek = 25_000

var errEnough = errors.New("enough")

// drain publishes simulated events, lets a hub bring them into a lake, and compares that with DuckDB's own COPY of the
// same rows into one Parquet file.
func drain(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("drain needs a number of events")
	}
	events, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "terroir-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := busserver.Start("127.0.0.1:0", filepath.Join(dir, "bus"), nil)
	if err != nil {
		return err
	}
	defer server.Shutdown()
	b, err := server.Connect("bench")
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.Setup(ctx, 1); err != nil {
		return err
	}
	p := &publisher{bus: b, left: events, batches: map[string]*batch{}}
	world, err := simulate.New(simulate.Options{Scale: max(0.01, 1.05*float64(events)/perWeek)})
	if err != nil {
		return err
	}
	if err := world.WriteGeo(dir); err != nil {
		return err
	}
	if err := p.publish(ctx, world); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d events on the bus, %d MiB\n", p.sent, p.bytes>>20)
	took, cpu, err := p.drained(ctx, dir)
	if err != nil {
		return err
	}
	copied, err := copyTime(ctx, dir)
	if err != nil {
		return err
	}
	rate := float64(p.sent) / took.Seconds()
	fmt.Printf("%d events, %d MiB on the bus\n", p.sent, p.bytes>>20)
	fmt.Printf("%-44s %12s %8s %14s\n", "", "events/s", "ratio", "CPU µs each")
	fmt.Printf("%-44s %12.0f %8.2f\n", "DuckDB: COPY of the rows into a Parquet file", float64(p.sent)/copied.Seconds(), 1.0)
	fmt.Printf("%-44s %12.0f %8.2f %14.2f\n", "hub: from the bus to committed", rate, copied.Seconds()/took.Seconds(), float64(cpu.Microseconds())/float64(p.sent))
	return nil
}

// publisher brings events to the bus as sensors do.
type publisher struct {
	bus     *bus.Bus
	left    int
	sent    int
	bytes   int
	batches map[string]*batch
	last    map[string]uint64
}

// batch is what one sensor has ready.
type batch struct {
	builder     *wire.Builder
	first, last uint64
}

const (
	epoch         = 1
	batchRecords  = 4096
	batchMaxBytes = 1 << 20
)

func (p *publisher) publish(ctx context.Context, w *simulate.World) error {
	p.last = map[string]uint64{}
	var record []byte
	err := w.Events(ctx, func(r terroir.Record, _ simulate.Label) error {
		if p.left == 0 {
			return errEnough
		}
		at := r.Position()
		b := p.batches[at.Sensor]
		if b == nil {
			b = &batch{builder: wire.NewBuilder(at.Sensor, epoch), first: at.Sequence}
			p.batches[at.Sensor] = b
		}
		record = wire.AppendRecord(record[:0], &r)
		b.builder.Add(record)
		b.last = at.Sequence
		p.left--
		p.sent++
		if b.builder.Records() >= batchRecords || b.builder.Size() >= batchMaxBytes {
			return p.send(ctx, at.Sensor)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	for sensor := range p.batches {
		if err := p.send(ctx, sensor); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) send(ctx context.Context, sensor string) error {
	b := p.batches[sensor]
	delete(p.batches, sensor)
	p.last[sensor] = b.last
	p.bytes += len(b.builder.Bytes())
	return p.bus.Publish(ctx, sensor, fmt.Sprintf("%s-%d", sensor, b.first), 1, b.builder.Bytes())
}

// drained runs a hub until all is committed, and returns how long that took, from its start.
func (p *publisher) drained(ctx context.Context, dir string) (took, cpu time.Duration, err error) {
	l, err := lake.Open(ctx, filepath.Join(dir, "lake"))
	if err != nil {
		return 0, 0, err
	}
	defer l.Close()
	geo, err := enrich.Open([]string{filepath.Join(dir, "country.mmdb")}, []string{filepath.Join(dir, "asn.mmdb")})
	if err != nil {
		return 0, 0, err
	}
	defer geo.Close()
	h := hub.New(l, p.bus, hub.Options{Interval: time.Second, Enricher: geo, Analyzer: func(b []byte, t terroir.Transport, addrs []netip.Addr) terroir.Analysis {
		return payload.Analyze(b, t, payload.Self{Addrs: addrs})
	}})
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	begun, before := time.Now(), used()
	go func() { ended <- h.Run(running) }()
	for {
		select {
		case err := <-ended:
			return 0, 0, errors.Join(err, errors.New("the hub ended"))
		case <-time.After(100 * time.Millisecond):
		}
		m, err := l.Marks(ctx)
		if err != nil {
			return 0, 0, err
		}
		if p.all(m) {
			took, cpu = time.Since(begun), used()-before
			stop()
			return took, cpu, <-ended
		}
	}
}

func (p *publisher) all(m lake.Marks) bool {
	for sensor, last := range p.last {
		if m.Last[lake.Spool{Sensor: sensor, Epoch: epoch}] < last {
			return false
		}
	}
	return true
}

// used is the processor's time of this process.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// copyTime loads the rows of the lake into a table of DuckDB in memory, and returns how long a COPY of them takes.
func copyTime(ctx context.Context, dir string) (time.Duration, error) {
	db, err := openDuck("")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	files, err := dataFiles(ctx, filepath.Join(dir, "lake"), "events")
	if err != nil {
		return 0, err
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE events AS SELECT * FROM read_parquet(["+files+"])"); err != nil {
		return 0, err
	}
	begun := time.Now()
	_, err = db.ExecContext(ctx, "COPY events TO '"+filepath.Join(dir, "copy.parquet")+"' (FORMAT parquet, COMPRESSION zstd)")
	return time.Since(begun), err
}

func openDuck(file string) (*sql.DB, error) {
	c, err := duckdb.NewConnector(file, nil)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// dataFiles lists the files of a table, quoted.
func dataFiles(ctx context.Context, dir, table string) (string, error) {
	l, err := lake.Open(ctx, dir)
	if err != nil {
		return "", err
	}
	defer l.Close()
	f, err := l.Files(ctx, table)
	if err != nil {
		return "", err
	}
	return "'" + strings.Join(f.Paths, "', '") + "'", nil
}
