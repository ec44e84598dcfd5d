// Package sensor observes: it serves a theme's ports, watches the unserved ones, and hands every event to the hub
// without losing one. This package ties its parts together:
//
//	listen   sessions on served ports            ┐
//	tap      attempts on unserved ports          ├─► spool (on disk) ─► uplink ─► bus
//	         heartbeats, announcements, losses   ┘
//
// Where the system allows it, the process gives up all that it does not need once everything listens (package confine);
// a second one, the monitor, connects to the hub and reads the configuration for it.
package sensor

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"terroir"
	"terroir/bus"
	"terroir/sensor/explore"
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
	// Bus is the address of the bus, such as nats://127.0.0.1:4222; BusOptions are more about the connection.
	Bus        string
	BusOptions []nats.Option
	// Renewal keeps the credentials good; nil is for a sensor that has none.
	Renewal *bus.Renewal
	// Configuration is what is served at first, Changes what is served from then on. Changes may be nil.
	Configuration terroir.Configuration
	Changes       <-chan Change
	// Serial is that of the hub's document that Configuration is from; 0 for the sensor's own file. When such a one cannot be
	// served at the start, Own is, which may be nil.
	Serial uint64
	Own    func() (terroir.Configuration, error)
	// Receive is run with the connection to the bus; Refusals are what it does not accept. Both may be nil.
	Receive  func(context.Context, *bus.Bus)
	Refusals <-chan terroir.Refusal
	// Listen are the settings of the listeners; what Options says (name, region, certificate …) is filled in.
	Listen listen.Options
	// Tap are the settings of the tap; nil turns it off.
	Tap *tap.Options
	// Explore says what is opened to learn what is sent to unserved ports; nil is nothing. It needs the tap.
	Explore *explore.Options
	// SpoolBytes bounds the spool on disk.
	SpoolBytes int64
	// Heartbeat is the interval of heartbeats; default 1 minute. Drain is how long a sensor that ends goes on sending what
	// it has; default 3 seconds.
	Heartbeat, Drain time.Duration
	// Confine is called once everything is open, before anything that arrived is acted on further. It may be nil.
	Confine func() error
	// Ready is called once everything listens, and after each change, with what is bound.
	Ready func([]listen.Bound) error
}

// Change is a configuration to serve from now on.
type Change struct {
	terroir.Configuration
	// Serial is that of the hub's document that says so; 0 for the sensor's own file.
	Serial uint64
	// Adopt is called once the ports are open; when one cannot be, the change is not made. It may be nil.
	Adopt func() error
	// Done is called when the change is made and announced, or with why it is not. It may be nil.
	Done func(error)
}

// observer is a running sensor.
type observer struct {
	Options
	bus    *bus.Bus
	spool  *spool.Spool
	rec    *recorder
	server *listen.Server
	tap    *tap.Tap
	// explorer is nil without Explore, or without a tap.
	explorer *explore.Explorer
	// current is the configuration in force.
	current atomic.Pointer[terroir.Configuration]
	// serial is that of the document in force, refusal the last one since. They are follow's, once it runs.
	serial  uint64
	refusal terroir.Refusal
}

// Run observes until ctx ends. Then open sessions are recorded as shut down, and what can be sent within Drain is sent;
// the rest waits in the spool for the next run.
//
// A port that cannot be bound yields an ECONFIG error, a folder that cannot be used EUNREACHABLE.
func Run(ctx context.Context, opt Options) error {
	if opt.Heartbeat == 0 {
		opt.Heartbeat = time.Minute
	}
	if opt.Drain == 0 {
		opt.Drain = 3 * time.Second
	}
	rec, err := newRecorder(opt.Dir+"/spool", opt.Name, opt.SpoolBytes)
	if err != nil {
		return err
	}
	o := &observer{Options: opt, spool: rec.spool, rec: rec, serial: opt.Serial}
	o.current.Store(&opt.Configuration)
	return errors.Join(o.run(ctx), rec.spool.Close())
}

