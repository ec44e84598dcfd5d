package fleet

import (
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"terroir/bus"
	"terroir/bus/server"
)

// Authority says whom a bus is to believe now: those who were removed are not. It has no TLS.
func (f *Fleet) Authority() (*server.Trust, error) {
	operator, err := nkeys.FromSeed(f.keys.Operator)
	if err != nil {
		return nil, err
	}
	system, err := public(f.keys.System)
	if err != nil {
		return nil, err
	}
	account, err := public(f.keys.Account)
	if err != nil {
		return nil, err
	}
	operatorKey, err := operator.PublicKey()
	if err != nil {
		return nil, err
	}
	a := &server.Trust{Operator: jwt.NewOperatorClaims(operatorKey), System: system, Accounts: map[string]string{}}
	a.Operator.SystemAccount = system
	if a.Accounts[system], err = jwt.NewAccountClaims(system).Encode(operator); err != nil {
		return nil, err
	}
	claims, err := f.accountClaims(account)
	if err != nil {
		return nil, err
	}
	a.Accounts[account], err = claims.Encode(operator)
	return a, err
}

func (f *Fleet) accountClaims(account string) (*jwt.AccountClaims, error) {
	c := jwt.NewAccountClaims(account)
	c.Name = "terroir"
	c.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	removed, err := f.removed()
	if err != nil {
		return nil, err
	}
	for _, r := range removed {
		c.RevokeAt(r.Key, r.Removed)
	}
	return c, nil
}

func public(seed []byte) (string, error) {
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		return "", err
	}
	return pair.PublicKey()
}

// HubCredentials are the hub's own: it may do everything.
func (f *Fleet) HubCredentials(at string) (*bus.Credentials, error) {
	key, err := public(f.keys.Hub)
	if err != nil {
		return nil, err
	}
	text, err := f.vouch(jwt.NewUserClaims(key))
	return &bus.Credentials{Sensor: "hub", Hub: at, CA: f.keys.Authority, JWT: text, Seed: string(f.keys.Hub)}, err
}

func (f *Fleet) vouch(c *jwt.UserClaims) (string, error) {
	account, err := nkeys.FromSeed(f.keys.Account)
	if err != nil {
		return "", err
	}
	text, err := c.Encode(account)
	if err != nil {
		return "", fmt.Errorf("fleet: %w", err)
	}
	return text, nil
}

// maxSubscriptions is how many a sensor needs at most.
const maxSubscriptions = 8

// sensorClaims let the key publish the sensor's events and read its marks.
func sensorClaims(key, sensor string) *jwt.UserClaims {
	c := jwt.NewUserClaims(key)
	c.Name = sensor
	c.Permissions.Pub.Allow.Add(bus.EventsSubject(sensor), bus.MarkRequest(sensor))
	c.Permissions.Sub.Allow.Add(bus.InboxOf(sensor)+".>", bus.MarkSubject(sensor))
	c.Limits.Payload = bus.MaxMessage
	c.Limits.Subs = maxSubscriptions
	return c
}

// tokenClaims let the key ask for credentials.
func tokenClaims(key, id string, expires time.Time) *jwt.UserClaims {
	c := jwt.NewUserClaims(key)
	c.Name = "join-" + id
	c.Expires = expires.Unix()
	c.Permissions.Pub.Allow.Add(bus.JoinSubject(id))
	c.Permissions.Sub.Allow.Add(bus.InboxOf("join-"+id) + ".>")
	c.Limits.Subs = maxSubscriptions
	return c
}
