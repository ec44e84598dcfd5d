package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// RenewSubject is where a sensor asks whether its credentials are still good.
func RenewSubject(sensor string) string { return "terroir.renew." + sensor }

// RenewRequest is what a sensor that asks says: the JWT that it has, and the public key that it would have next.
type RenewRequest struct {
	JWT string `json:"jwt"`
	Key string `json:"key"`
}

// RenewAnswer is what the hub says: an error, or a JWT for the next key where there should be one, and by whose
// certificates the hub is known. It also says when to ask again, so that all of this goes by the hub's clock.
type RenewAnswer struct {
	Error   string        `json:"error,omitempty"`
	JWT     string        `json:"jwt,omitempty"`
	CA      []byte        `json:"ca,omitempty"`
	NextCAs [][]byte      `json:"next_cas,omitempty"`
	Again   time.Duration `json:"again,omitempty"`
	// Configurations are the public keys that sign what the sensor is to serve.
	Configurations []string `json:"configurations,omitempty"`
}

// ServeRenewals answers sensors that ask with what f returns for the sensor's name and the request, until the returned
// function is called.
func (b *Bus) ServeRenewals(f func(sensor string, request []byte) []byte) (stop func(), err error) {
	s, err := b.nc.Subscribe(RenewSubject("*"), func(m *nats.Msg) {
		_ = m.Respond(f(strings.TrimPrefix(m.Subject, RenewSubject("")), m.Data)) // Who hears nothing asks again.
	})
	if err != nil {
		return nil, unreachable(b, "cannot serve those who renew", err)
	}
	return func() { _ = s.Unsubscribe() }, nil
}

// Renewal keeps a sensor's credentials good.
type Renewal struct {
	Identity *Identity
	// Keep stores new credentials before they are used.
	Keep func(*Credentials) error
	// Quiet is held while the connection is made anew: who publishes holds it, too, so that no answer is lost. It may be nil.
	Quiet sync.Locker

	// pair is the key that is asked for; it stays the same until the hub has answered. pause is that after a question that
	// was not answered.
	pair  nkeys.KeyPair
	pause time.Duration
}

const (
	// renewSoon is the pause after a question that the hub did not answer; it grows up to renewRarely. renewLater is the one
	// after a question that the hub refused.
	renewSoon, renewRarely, renewLater = 200 * time.Millisecond, time.Minute, time.Hour
	// renewWithin is how long the hub may take to answer, and a connection to be made anew.
	renewWithin = 5 * time.Second
)

// Renew asks the hub again and again whether the credentials are still good, and changes to those that it gives, until ctx
// ends. What cannot be stored is not used.
func (b *Bus) Renew(ctx context.Context, r *Renewal) {
	for ctx.Err() == nil {
		again, err := b.renew(ctx, r)
		if err != nil && ctx.Err() == nil {
			slog.Warn("credentials stay as they are", "sensor", r.Identity.Credentials().Sensor, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// errRefused says that the hub does not renew these credentials.
var errRefused = errors.New("the hub does not renew the credentials")

func (b *Bus) renew(ctx context.Context, r *Renewal) (again time.Duration, err error) {
	old := r.Identity.Credentials()
	a, err := b.askToRenew(ctx, r, &old)
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return r.later(), nil // The hub is away, or of a version that does not renew.
	case errors.Is(err, errRefused):
		return renewLater, err
	case err != nil:
		return r.later(), err
	}
	r.pause = 0
	c := old
	if len(a.CA) > 0 {
		c.CA, c.NextCAs = a.CA, a.NextCAs
	}
	if len(a.Configurations) > 0 {
		c.Configurations = a.Configurations
	}
	if a.JWT != "" {
		seed, err := r.pair.Seed()
		if err != nil {
			return renewLater, err
		}
		c.JWT, c.Seed = a.JWT, string(seed)
	}
	again = max(a.Again, time.Millisecond)
	if reflect.DeepEqual(c, old) {
		return again, nil
	}
	if _, err := c.roots(); err != nil {
		return renewLater, err
	}
	if err := r.Keep(&c); err != nil {
		return r.later(), err
	}
	r.Identity.Set(c)
	if a.JWT == "" {
		return again, nil
	}
	r.pair = nil
	slog.Info("credentials renewed", "sensor", c.Sensor)
	return 0, b.reconnect(ctx, r) // The next question tells the hub that the new key is used.
}

// later is how long to wait after a question in vain.
func (r *Renewal) later() time.Duration {
	r.pause = min(max(2*r.pause, renewSoon), renewRarely)
	return r.pause
}

// Refresh makes the connection anew, with the credentials that hold now.
func (b *Bus) Refresh() error {
	if err := b.nc.ForceReconnect(); err != nil {
		return unreachable(b, "cannot connect anew", err)
	}
	return nil
}

func (b *Bus) askToRenew(ctx context.Context, r *Renewal, c *Credentials) (a RenewAnswer, err error) {
	if r.pair == nil {
		if r.pair, err = nkeys.CreateUser(); err != nil {
			return a, err
		}
	}
	key, err := r.pair.PublicKey()
	if err != nil {
		return a, err
	}
	text, err := json.Marshal(RenewRequest{JWT: c.JWT, Key: key})
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, renewWithin)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, RenewSubject(c.Sensor), text)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, fmt.Errorf("%w: %s", errRefused, a.Error)
	}
	return a, nil
}

// reconnect makes the connection anew, with the credentials that hold now, while nobody publishes.
func (b *Bus) reconnect(ctx context.Context, r *Renewal) error {
	if r.Quiet != nil {
		r.Quiet.Lock()
		defer r.Quiet.Unlock()
	}
	before := b.nc.Stats().Reconnects
	if err := b.nc.ForceReconnect(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, renewWithin)
	defer cancel()
	for b.nc.Stats().Reconnects == before {
		select {
		case <-ctx.Done():
			return nil // It goes on trying.
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}