func (o *observer) run(ctx context.Context) (err error) {
	if o.bus, err = bus.Connect(o.Bus, o.Name, o.BusOptions...); err != nil {
		return err
	}
	defer o.bus.Close()
	listening := o.Listen
	listening.Sensor, listening.Region = o.Name, o.Region
	o.server, err = listen.Start(ctx, listening, o.Configuration, o.rec)
	if err != nil && o.serial > 0 && o.Own != nil {
		err = o.startOwn(ctx, listening, err)
	}
	if err != nil {
		return err
	}
	if err := o.begin(ctx); err != nil {
		return errors.Join(err, o.server.Shutdown(ctx))
	}
	return o.observe(ctx)
}

// startOwn serves what the sensor's file says, as what the hub said cannot be: so the hub can say something else.
func (o *observer) startOwn(ctx context.Context, listening listen.Options, why error) error {
	own, err := o.Own()
	if err != nil {
		return errors.Join(why, err)
	}
	slog.Error("the hub's configuration cannot be served; serving the sensor's own", "sensor", o.Name, "serial", o.serial, "error", why)
	o.refusal = terroir.Refusal{Serial: o.serial, Reason: terroir.ShortReason(why.Error())}
	o.serial = 0
	o.current.Store(&own)
	o.server, err = listen.Start(ctx, listening, own, o.rec)
	return err
}

// begin opens the rest and says that all is open.
func (o *observer) begin(ctx context.Context) error {
	if err := o.startTap(ctx); err != nil {
		return err
	}
	if o.Confine != nil {
		if err := o.Confine(); err != nil {
			return errors.Join(err, o.closeTap())
		}
	}
	if err := o.announce(ctx); err != nil {
		return errors.Join(err, o.closeTap())
	}
	return nil
}

// announce records what is served from now on, and tells Ready.
func (o *observer) announce(ctx context.Context) error {
	a := &terroir.Announcement{Time: time.Now().UTC(), Region: o.Region, Version: o.Version, Configuration: *o.current.Load(), Serial: o.serial}
	a.Sensor = o.Name
	a.Addresses = append([]netip.Addr(nil), o.Listen.Addresses...)
	if err := o.rec.Put(ctx, terroir.Record{Announcement: a}); err != nil || o.Ready == nil {
		return err
	}
	return o.Ready(o.server.Bound())
}

// observe runs until ctx ends or a part fails, and then takes the parts down in the order in which events flow.
func (o *observer) observe(ctx context.Context) error {
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()
	sent, broken := make(chan error, 1), make(chan error, 1)
	quiet := &sync.Mutex{}
	renewed := o.renew(sending, quiet)
	defer func() { stopSending(); <-renewed }()
	go func() {
		err := uplink.Run(sending, uplink.Options{Sensor: o.Name, Spool: o.spool, Bus: o.bus, Quiet: quiet, Lost: o.rec.lose})
		if err != nil {
			broken <- err // A sensor that cannot send any more must not go on as if it could.
		}
		sent <- err
	}()
	g, watching := errgroup.WithContext(ctx)
	g.Go(func() error { return firstError(watching, broken) })
	g.Go(func() error { return o.follow(watching) })
	if o.Receive != nil {
		g.Go(func() error { o.Receive(watching, o.bus); return nil })
	}
	g.Go(func() error { return firstError(watching, o.server.Err()) })
	g.Go(func() error { return firstError(watching, o.rec.Err()) })
	if o.tap != nil {
		g.Go(func() error { return firstError(watching, o.tap.Err()) })
	}
	if o.explorer != nil {
		g.Go(func() error { return o.explorer.Run(watching) })
	}
	err := g.Wait()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = errors.Join(err, o.server.Shutdown(ending), o.closeTap())
	o.rec.ending.Store(true)
	err = errors.Join(err, o.rec.flush(ending))
	o.drain()
	stopSending()
	return errors.Join(err, <-sent, o.rec.flush(ending))
}

