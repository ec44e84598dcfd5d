// Package rollout is the hub's side of what sensors serve: overlays become documents, first for a few sensors of a region (the
// canaries) and then for the others, and go away again when the canaries fail.
//
// Everything is in files below one folder, DIR/rollout, so that the commands need no connection to a running hub:
//
//	history.jsonl         what was done, one entry a line, never changed: see Entry
//	documents/NAME.json   what the sensor is to serve; the hub signs it and puts it on the bus
//	sensors/NAME.json     what the hub has heard of the sensor
//	regions/NAME.lock     held by the command that rolls out in the region
//	key, key.pub          what signs where the hub has no fleet
//	serving               held by the hub while it looks after the folder
//	lock                  held by whoever adds to the history
//
// A command writes down what it is about to do, and only then does it. So whoever reads the history, after a command was
// killed, knows what every sensor has or will have.
package rollout

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"terroir"
	"terroir/hub"
	"terroir/rollout/signed"
)

// Folder is where the state is. Its methods may be called concurrently, also by several processes.
type Folder struct{ dir string }

// Open opens the folder, and makes it where there is none.
//
// A folder that cannot be used yields an EUNREACHABLE error.
func Open(dir string) (*Folder, error) {
	f := &Folder{dir}
	for _, name := range []string{"documents", "sensors", "regions"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, f.broken(err)
		}
	}
	return f, nil
}

func (f *Folder) broken(err error) error {
	return &terroir.Error{Code: terroir.EUNREACHABLE, Where: f.dir, Message: "cannot use the folder of rollouts", Err: err}
}

func (f *Folder) path(parts ...string) string {
	return filepath.Join(append([]string{f.dir}, parts...)...)
}

// Sensor is what the hub has heard of a sensor.
type Sensor struct {
	hub.Sensor
	// Base is what it serves by its own file: what it told last without a document. Overlays lie over it.
	Base terroir.Configuration
}

// Sensors lists those that the hub has heard of, by name.
func (f *Folder) Sensors() ([]Sensor, error) {
	names, err := f.names("sensors")
	if err != nil {
		return nil, err
	}
	var list []Sensor
	for _, name := range names {
		s, err := f.sensor(name)
		if err != nil {
			return nil, err
		}
		if s != nil {
			list = append(list, *s)
		}
	}
	return list, nil
}

// sensor is what the hub has heard of the sensor, or nil.
func (f *Folder) sensor(name string) (*Sensor, error) {
	s := &Sensor{}
	err := readJSON(f.path("sensors", name+".json"), s)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, f.broken(err)
	}
	return s, nil
}

func (f *Folder) writeSensor(s *Sensor) error {
	return writeJSON(f.path("sensors", s.Name+".json"), s, false)
}

// Wanted is what a sensor is to serve.
type Wanted struct {
	Sensor  string          `json:"sensor"`
	Serial  uint64          `json:"serial"`
	Periods []signed.Period `json:"periods"`
}

// wanted is what the sensor is to serve, or nil where nobody said.
func (f *Folder) wanted(sensor string) (*Wanted, error) {
	w := &Wanted{}
	err := readJSON(f.path("documents", sensor+".json"), w)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, f.broken(err)
	}
	return w, nil
}

// want has the hub tell the sensor. What is newer already stays.
func (f *Folder) want(w *Wanted) error {
	before, err := f.wanted(w.Sensor)
	if err != nil || before != nil && before.Serial >= w.Serial {
		return err
	}
	if err := writeJSON(f.path("documents", w.Sensor+".json"), w, true); err != nil {
		return f.broken(err)
	}
	return nil
}

// names lists the names that have a file in a part of the folder.
func (f *Folder) names(part string) ([]string, error) {
	entries, err := os.ReadDir(f.path(part))
	if err != nil {
		return nil, f.broken(err)
	}
	var list []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && terroir.ValidateName("sensor", name) == nil {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list, nil
}

// errHeld says that another process has the lock.
var errHeld = errors.New("held by another process")

// hold takes a lock until the returned function is called, or the process ends. Without wait it yields errHeld where
// somebody has it.
func (f *Folder) hold(wait bool, parts ...string) (release func(), err error) {
	file, err := os.OpenFile(f.path(parts...), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, f.broken(err)
	}
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errHeld
		}
		return nil, f.broken(err)
	}
	return func() { file.Close() }, nil
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// writeJSON writes beside and renames. sync has it on disk before it returns.
func writeJSON(file string, what any, sync bool) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return writeFile(file, append(text, '\n'), 0o600, sync)
}

func writeFile(file string, text []byte, mode fs.FileMode, sync bool) error {
	next, err := os.CreateTemp(filepath.Dir(file), ".next-*")
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	if err == nil {
		err = next.Chmod(mode)
	}
	if err == nil && sync {
		err = next.Sync()
	}
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	if sync {
		return syncDir(filepath.Dir(file))
	}
	return nil
}

// syncDir has the names in the folder on disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
