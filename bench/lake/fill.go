package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"terroir"
	"terroir/enrich"
	"terroir/hub"
	"terroir/lake"
	"terroir/payload"
	"terroir/payload/family"
	"terroir/query"
	"terroir/simulate"
)

// fill makes a lake of simulated events below dir, as an import does, and compacts it.
func fill(ctx context.Context, dir string, events int) (*lake.Lake, error) {
	world, err := simulate.New(simulate.Options{Scale: max(0.01, 1.05*float64(events)/perWeek)})
	if err != nil {
		return nil, err
	}
	if err := world.WriteGeo(dir); err != nil {
		return nil, err
	}
	geo, err := enrich.Open([]string{filepath.Join(dir, "country.mmdb")}, []string{filepath.Join(dir, "asn.mmdb")})
	if err != nil {
		return nil, err
	}
	defer geo.Close()
	l, err := lake.Open(ctx, filepath.Join(dir, "lake"))
	if err != nil {
		return nil, err
	}
	theme := terroir.Containers()
	im := hub.NewImporter(ctx, l, epoch, geo, func(b []byte, t terroir.Transport, addrs []netip.Addr) terroir.Analysis {
		return payload.Analyze(b, t, payload.Self{Addrs: addrs})
	}, &theme)
	left, begun := events, time.Now()
	err = world.Events(ctx, func(r terroir.Record, _ simulate.Label) error {
		if left == 0 {
			return errEnough
		}
		left--
		return im.Put(ctx, r)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err == nil {
		err = besides(ctx, im, world)
	}
	if err := errors.Join(err, im.Close()); err != nil {
		return l, err
	}
	fmt.Fprintf(os.Stderr, "%d events imported in %s\n", events-left, time.Since(begun).Round(time.Second))
	begun = time.Now()
	if err := hub.NewGroups(l, func() hub.Grouper { return family.New() }).Update(ctx); err != nil {
		return l, err
	}
	fmt.Fprintf(os.Stderr, "grouped in %s\n", time.Since(begun).Round(time.Second))
	d, err := query.Open(l, query.Options{})
	if err != nil {
		return l, err
	}
	defer d.Close()
	begun = time.Now()
	if _, err := l.Compact(ctx, d, lake.CompactOptions{MinFiles: 2}); err != nil {
		return l, err
	}
	fmt.Fprintf(os.Stderr, "compacted in %s\n", time.Since(begun).Round(time.Second))
	begun = time.Now()
	if _, err := l.RollUp(ctx, d, lake.RollUpOptions{}); err != nil {
		return l, err
	}
	fmt.Fprintf(os.Stderr, "rolled up in %s\n", time.Since(begun).Round(time.Second))
	return l, nil
}

// besides are rows of the tables that the simulated events do not fill: a loss, and heartbeats of the whole week, without which
// views that ask when sensors watched would have nothing to do.
func besides(ctx context.Context, im *hub.Importer, w *simulate.World) error {
	for _, s := range w.Sensors() {
		at := terroir.Position{Sensor: s.Name}
		lost := terroir.Record{Loss: &terroir.Loss{Position: at, Time: simulate.Begin, Stage: "listen", Reason: "source", Attempts: 1}}
		if err := im.Put(ctx, lost); err != nil {
			return err
		}
		for i := range 7 * 24 * 60 {
			beat := &terroir.Heartbeat{Position: at, Time: simulate.Begin.Add(time.Duration(i) * time.Minute), Interval: time.Minute,
				Region: s.Region, Revision: 1, Tap: true}
			beat.Sequence = uint64(i)
			if err := im.Put(ctx, terroir.Record{Heartbeat: beat}); err != nil {
				return err
			}
		}
	}
	return nil
}
