package sensor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"terroir"
	"terroir/rollout/signed"
)

// hubKey is a key for configurations.
func hubKey(t *testing.T) nkeys.KeyPair {
	t.Helper()
	k, err := nkeys.CreateServer()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// document is one for the sensor paris-1 that serves a port.
func document(t *testing.T, k nkeys.KeyPair, serial uint64, port uint16) []byte {
	t.Helper()
	text, err := signed.Sign(&signed.Document{Serial: serial, Sensor: "paris-1", Issued: time.Now(), Expires: time.Now().Add(time.Hour),
		Periods: []signed.Period{{Theme: "none", Ports: []signed.Port{{Port: port, Transport: "tcp"}}}}}, k)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// take judges the document and accepts it where it is good and new.
func take(a *assigned, text []byte) error {
	v, err := a.judge(text, time.Now())
	if err == nil && !v.Known {
		err = a.accept(v, text)
	}
	return err
}

// anybody names no key.
func anybody() ([]string, error) { return nil, nil }

func TestTheFirstKeyOnLoopbackIsTheOnlyOne(t *testing.T) {
	dir, first, second := t.TempDir(), hubKey(t), hubKey(t)
	a := readAssigned("paris-1", dir, anybody)
	if err := take(a, document(t, first, 1, 1)); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*assigned{a, readAssigned("paris-1", dir, anybody)} {
		if err := take(a, document(t, second, 2, 2)); err != errStranger {
			t.Errorf("a second key: %v", err)
		}
	}
	if err := take(a, document(t, first, 3, 3)); err != nil {
		t.Errorf("the first key again: %v", err)
	}
}

func TestNamedKeysGoBeforeTheFirstOne(t *testing.T) {
	dir, first, second := t.TempDir(), hubKey(t), hubKey(t)
	if err := take(readAssigned("paris-1", dir, anybody), document(t, first, 1, 1)); err != nil {
		t.Fatal(err)
	}
	key, err := second.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	a := readAssigned("paris-1", dir, func() ([]string, error) { return []string{key}, nil })
	if err := take(a, document(t, first, 2, 2)); err != errStranger {
		t.Errorf("the first one, with another named: %v", err)
	}
	if err := take(a, document(t, second, 2, 2)); err != nil {
		t.Errorf("the named one: %v", err)
	}
	if err := take(readAssigned("paris-1", t.TempDir(), func() ([]string, error) { return nil, errNoKey }), document(t, first, 1, 1)); err != errNoKey {
		t.Errorf("no key is known: %v", err)
	}
}

func TestWhatWasAcceptedHoldsAfterARestart(t *testing.T) {
	dir, hub := t.TempDir(), hubKey(t)
	own := terroir.Containers()
	a := readAssigned("paris-1", dir, anybody)
	if c, serial := a.now(own); serial != 0 || len(c.Ports) != len(own.Ports) {
		t.Errorf("before: %d %v", serial, c)
	}
	if err := take(a, document(t, hub, 5, 7)); err != nil {
		t.Fatal(err)
	}
	a = readAssigned("paris-1", dir, func() ([]string, error) { return nil, errNoKey }) // Its key is rotated since.
	if c, serial := a.now(own); serial != 5 || len(c.Ports) != 1 || c.Ports[0].Port != 7 {
		t.Errorf("after: %d %v", serial, c)
	}
	a = readAssigned("paris-1", dir, anybody)
	for serial := uint64(1); serial <= 5; serial++ {
		if err := take(a, document(t, hub, serial, 8)); err == nil || !strings.Contains(err.Error(), "not newer than 5") {
			t.Errorf("serial %d: %v", serial, err)
		}
	}
}

// TestAFolderThatWasPutBack holds the sensor to what the folder says; what came between is refused only by its age, and the
// hub's last one is taken again.
func TestAFolderThatWasPutBack(t *testing.T) {
	dir, hub := t.TempDir(), hubKey(t)
	a := readAssigned("paris-1", dir, anybody)
	file := filepath.Join(dir, AssignedFile)
	if err := take(a, document(t, hub, 2, 2)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	last := document(t, hub, 4, 4)
	if err := take(a, last); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, before, 0o644); err != nil {
		t.Fatal(err)
	}
	a = readAssigned("paris-1", dir, anybody)
	if err := take(a, document(t, hub, 1, 1)); err == nil {
		t.Error("one from before is accepted")
	}
	if err := take(a, last); err != nil || a.last().Serial != 4 {
		t.Errorf("the last one: %v", err)
	}
}

func TestADamagedFileIsPassedOver(t *testing.T) {
	hub := hubKey(t)
	for name, text := range map[string]string{"empty": "", "no JSON": "\x00", "no document": `{"first":"N"}`, "half": `{"document":{"key":"N"`,
		"another sensor's": `{"document":` + string(document(t, hub, 1, 1)) + `}`} {
		dir, sensor := t.TempDir(), "paris-1"
		if name == "another sensor's" {
			sensor = "paris-2"
		}
		if err := os.WriteFile(filepath.Join(dir, AssignedFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, serial := readAssigned(sensor, dir, anybody).now(terroir.Containers()); serial != 0 {
			t.Errorf("%s: serial %d", name, serial)
		}
	}
}
