package sensor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"terroir"
	"terroir/config"
	"terroir/payload"
	"terroir/payload/tlshello"
	"terroir/sensor/cert"
	"terroir/sensor/listen"
	"terroir/sensor/persona"
	"terroir/sensor/tap"
)

// BoundFile, in a sensor's folder, says what it listens on while it runs: a JSON list of listen.Bound.
const BoundFile = "listen.json"

// RunConfigured runs a sensor as its configuration says until ctx ends. With anyPort, a port that is taken or
// forbidden is served on another one, which BoundFile tells.
func RunConfigured(ctx context.Context, cfg config.Sensor, version string, anyPort bool) error {
	certificate, err := cert.Load(filepath.Join(cfg.Dir, "tls"))
	if err != nil {
		return err
	}
	personas, err := loadPersonas(cfg)
	if err != nil {
		return err
	}
	opt := Options{
		Name: cfg.Sensor, Region: cfg.Region, Version: version, Dir: cfg.Dir, Bus: cfg.Hub, Configuration: cfg.Configuration(),
		SpoolBytes: int64(cfg.Limits.SpoolBytes), Heartbeat: time.Duration(cfg.Heartbeat),
		Listen: listen.Options{
			KeepBytes: int(cfg.Limits.KeepBytes), SessionBytes: int64(cfg.Limits.SessionBytes),
			IdleBefore: time.Duration(cfg.Limits.IdleBefore), IdleAfter: time.Duration(cfg.Limits.IdleAfter),
			MaxAge: time.Duration(cfg.Limits.MaxAge), MaxSessions: cfg.Limits.Sessions, MaxPerSource: cfg.Limits.PerSource,
			MaxPerNetwork: cfg.Limits.PerNetwork, DatagramsPerSecond: cfg.Limits.Datagrams, Proxies: cfg.Proxies(),
			Certificate: certificate, Name: payload.Recognize, Hello: tlshello.Parse, Need: tlshello.Need,
		},
		Ready: func(b []listen.Bound) error { return writeBound(filepath.Join(cfg.Dir, BoundFile), b) },
	}
	for _, a := range cfg.Listen.Addresses {
		opt.Listen.Addresses = append(opt.Listen.Addresses, netip.MustParseAddr(a)) // checked by config
	}
	if cfg.Listen.Answer {
		opt.Listen.Answer = personas.Dialogue
	}
	if anyPort {
		opt.Listen.Fallback = func(p terroir.ServedPort) uint16 {
			slog.Warn("port not free; using another", "sensor", cfg.Sensor, "port", p.String())
			return 0
		}
	}
	if cfg.Tap.Enabled {
		opt.Tap = tapOptions(cfg, opt.Listen.Addresses)
	}
	defer os.Remove(filepath.Join(cfg.Dir, BoundFile))
	return Run(ctx, opt)
}

// loadPersonas reads the shipped personas and those of the configuration's folder, and checks that there is one for every
// port that names one.
func loadPersonas(cfg config.Sensor) (*persona.Set, error) {
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
	for _, p := range cfg.Configuration().Ports {
		if err := set.Check(p.Persona); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	return set, nil
}

func tapOptions(cfg config.Sensor, addresses []netip.Addr) *tap.Options {
	t := &tap.Options{Interface: cfg.Tap.Interface, Interval: time.Duration(cfg.Tap.Interval), ICMP: cfg.Tap.ICMP, Addresses: addresses}
	for _, p := range cfg.Tap.Never {
		t.Never = append(t.Never, uint16(p))
	}
	if port, ok := localHub(cfg.Hub); ok {
		t.Never = append(t.Never, port)
	}
	return t
}

// localHub is the port of a hub on this machine: what arrives there is not for the sensor.
func localHub(address string) (uint16, bool) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, false
	}
	a, err := netip.ParseAddrPort(u.Host)
	return a.Port(), err == nil && a.Addr().IsLoopback()
}

// writeBound writes beside and renames, so that who waits for the file reads all of it.
func writeBound(file string, bound []listen.Bound) error {
	text, err := json.Marshal(bound)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