// renew keeps the credentials good until ctx ends; then the returned channel is closed.
func (o *observer) renew(ctx context.Context, quiet sync.Locker) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if o.Renewal != nil {
			o.Renewal.Quiet = quiet
			o.bus.Renew(ctx, o.Renewal)
		}
	}()
	return done
}

func (o *observer) closeTap() error {
	if o.tap == nil {
		return nil
	}
	return o.tap.Close()
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

// drain waits a while for the spool to be empty: the hub has confirmed everything.
func (o *observer) drain() {
	end := time.Now().Add(o.Drain)
	for time.Now().Before(end) && o.spool.Pending() > 0 {
		time.Sleep(50 * time.Millisecond)
	}
	if n := o.spool.Pending(); n > 0 {
		slog.Warn("records wait in the spool for the next run", "sensor", o.Name, "records", n, "folder", o.Dir)
	}
}

// startTap starts the tap. Without the capability the sensor says so once and goes on without it.
func (o *observer) startTap(ctx context.Context) error {
	if o.Tap == nil {
		return nil
	}
	opt := *o.Tap
	opt.Sensor, opt.Region = o.Name, o.Region
	opt.Revision = func() int32 { return o.current.Load().Revision }
	opt.Served, opt.Accepted = o.server.Serves, o.server.Accepted
	if o.Explore != nil {
		x := *o.Explore
		x.Open = func(p terroir.ServedPort) (func() error, error) {
			return o.server.Explore(p, o.current.Load().Revision)
		}
		o.explorer = explore.New(x)
		opt.Seen = o.explorer.Seen
	}
	t, err := tap.Start(ctx, opt, o.rec)
	if errors.Is(err, tap.ErrNoCapability) {
		slog.Warn("attempts on unserved ports are not observed: CAP_NET_RAW is missing", "sensor", o.Name, "do", "terroir doctor")
		o.explorer = nil
		return nil
	}
	o.tap = t
	return err
}

// follow records a heartbeat every interval, and one for the part of an interval at a change and at the end; it serves
// what changes say.
func (o *observer) follow(ctx context.Context) error {
	tick := time.NewTicker(o.Heartbeat)
	defer tick.Stop()
	last := time.Now()
	for {
		var change *Change
		select {
		case <-ctx.Done():
		case <-tick.C:
		case c := <-o.Changes:
			change = &c
		case o.refusal = <-o.Refusals:
		}
		now := time.Now()
		if err := o.beat(ctx, now, now.Sub(last)); err != nil || ctx.Err() != nil {
			return err
		}
		last = now
		if change != nil {
			if err := o.change(ctx, change); err != nil {
				return err
			}
		}
	}
}

func (o *observer) beat(ctx context.Context, now time.Time, since time.Duration) error {
	h := &terroir.Heartbeat{Time: now.UTC(), Interval: since, Region: o.Region, Revision: o.current.Load().Revision, Tap: o.tap != nil && o.tap.Watching(),
		Serial: o.serial, Refusal: o.refusal}
	h.Sensor = o.Name
	return o.rec.Put(context.WithoutCancel(ctx), terroir.Record{Heartbeat: h})
}

// change serves c. What cannot be bound leaves everything as it was, and is told.
func (o *observer) change(ctx context.Context, c *Change) error {
	if c.Done == nil {
		c.Done = func(error) {}
	}
	if err := o.server.Reconfigure(c.Configuration); err != nil {
		c.Done(err)
		return nil
	}
	if c.Adopt != nil {
		if err := c.Adopt(); err != nil {
			c.Done(err)
			return err
		}
	}
	o.current.Store(&c.Configuration)
	if c.Serial > 0 {
		o.serial, o.refusal = c.Serial, terroir.Refusal{}
	}
	if err := o.announce(ctx); err != nil {
		c.Done(err)
		return err
	}
	c.Done(nil)
	slog.Info("configuration changed", "sensor", o.Name, "revision", c.Revision, "ports", len(c.Ports), "serial", o.serial)
	return nil
}
