package sensor

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"terroir"
	"terroir/config"
	"terroir/sensor/confine"
	"terroir/sensor/monitor"
)

// outside is the way to what lies outside of the sensor: by its monitor or, without one, directly.
type outside struct {
	monitor *monitor.Client
	file    string
}

// Close ends the monitor.
func (o outside) Close() {
	if o.monitor != nil {
		_ = o.monitor.Close()
	}
}

// ended is closed when the way out is gone for good.
func (o outside) ended() <-chan struct{} {
	if o.monitor == nil {
		return nil
	}
	return o.monitor.Ended()
}

func (o outside) busOptions() []nats.Option {
	if o.monitor == nil {
		return nil
	}
	// The monitor resolves the hub's name, and connects to no other server that the hub may tell of.
	return []nats.Option{nats.SetCustomDialer(o.monitor), nats.SkipHostLookup(), nats.IgnoreDiscoveredServers()}
}

func (o outside) configuration() ([]byte, error) {
	if o.monitor != nil {
		return o.monitor.Configuration()
	}
	if o.file == "" {
		return nil, nil
	}
	return os.ReadFile(o.file)
}

// isolate starts the monitor and makes the process an ordinary user's, before anything is opened.
func isolate(cfg *config.Sensor, file string) (outside, error) {
	o := outside{file: file}
	if !cfg.Confine.Enabled {
		return o, nil
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return o, &terroir.Error{Code: terroir.EUNREACHABLE, Where: cfg.Dir, Message: "cannot make the sensor's folder", Err: err}
	}
	id, err := identity(cfg)
	if err != nil {
		return o, err
	}
	hosts, err := hubHosts(cfg.Hub)
	if err != nil {
		return o, err
	}
	o.monitor, err = monitor.Start(monitor.Options{Hubs: hosts, File: absolute(file), UID: id.UID, GID: id.GID})
	if err != nil {
		return o, lacking(cfg, err)
	}
	if id.UID == 0 {
		return o, nil
	}
	if err := confine.Own(cfg.Dir, id); err != nil {
		return o, err
	}
	return o, confine.Become(id)
}

// identity is whom a superuser's process becomes; the zero one, if it stays who it is.
func identity(cfg *config.Sensor) (confine.Identity, error) {
	if os.Geteuid() != 0 {
		return confine.Identity{}, nil
	}
	id, err := confine.Find(cfg.Confine.User)
	if err == nil {
		err = confine.Reaches(id, cfg.Dir)
	}
	if err == nil {
		return id, nil
	}
	err = &terroir.Error{Code: terroir.ECONFIG, Where: "confine.user", Message: "cannot become an ordinary user", Err: err,
		Hint: "useradd --system terroir, and a dir that it reaches, such as /var/lib/terroir"}
	if cfg.Confine.User != "" {
		return confine.Identity{}, err
	}
	return confine.Identity{}, lacking(cfg, err)
}

// confineSensor gives up what a sensor does not need, now that everything is open.
func confineSensor(cfg *config.Sensor) error {
	if !cfg.Confine.Enabled {
		return nil
	}
	rules := confine.Rules{ReadFiles: []string{os.DevNull}, WriteFolders: []string{cfg.Dir}}
	if cfg.Personas != "" {
		rules.ReadFolders = []string{cfg.Personas}
	}
	for _, step := range []func() error{confine.KeepOnly, confine.NoNewPrivileges, func() error { return confine.Paths(rules) }, confine.Calls} {
		if err := step(); err != nil {
			if err := lacking(cfg, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// lacking says what could not be given up; it is an error where the configuration requires it.
func lacking(cfg *config.Sensor, err error) error {
	if cfg.Confine.Required {
		var known *terroir.Error
		if errors.As(err, &known) {
			return err
		}
		return &terroir.Error{Code: terroir.ECONFIG, Where: "confine.required", Message: "the sensor cannot be confined", Err: err, Hint: "terroir doctor says what is missing"}
	}
	slog.Warn("confined less than it could be", "sensor", cfg.Sensor, "missing", err, "do", "terroir doctor")
	return nil
}

// defaultBusPort is NATS's.
const defaultBusPort = "4222"

// hubHosts are the hosts and ports of the hub's servers.
func hubHosts(list string) ([]string, error) {
	var hosts []string
	for _, address := range config.Servers(list) {
		u, err := url.Parse(address)
		if err != nil {
			return nil, fmt.Errorf("hub: %w", err)
		}
		port := u.Port()
		if port == "" {
			port = defaultBusPort
		}
		hosts = append(hosts, net.JoinHostPort(u.Hostname(), port))
	}
	return hosts, nil
}

func absolute(file string) string {
	if abs, err := filepath.Abs(file); file != "" && err == nil {
		return abs
	}
	return file
}
