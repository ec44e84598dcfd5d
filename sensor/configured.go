package sensor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"terroir"
	"terroir/bus"
	"terroir/config"
	"terroir/fingerprint"
	"terroir/payload/protocol"
	"terroir/payload/tlshello"
	"terroir/sensor/cert"
	"terroir/sensor/explore"
	"terroir/sensor/listen"
	"terroir/sensor/monitor"
	"terroir/sensor/persona"
	"terroir/sensor/tap"
)

// BoundFile, in a sensor's folder, says what it listens on while it runs: a JSON list of listen.Bound.
const BoundFile = "listen.json"

// Program is a process that is a sensor.
type Program struct {
	// File is its configuration; "" stands for an empty one.
	File string
	// Version of the program.
	Version string
	// AnyPort serves a port that is taken or forbidden on another one, which BoundFile tells.
	AnyPort bool
}

// Run makes the process the sensor that the configuration describes until ctx ends. It gives up the superuser, and all
// else that a sensor does not need, for the rest of the process. On SIGHUP it reads the configuration again and opens
// and closes the ports that differ.
//
// Errors are those of config.LoadSensor and of the package's Run.
func (p Program) Run(ctx context.Context) error {
	cfg, err := config.LoadSensor(p.File)
	if err != nil {
		return err
	}
	limitMemory(&cfg)
	r := &running{Program: p, read: cfg}
	if err := r.member(ctx, &cfg); err != nil {
		return err
	}
	r.cfg = cfg
	known, err := r.trusted(&cfg)
	if err != nil {
		return err
	}
	r.assigned = &assigned{}
	if cfg.Configurations.Accept {
		r.assigned = readAssigned(cfg.Sensor, cfg.Dir, known)
	}
	set, err := readPersonas(&cfg, cfg.Configuration())
	if err != nil {
		return err
	}
	r.personas.Store(set)
	if r.outside, err = isolate(&cfg, p.File); err != nil {
		return err
	}
	defer r.outside.Close()
	opt, err := r.options()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-r.outside.ended():
			stop(monitor.ErrEnded)
		case <-ctx.Done():
		}
	}()
	go func() {
		if awaitNotice(ctx, cfg.Dir) {
			slog.Info("the machine will soon be gone; ending", "sensor", cfg.Sensor)
			stop(nil)
		}
	}()
	changes, refusals := make(chan Change), make(chan terroir.Refusal)
	opt.Changes, opt.Refusals = changes, refusals
	if cfg.Configurations.Accept {
		opt.Receive = (&receiver{running: r, changes: changes, refusals: refusals}).run
	}
	go r.reload(ctx, changes)
	defer os.Remove(filepath.Join(cfg.Dir, BoundFile))
	err = Run(ctx, opt)
	if errors.Is(context.Cause(ctx), monitor.ErrEnded) {
		err = errors.Join(monitor.ErrEnded, err)
	}
	return err
}

// running is a sensor's process.
type running struct {
	Program
	// read is the configuration as it was read, cfg with what the fleet says of the sensor.
	read, cfg config.Sensor
	identity  *bus.Identity // nil for a sensor that did not join
	remote    []nats.Option // what a bus without a fleet asks for
	outside   outside
	personas  atomic.Pointer[persona.Set]
	revision  revisions
	assigned  *assigned
	serves    serving
	changing  sync.Mutex // One change is made after the other.
}

// options are what the configuration says.
func (r *running) options() (Options, error) {
	cfg := &r.cfg
	certificate, err := cert.Load(filepath.Join(cfg.Dir, "tls"))
	if err != nil {
		return Options{}, err
	}
	r.revision = revisions{file: filepath.Join(cfg.Dir, "revision.json")}
	configuration, serial := r.assigned.now(cfg.Configuration())
	if configuration, err = r.adopt(configuration); err != nil {
		return Options{}, err
	}
	opt := Options{
		Name: cfg.Sensor, Region: cfg.Region, Version: r.Version, Dir: cfg.Dir, Bus: cfg.Hub, Configuration: configuration, Serial: serial,
		Own:        func() (terroir.Configuration, error) { return r.adopt(cfg.Configuration()) },
		SpoolBytes: int64(cfg.Limits.SpoolBytes), Heartbeat: time.Duration(cfg.Heartbeat), Drain: time.Duration(cfg.Drain),
		Listen: listenOptions(cfg, certificate), BusOptions: r.busOptions(), Renewal: r.renewal(),
		Confine: func() error { return confineSensor(cfg) },
		Ready:   func(b []listen.Bound) error { return writeBound(filepath.Join(cfg.Dir, BoundFile), b) },
	}
	if cfg.Listen.Answer {
		opt.Listen.Answer = func(p terroir.ServedPort, seed uint64) terroir.Dialogue { return r.personas.Load().Dialogue(p, seed) }
	}
	if r.AnyPort {
		opt.Listen.Fallback = func(p terroir.ServedPort) uint16 {
			slog.Warn("port not free; using another", "sensor", cfg.Sensor, "port", p.String())
			return 0
		}
	}
	if cfg.Tap.Enabled {
		opt.Tap = tapOptions(cfg, opt.Listen.Addresses)
	}
	if x := &cfg.Explore; x.Ports > 0 {
		opt.Explore = &explore.Options{Ports: x.Ports, Hold: time.Duration(x.Hold), Minutes: x.Minutes, Never: opt.Tap.Never}
	}
	return opt, nil
}

