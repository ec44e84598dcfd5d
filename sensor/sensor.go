// Package sensor observes: it serves a theme's ports, watches the unserved ones, and hands every event to the hub
// without losing one. This package ties its parts together:
//
//	listen   sessions on served ports            ┐
//	tap      attempts on unserved ports          ├─► spool (on disk) ─► uplink ─► bus
//	         heartbeats, announcements, losses   ┘
package sensor

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"terroir"
	"terroir/bus"
	"terroir/sensor/listen"
	"terroir/sensor/spool"
	"terroir/sensor/tap"
	"terroir/sensor/uplink"
)

// Options of a sensor.
type Options struct {
	Name, Region, Version string
	// Dir holds spool and certificate.
	Dir string
	// Bus is the address of the bus, such as nats://127.0.0.1:4222.
	Bus           string
	Configuration terroir.Configuration
	// Listen are the settings of the listeners; what Options says (name, region, certificate …) is filled in.
	Listen listen.Options
	// Tap are the settings of the tap; nil turns it off.
	Tap *tap.Options
	// SpoolBytes bounds the spool on disk.
	SpoolBytes int64
	// Heartbeat is the interval of heartbeats; default 1 minute.
	Heartbeat time.Duration
	// Ready is called once everything listens, with what is bound.
	Ready func([]listen.Bound) error
}

// Run observes until ctx ends. Then open sessions are recorded as shut down, and what can be sent within a few seconds
// is sent; the rest waits in the spool for the next run.
//
// A port that cannot be bound yields an ECONFIG error, a folder that cannot be used EUNREACHABLE.
func Run(ctx context.Context, opt Options) error {
	if opt.Heartbeat == 0 {
		opt.Heartbeat = time.Minute
	}
	sp, err := spool.Open(opt.Dir+"/spool", spool.Options{MaxBytes: opt.SpoolBytes})
	if err != nil {
		return err
	}
	rec := &recorder{spool: sp, sensor: opt.Name}
	err = run(ctx, opt, sp, rec)
	return errors.Join(err, sp.Close())
}

func run(ctx context.Context, opt Options, sp *spool.Spool, rec *recorder) error {
	b, err := bus.Connect(opt.Bus, opt.Name)
	if err != nil {
		return err
	}
	defer b.Close()
	server, err := listen.Start(ctx, opt.listenOptions(), opt.Configuration, rec)
	if err != nil {
		return err
	}
	tapped, err := opt.startTap(ctx, rec, server)
	if err != nil {
		return errors.Join(err, server.Shutdown(ctx))
	}
	if err := rec.Put(ctx, opt.announcement()); err != nil {
		return errors.Join(err, server.Shutdown(ctx))
	}
	if opt.Ready != nil {
		if err := opt.Ready(server.Bound()); err != nil {
			return errors.Join(err, server.Shutdown(ctx))
		}
	}
	return opt.observe(ctx, sp, rec, b, server, tapped)
}

// drainWithin is how long a sensor that ends goes on sending what it has.
const drainWithin = 3 * time.Second

// observe runs until ctx ends or a part fails, and then takes the parts down in the order in which events flow.
func (opt Options) observe(ctx context.Context, sp *spool.Spool, rec *recorder, b *bus.Bus, server *listen.Server, tapped *tap.Tap) error {
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()
	sent, broken := make(chan error, 1), make(chan error, 1)
	go func() {
		err := uplink.Run(sending, uplink.Options{Sensor: opt.Name, Spool: sp, Bus: b})
		if err != nil {
			broken <- err // A sensor that cannot send any more must not go on as if it could.
		}
		sent <- err
	}()
	g, watching := errgroup.WithContext(ctx)
	g.Go(func() error { return firstError(watching, broken) })
	g.Go(func() error { return opt.beat(watching, rec, tapped != nil) })
	g.Go(func() error { return firstError(watching, server.Err()) })
	if tapped != nil {
		g.Go(func() error { return firstError(watching, tapped.Err()) })
	}
	err := g.Wait()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = errors.Join(err, server.Shutdown(ending))
	if tapped != nil {
		err = errors.Join(err, tapped.Close())
	}
	drain(sp, b)
	stopSending()
	return errors.Join(err, <-sent)
}

// firstError waits for an error, or for ctx to end.
func firstError(ctx context.Context, errs <-chan error) error {
	select {
	case err := <-errs:
		return err
	case <-ctx.Done():
		return nil
	}
}

// drain waits a little for the spool to be empty: the hub has confirmed everything.
func drain(sp *spool.Spool, b *bus.Bus) {
	end := time.Now().Add(drainWithin)
	for time.Now().Before(end) && b.Connected() && sp.Pending() > 0 {
		time.Sleep(50 * time.Millisecond)
	}
}

func (opt Options) listenOptions() listen.Options {
	l := opt.Listen
	l.Sensor, l.Region = opt.Name, opt.Region
	return l
}

// startTap starts the tap. Without the capability the sensor says so once and goes on without it.
func (opt Options) startTap(ctx context.Context, rec *recorder, server *listen.Server) (*tap.Tap, error) {
	if opt.Tap == nil {
		return nil, nil
	}
	o := *opt.Tap
	o.Sensor, o.Region = opt.Name, opt.Region
	o.Revision = func() int32 { return opt.Configuration.Revision }
	o.Served = server.Serves
	t, err := tap.Start(ctx, o, rec)
	if errors.Is(err, tap.ErrNoCapability) {
		slog.Warn("attempts on unserved ports are not observed: CAP_NET_RAW is missing",
			"sensor", opt.Name, "do", "setcap cap_net_raw,cap_net_bind_service+ep terroir-sensor")
		return nil, nil
	}
	return t, err
}

func (opt Options) announcement() terroir.Record {
	a := &terroir.Announcement{Time: time.Now().UTC(), Region: opt.Region, Version: opt.Version, Configuration: opt.Configuration}
	a.Sensor = opt.Name
	a.Addresses = append([]netip.Addr(nil), opt.Listen.Addresses...)
	return terroir.Record{Announcement: a}
}

// beat records a heartbeat every interval, and one for the part of an interval at the end.
func (opt Options) beat(ctx context.Context, rec *recorder, tapped bool) error {
	tick := time.NewTicker(opt.Heartbeat)
	defer tick.Stop()
	last := time.Now()
	for {
		var done bool
		select {
		case <-ctx.Done():
			done = true
		case <-tick.C:
		}
		now := time.Now()
		h := &terroir.Heartbeat{Time: now.UTC(), Interval: now.Sub(last), Region: opt.Region, Revision: opt.Configuration.Revision, Tap: tapped}
		h.Sensor = opt.Name
		if err := rec.Put(context.WithoutCancel(ctx), terroir.Record{Heartbeat: h}); err != nil || done {
			return err
		}
		last = now
	}
}
