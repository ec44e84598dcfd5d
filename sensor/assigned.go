package sensor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nkeys"

	"terroir"
	"terroir/config"
	"terroir/rollout/signed"
)

// AssignedFile, in a sensor's folder, is the last document of the hub's that it accepted, and the key that it believes where
// nobody named one.
const AssignedFile = "configuration.json"

// assigned is what the hub has the sensor serve, and whom the sensor believes about that. Its methods may be called
// concurrently.
type assigned struct {
	sensor, file string
	// known are the keys that are believed now; nil where none is named, and the first one is.
	known func() ([]string, error)

	mu     sync.Mutex
	keeper signed.Keeper
	kept   assignedRecord
}

// assignedRecord is what the file says.
type assignedRecord struct {
	// First is the key that was seen first.
	First string `json:"first,omitempty"`
	// Document is in its envelope.
	Document json.RawMessage `json:"document,omitempty"`
}

// readAssigned reads what was accepted before. A file that cannot be read is told and passed over: the hub has the document.
func readAssigned(sensor, dir string, known func() ([]string, error)) *assigned {
	a := &assigned{sensor: sensor, file: filepath.Join(dir, AssignedFile), known: known}
	a.keeper = signed.Keeper{Sensor: sensor, Trusts: a.trusts}
	text, err := os.ReadFile(a.file)
	if errors.Is(err, fs.ErrNotExist) {
		return a
	}
	var d *signed.Document
	if err == nil {
		err = json.Unmarshal(text, &a.kept)
	}
	if err == nil && len(a.kept.Document) > 0 {
		d, _, err = signed.Open(a.kept.Document, nil) // It was believed when it came; keys are rotated since.
	}
	if err == nil && d != nil && d.Sensor != sensor {
		err = fmt.Errorf("it is for sensor %q", d.Sensor)
	}
	if err != nil {
		slog.Warn("the configuration that the hub gave is lost; the hub gives it again", "sensor", sensor, "file", a.file, "error", err)
		a.kept.Document = nil
		return a
	}
	a.keeper.Last = d
	return a
}

var (
	errNoKey    = errors.New("no key for configurations is known here; name one in configurations.trust")
	errStranger = errors.New("signed by a key that is not the hub's")
)

// trusts returns why the key is not believed. The caller holds mu.
func (a *assigned) trusts(key string) error {
	known, err := a.known()
	switch {
	case err != nil:
		return err
	case known == nil && (a.kept.First == "" || a.kept.First == key), slices.Contains(known, key):
		return nil
	}
	return errStranger
}

// judge is signed.Keeper.Judge.
func (a *assigned) judge(text []byte, now time.Time) (signed.Verdict, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keeper.Judge(text, now)
}

// accept keeps the document, before anybody is told that it is in force.
func (a *assigned) accept(v signed.Verdict, text []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := a.kept
	next.Document = text
	if known, err := a.known(); err == nil && known == nil {
		next.First = v.Key
	}
	out, err := json.Marshal(next)
	if err == nil {
		err = writeSynced(a.file, append(out, '\n'))
	}
	if err != nil {
		return fmt.Errorf("the hub's configuration: %w", err)
	}
	a.kept, a.keeper.Last = next, v.Document
	return nil
}

// last is the document in force, or nil.
func (a *assigned) last() *signed.Document {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keeper.Last
}

// now is what is served by the hub's word at the moment, and by which document; own is what the sensor's file says.
func (a *assigned) now(own terroir.Configuration) (terroir.Configuration, uint64) {
	d := a.last()
	if d == nil {
		return own, 0
	}
	c, err := d.At(time.Now()).Configuration()
	if err != nil { // It was checked.
		return own, 0
	}
	return c, d.Serial
}

// writeSynced is writeWhole for what must be there after the machine's power failed.
func writeSynced(file string, text []byte) error {
	f, err := os.OpenFile(file+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// trusted says whose documents the sensor believes: the key of its configuration, the fleet's, or, of a hub on this machine,
// the first one.
func (r *running) trusted(cfg *config.Sensor) (func() ([]string, error), error) {
	if text := cfg.Configurations.Trust; text != "" {
		key := text
		if strings.Contains(text, ":") {
			var err error
			if key, err = config.Secret(text); err != nil {
				return nil, err
			}
		}
		if !nkeys.IsValidPublicServerKey(key) {
			return nil, &terroir.Error{Code: terroir.ECONFIG, Where: "configurations.trust", Message: "this is not a key for configurations",
				Hint: "it is in the hub's DIR/rollout/key.pub"}
		}
		return func() ([]string, error) { return []string{key}, nil }, nil
	}
	if r.identity != nil {
		return func() ([]string, error) {
			if keys := r.identity.Credentials().Configurations; len(keys) > 0 {
				return keys, nil
			}
			return nil, errNoKey // It joined an earlier version, and learns the keys when it renews.
		}, nil
	}
	hosts, err := hubHosts(cfg.Hub)
	if err != nil {
		return nil, err
	}
	for _, host := range hosts {
		if _, local := localHub(host); !local {
			return func() ([]string, error) { return nil, errNoKey }, nil
		}
	}
	return func() ([]string, error) { return nil, nil }, nil
}