// adopt gives c its revision and notes that it is served.
func (r *running) adopt(c terroir.Configuration) (terroir.Configuration, error) {
	c, adopt, err := r.revision.of(c)
	if err == nil {
		err = adopt()
	}
	r.serves.set(c)
	return c, err
}

// spareDescriptors are for the spool, the bus, the tap and what the runtime needs.
const spareDescriptors = 64

// sessionsWithin is how many sessions there can be, with the listeners and all else that needs descriptors.
func sessionsWithin(cfg *config.Sensor, descriptors uint64) int {
	addresses := max(len(cfg.Listen.Addresses), 2)
	others := (len(cfg.Configuration().Ports)+cfg.Explore.Ports)*addresses + spareDescriptors
	return min(cfg.Limits.Sessions, max(int(min(descriptors, 1<<30))-others, 1))
}

// limitMemory makes the runtime collect garbage rarely while there is room, and in time when there is little.
func limitMemory(cfg *config.Sensor) {
	debug.SetMemoryLimit(int64(cfg.Limits.Memory))
	debug.SetGCPercent(400)
}

// sessions is how many there may be here.
func sessions(cfg *config.Sensor) int {
	limit, ok := descriptorLimit()
	if !ok {
		return cfg.Limits.Sessions
	}
	n := sessionsWithin(cfg, limit)
	if n < cfg.Limits.Sessions {
		slog.Warn("fewer sessions than configured: there are not enough descriptors", "sensor", cfg.Sensor, "sessions", n, "do", "terroir doctor")
	}
	return n
}

func listenOptions(cfg *config.Sensor, certificate tls.Certificate) listen.Options {
	opt := listen.Options{
		KeepBytes: int(cfg.Limits.KeepBytes), SessionBytes: int64(cfg.Limits.SessionBytes),
		IdleBefore: time.Duration(cfg.Limits.IdleBefore), IdleAfter: time.Duration(cfg.Limits.IdleAfter),
		MaxAge: time.Duration(cfg.Limits.MaxAge), MaxSessions: sessions(cfg), MaxHeld: int64(cfg.Limits.Memory) / 4, MaxPerSource: cfg.Limits.PerSource,
		MaxPerNetwork: cfg.Limits.PerNetwork, DatagramsPerSecond: cfg.Limits.Datagrams, Proxies: cfg.Proxies(),
		Certificate: certificate, Name: protocol.Recognize, Hello: tlshello.Parse, Need: tlshello.Need, Fingerprint: fingerprint.SYN,
	}
	for _, a := range cfg.Listen.Addresses {
		opt.Addresses = append(opt.Addresses, netip.MustParseAddr(a)) // checked by config
	}
	return opt
}

// readPersonas reads the shipped personas and those of the configuration's folder, and checks that there is one for every
// port of c that names one.
func readPersonas(cfg *config.Sensor, c terroir.Configuration) (*persona.Set, error) {
	set, err := persona.Builtin(cfg.Sensor)
	if err != nil {
		return nil, err
	}
	if cfg.Personas != "" {
		if _, err := os.Stat(cfg.Personas); err != nil {
			return nil, &terroir.Error{Code: terroir.ECONFIG, Where: cfg.Personas, Message: "cannot read the folder of personas", Err: err}
		}
		if err := set.Load(os.DirFS(cfg.Personas), "."); err != nil {
			return nil, err
		}
	}
	for _, p := range c.Ports {
		if err := set.Check(p.Persona); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	return set, nil
}

func tapOptions(cfg *config.Sensor, addresses []netip.Addr) *tap.Options {
	t := &tap.Options{Interface: cfg.Tap.Interface, Interval: time.Duration(cfg.Tap.Interval), ICMP: cfg.Tap.ICMP, Addresses: addresses}
	for _, p := range cfg.Tap.Never {
		t.Never = append(t.Never, uint16(p))
	}
	hosts, _ := hubHosts(cfg.Hub) // checked by config
	for _, host := range hosts {
		if port, ok := localHub(host); ok {
			t.Never = append(t.Never, port)
		}
	}
	return t
}

// localHub is the port of a hub on this machine: what arrives there is not for the sensor.
func localHub(host string) (uint16, bool) {
	name, text, err := net.SplitHostPort(host)
	if err != nil {
		return 0, false
	}
	port, err := strconv.ParseUint(text, 10, 16)
	a, named := netip.ParseAddr(name)
	return uint16(port), err == nil && (name == "localhost" || named == nil && a.IsLoopback())
}

// busOptions are about how the hub is reached, and how sensor and hub know each other.
func (r *running) busOptions() []nats.Option {
	options := r.outside.busOptions()
	if r.identity != nil {
		options = append(options, r.identity.Options()...)
	}
	return append(options, r.remote...)
}

func writeBound(file string, bound []listen.Bound) error {
	text, err := json.Marshal(bound)
	if err != nil {
		return err
	}
	return writeWhole(file, append(text, '\n'), 0o644)
}

// writeWhole writes beside and renames, so that who reads the file reads all of it.
func writeWhole(file string, text []byte, mode os.FileMode) error {
	if err := os.WriteFile(file+".new", text, mode); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
