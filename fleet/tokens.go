package fleet

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"terroir"
	"terroir/bus"
)

// Grant is what a token gives.
type Grant struct {
	ID string `json:"id"`
	// Sensor is the name that the sensor gets, Region where it stands. In a group the name gets an ending of its own for
	// each machine.
	Sensor string `json:"sensor"`
	Region string `json:"region"`
	Group  bool   `json:"group"`
	// Left is how many may still join with it; Expires is when nobody may any more.
	Left    int       `json:"left"`
	Expires time.Time `json:"expires"`
}

// CreateToken makes a token for sensors that reach the hub's bus at the address. It fills in the grant's ID.
//
// A grant that makes no sense yields an EINVALID error.
func (f *Fleet) CreateToken(g Grant, hub string) (*bus.Token, error) {
	name := g.Sensor
	if g.Group {
		name += "-" + random()
	}
	for what, name := range map[string]string{"sensor": name, "region": g.Region} {
		if err := terroir.ValidateName(what, name); err != nil {
			return nil, err
		}
	}
	if g.Left < 1 || !g.Group && g.Left > 1 || !g.Expires.After(time.Now()) {
		return nil, &terroir.Error{Code: terroir.EINVALID, Message: "a token is for one sensor, or for a group of at least one, and expires later than now"}
	}
	g.ID = random()
	seed, key, err := makeKey(nkeys.CreateUser)
	if err != nil {
		return nil, err
	}
	text, err := f.vouch(tokenClaims(key, g.ID, g.Expires))
	if err != nil {
		return nil, err
	}
	if err := f.write("tokens", g.ID, &g); err != nil {
		return nil, err
	}
	t := &bus.Token{ID: g.ID, Hub: hub, JWT: text, Seed: string(seed)}
	t.CA, t.NextCAs = f.authorities()
	return t, nil
}

func random() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // It never fails.
	return hex.EncodeToString(b[:])
}

// Member is a sensor that joined.
type Member struct {
	Sensor string    `json:"sensor"`
	Region string    `json:"region"`
	Key    string    `json:"key"`
	Token  string    `json:"token"`
	Joined time.Time `json:"joined"`
	// Expires is when its credentials end unless it renews them; zero for those that do not end.
	Expires time.Time `json:"expires,omitzero"`
	// Next is the key that it was given and has not used yet.
	Next        string    `json:"next,omitempty"`
	NextExpires time.Time `json:"next_expires,omitzero"`
	// Removed is when it was removed; zero for those who are in.
	Removed time.Time `json:"removed,omitzero"`
}

// Members lists the sensors that joined, by name.
func (f *Fleet) Members() ([]Member, error) {
	list, err := readAll[Member](f.folder("members"))
	slices.SortFunc(list, func(a, b Member) int { return cmp.Compare(a.Sensor, b.Sensor) })
	return list, err
}

// Tokens lists the tokens that can be used, by the names that they give.
func (f *Fleet) Tokens() ([]Grant, error) {
	list, err := readAll[Grant](f.folder("tokens"))
	list = slices.DeleteFunc(list, func(g Grant) bool { return g.Left < 1 || !g.Expires.After(time.Now()) })
	slices.SortFunc(list, func(a, b Grant) int { return cmp.Or(cmp.Compare(a.Sensor, b.Sensor), cmp.Compare(a.ID, b.ID)) })
	return list, err
}

func (f *Fleet) removed() ([]Member, error) { return readAll[Member](f.folder("removed")) }

// Remove takes the sensor out of the fleet: a running hub ends its connection within a second, and its keys are never
// accepted again. Events that it sent stay.
//
// A name that is not in the fleet yields an ENOTFOUND error.
func (f *Fleet) Remove(sensor string) error {
	if err := terroir.ValidateName("sensor", sensor); err != nil {
		return err
	}
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	m, err := f.memberNamed(sensor)
	if err != nil {
		return err
	}
	if err := errors.Join(f.revoke(m, m.Key), f.revoke(m, m.Next)); err != nil {
		return err
	}
	return os.Remove(f.file("members", sensor))
}

func (f *Fleet) memberNamed(sensor string) (m Member, err error) {
	err = readJSON(f.file("members", sensor), &m)
	if errors.Is(err, fs.ErrNotExist) {
		err = &terroir.Error{Code: terroir.ENOTFOUND, Message: fmt.Sprintf("there is no sensor %q in the fleet", sensor), Hint: "terroir fleet ls"}
	}
	return m, err
}

// revoke has the key of the member never accepted again; "" is none.
func (f *Fleet) revoke(m Member, key string) error {
	if key == "" {
		return nil
	}
	m.Key, m.Next, m.Removed = key, "", time.Now().UTC()
	return f.write("removed", key, &m)
}

// join gives the key credentials by the token's grant. A key that asks again, because an answer was lost, gets the same.
func (f *Fleet) join(id, key string) (bus.JoinAnswer, error) {
	if !nkeys.IsValidPublicUserKey(key) || strings.ContainsAny(id, "/.") {
		return bus.JoinAnswer{}, errors.New("not a key")
	}
	unlock, err := f.lock()
	if err != nil {
		return bus.JoinAnswer{}, err
	}
	defer unlock()
	var g Grant
	if err := readJSON(f.file("tokens", id), &g); err != nil {
		return bus.JoinAnswer{}, errors.New("there is no such token")
	}
	m, err := f.member(&g, key)
	if err != nil {
		return bus.JoinAnswer{}, err
	}
	known, err := f.ConfigurationKeys()
	if err != nil {
		return bus.JoinAnswer{}, err
	}
	text, err := f.vouch(sensorClaims(key, m.Sensor, m.Expires))
	return bus.JoinAnswer{JWT: text, Sensor: m.Sensor, Region: m.Region, Configurations: known}, err
}

func (f *Fleet) member(g *Grant, key string) (Member, error) {
	members, err := f.Members()
	if err != nil {
		return Member{}, err
	}
	for _, m := range members {
		if m.Key == key {
			return m, nil
		}
	}
	switch {
	case !g.Expires.After(time.Now()):
		return Member{}, errors.New("the token has expired")
	case g.Left < 1:
		return Member{}, errors.New("the token is used up")
	}
	now := time.Now().UTC()
	m := Member{Sensor: g.Sensor, Region: g.Region, Key: key, Token: g.ID, Joined: now, Expires: now.Add(f.Lasts)}
	if g.Group {
		m.Sensor += "-" + random()
	}
	for _, other := range members {
		if other.Sensor == m.Sensor {
			return Member{}, fmt.Errorf("there is a sensor %q already: remove it first", m.Sensor)
		}
	}
	g.Left--
	if err := f.write("tokens", g.ID, g); err != nil { // Rather a use too few than one too many.
		return Member{}, err
	}
	return m, f.write("members", m.Sensor, &m)
}

func (f *Fleet) folder(kind string) string { return filepath.Join(f.dir, kind) }

func (f *Fleet) file(kind, name string) string { return filepath.Join(f.dir, kind, name+".json") }

func (f *Fleet) write(kind, name string, what any) error {
	if err := writeJSON(f.file(kind, name), what); err != nil {
		return &terroir.Error{Code: terroir.EUNREACHABLE, Where: f.dir, Message: "cannot write", Err: err}
	}
	return nil
}

func readAll[T any](dir string) ([]T, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var list []T
	for _, name := range names {
		var x T
		err := readJSON(name, &x)
		if errors.Is(err, fs.ErrNotExist) {
			continue // Somebody took it away meanwhile.
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, x)
	}
	return list, nil
}
