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
	return l, nil
}

// besides are rows of the tables that the simulated events do not fill.
func besides(ctx context.Context, im *hub.Importer, w *simulate.World) error {
	for _, s := range w.Sensors() {
		at := terroir.Position{Sensor: s.Name}
		for _, r := range []terroir.Record{
			{Loss: &terroir.Loss{Position: at, Time: simulate.Begin, Stage: "listen", Reason: "source", Attempts: 1}},
			{Heartbeat: &terroir.Heartbeat{Position: at, Time: simulate.Begin, Interval: time.Minute, Region: s.Region, Revision: 1, Tap: true}},
		} {
			if err := im.Put(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}
