// Package fleet is the hub's side of trust: it makes the keys of a fleet, the tokens with which sensors join, and the
// credentials with which they are known from then on; and it takes them back.
//
// The keys are those of NATS (decentralised JWT authentication, https://docs.nats.io): an operator vouches for one account,
// in which stream and marks are, and the account's signers vouch for users. A user that is a sensor may publish its own
// events and read its own marks and configurations. TLS has a certificate authority of its own, whose certificate every
// token carries.
//
// Nothing lasts for ever. A sensor's key is renewed well before its end, by the sensor's own question: the old key holds
// until the new one has been used. Signer and authority are a generation of keys; Rotate makes the next one, and for a
// while both hold, within which every sensor that is there changes over. All of this goes by the hub's clock, so that it
// does not matter how late it is at a sensor; only certificates are looked at by the sensor's clock, and hold from a day
// before they were made.
//
// Everything is in files below one folder, so that the commands need no connection to a running hub:
//
//	keys.json           the seeds, and the certificate authority's key: the fleet's secrets
//	tokens/ID.json      a token that can be used
//	members/NAME.json   a sensor that joined
//	removed/KEY.json    a key that is not accepted any more
//	floods/NAME.json    how often a sensor was held up because it sent too much
//	lock                held by whoever changes any of these
package fleet

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"terroir"
)

// Fleet is a folder with keys, tokens and members. Its methods may be called concurrently, also by several processes.
type Fleet struct {
	Settings
	dir string

	mu   sync.Mutex
	keys keys
	// read is when keys.json was last written, as far as was read.
	read time.Time
	// believed is the public key of the newest signer that the server was told of; "" where there is no server.
	believed string
	// held are the keys that are not accepted for now, until when.
	held map[string]time.Time
	// asked bounds how often one sensor or token is answered.
	asked asked
}

// Settings of a fleet. Open sets the defaults.
type Settings struct {
	// Lasts is how long a sensor's credentials hold; they are renewed when a third of it is left. Default 90 days.
	Lasts time.Duration
	// Ask is how often sensors ask whether their credentials are still good; default 1 hour.
	Ask time.Duration
	// Look is how often the folder and the connections are looked at, and so how late a removal takes effect; default 250 ms.
	Look time.Duration
	// Quota bounds what one key may send.
	Quota Quota
}

// Open opens the fleet in the folder, and makes its keys where there are none.
//
// A folder that cannot be used yields an EUNREACHABLE error.
func Open(dir string) (*Fleet, error) {
	f := &Fleet{dir: dir, held: map[string]time.Time{}, asked: asked{},
		Settings: Settings{Lasts: 90 * 24 * time.Hour, Ask: time.Hour, Look: 250 * time.Millisecond, Quota: defaultQuota()}}
	if err := f.open(); err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "cannot use the keys of the fleet", Err: err}
	}
	return f, nil
}

func (f *Fleet) open() error {
	for _, name := range []string{"tokens", "members", "removed", "floods"} {
		if err := os.MkdirAll(filepath.Join(f.dir, name), 0o700); err != nil {
			return err
		}
	}
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := f.readKeys(); err == nil {
		return f.completeKeys()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	k, err := makeKeys()
	if err != nil {
		return err
	}
	return f.writeKeys(k)
}

// lock keeps others, here and in other processes, from changing the folder until the returned function is called.
func (f *Fleet) lock() (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(f.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil // which unlocks it
}

func readJSON(file string, to any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// writeJSON writes beside and renames: who reads the file reads all of it.
func writeJSON(file string, from any) error {
	text, err := json.MarshalIndent(from, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // readable by the owner only
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
