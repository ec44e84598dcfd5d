package sensor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"terroir"
	"terroir/config"
)

// reload reads the configuration again whenever SIGHUP comes, until ctx ends. What is wrong with it is told, and the
// sensor goes on as before.
func (r *running) reload(ctx context.Context, changes chan<- Change) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		if err := r.serve(ctx, changes, r.change); err != nil && ctx.Err() == nil {
			slog.Error("the configuration stays as it was", "sensor", r.cfg.Sensor, "error", err)
		}
	}
}

// change reads what is to be served from now on. What the hub's document says goes before what the file does.
func (r *running) change() (Change, error) {
	text, err := r.outside.configuration()
	if err != nil {
		return Change{}, err
	}
	cfg, err := config.ParseSensor(r.File, text)
	if err != nil {
		return Change{}, err
	}
	if fixed := restartFor(&r.read, &cfg); len(fixed) > 0 {
		slog.Warn("not changed: these keys need a restart", "sensor", r.cfg.Sensor, "keys", strings.Join(fixed, " "))
		cfg.Personas = r.read.Personas
	}
	cfg.Sensor = r.cfg.Sensor // Personas make up the same about themselves.
	c, serial := r.assigned.now(cfg.Configuration())
	if serial > 0 && !slices.Equal(cfg.Configuration().Ports, r.cfg.Configuration().Ports) {
		slog.Warn("not changed: the hub says what is served", "sensor", r.cfg.Sensor, "serial", serial)
	}
	change, err := r.changeTo(&cfg, c)
	change.Serial = serial
	return change, err
}

// restartFor lists the keys that differ and cannot change while the sensor runs: all but the theme and the ports.
func restartFor(old, now *config.Sensor) []string {
	before, after := config.Values(old), config.Values(now)
	var keys []string
	for key, value := range after {
		if value != before[key] && key != "theme" && key != "listen.ports" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// revisions gives each configuration that this sensor serves a number of its own, also after a restart.
type revisions struct {
	file string
}

// revisionRecord is what the file says: the number of the configuration with the digest.
type revisionRecord struct {
	Revision int32
	Digest   string
}

// of is c with its revision: that of the last time when it is the same, or the next. adopt remembers it.
func (r *revisions) of(c terroir.Configuration) (_ terroir.Configuration, adopt func() error, err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return c, nil, err
	}
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	var last revisionRecord
	text, err = os.ReadFile(r.file)
	if err == nil {
		err = json.Unmarshal(text, &last)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: r.file, Message: "cannot read the last revision", Err: err,
			Hint: "remove the file: revisions then begin anew"}
	}
	c.Revision = max(last.Revision, 1)
	if digest == last.Digest {
		return c, func() error { return nil }, nil
	}
	if last.Digest != "" {
		c.Revision++
	}
	return c, func() error {
		text, err := json.Marshal(revisionRecord{c.Revision, digest})
		if err == nil {
			err = writeWhole(r.file, text, 0o644)
		}
		if err != nil {
			return fmt.Errorf("revision: %w", err)
		}
		return nil
	}, nil
}
