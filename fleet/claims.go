package fleet

import (
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"terroir/bus"
	"terroir/bus/server"
)

// Authority says whom a bus is to believe now: those who were removed are not. It has no TLS.
func (f *Fleet) Authority() (*server.Trust, error) {
	k := f.snapshot()
	operator, err := nkeys.FromSeed(k.Operator)
	if err != nil {
		return nil, err
	}
	system, err := public(k.System)
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
	claims, err := f.accountClaims(k.AccountID)
	if err != nil {
		return nil, err
	}
	a.Accounts[k.AccountID], err = claims.Encode(operator)
	return a, err
}

// forGood is later than any clock has it: what was issued before it is everything.
var forGood = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (f *Fleet) accountClaims(account string) (*jwt.AccountClaims, error) {
	c := jwt.NewAccountClaims(account)
	c.Name = "terroir"
	c.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	own := false
	for _, g := range f.holding() {
		signer, err := public(g.Signer)
		if err != nil {
			return nil, err
		}
		if signer == account {
			own = true
			continue
		}
		c.SigningKeys.Add(signer)
	}
	// Servers believe an account's own key for ever. What it said ends with its generation.
	if until := f.snapshot().OwnKeyUntil; !own && !until.IsZero() {
		c.RevokeAt(jwt.All, until.Add(-time.Second))
	}
	removed, err := f.removed()
	if err != nil {
		return nil, err
	}
	for _, r := range removed {
		if r.Expires.IsZero() || r.Expires.After(time.Now().Add(-validBefore)) { // The others have ended by themselves.
			c.RevokeAt(r.Key, forGood)
		}
	}
	for _, key := range f.heldNow() {
		c.RevokeAt(key, forGood)
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

// HubOptions are those of the hub's own connection, which may do everything. They go along with a rotation.
func (f *Fleet) HubOptions() []nats.Option {
	return bus.Authenticated(hubName, f.hubCredentials, time.Now)
}

const hubName = "hub"

func (f *Fleet) hubCredentials() (bus.Credentials, error) {
	g := f.newest()
	c := bus.Credentials{Sensor: hubName, Seed: string(g.Hub)}
	c.CA, c.NextCAs = f.authorities()
	key, err := public(g.Hub)
	if err == nil {
		c.JWT, err = f.vouch(jwt.NewUserClaims(key))
	}
	return c, err
}

// signer is the newest one that the server believes already: between a rotation and that there is a moment.
func (f *Fleet) signer() (pair nkeys.KeyPair, key string, err error) {
	f.mu.Lock()
	believed := f.believed
	f.mu.Unlock()
	all := f.holding()
	for i := len(all) - 1; i >= 0; i-- {
		if pair, err = nkeys.FromSeed(all[i].Signer); err != nil {
			return nil, "", err
		}
		if key, err = pair.PublicKey(); err != nil || key == believed {
			return pair, key, err
		}
	}
	// It believes none of these yet, or there is no server: the newest.
	if pair, err = nkeys.FromSeed(all[len(all)-1].Signer); err != nil {
		return nil, "", err
	}
	key, err = pair.PublicKey()
	return pair, key, err
}

// vouch signs the claims.
func (f *Fleet) vouch(c *jwt.UserClaims) (string, error) {
	pair, signer, err := f.signer()
	if err != nil {
		return "", err
	}
	if account := f.snapshot().AccountID; signer != account {
		c.IssuerAccount = account
	}
	text, err := c.Encode(pair)
	if err != nil {
		return "", fmt.Errorf("fleet: %w", err)
	}
	return text, nil
}

const (
	// maxSubscriptions is how many a sensor needs at most.
	maxSubscriptions = 8
	// maxQuestion bounds what somebody who joins says, in bytes.
	maxQuestion = 4 << 10
)

// sensorClaims let the key publish the sensor's events, read its marks and configurations, and ask for its next key. A
// sensor whose clock or the hub's is set back or forth is not shut out: there is no beginning, and the end is far.
func sensorClaims(key, sensor string, expires time.Time) *jwt.UserClaims {
	c := jwt.NewUserClaims(key)
	c.Name = sensor
	c.Expires = expires.Unix()
	c.Permissions.Pub.Allow.Add(bus.EventsSubject(sensor), bus.MarkRequest(sensor), bus.ConfigurationRequest(sensor), bus.RenewSubject(sensor))
	c.Permissions.Sub.Allow.Add(bus.InboxOf(sensor)+".>", bus.MarkSubject(sensor), bus.ConfigurationSubject(sensor))
	c.Limits.Payload = bus.MaxMessage
	c.Limits.Subs = maxSubscriptions
	c.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard)
	return c
}

// tokenClaims let the key ask for credentials.
func tokenClaims(key, id string, expires time.Time) *jwt.UserClaims {
	c := jwt.NewUserClaims(key)
	c.Name = "join-" + id
	c.Expires = expires.Unix()
	c.Permissions.Pub.Allow.Add(bus.JoinSubject(id))
	c.Permissions.Sub.Allow.Add(bus.InboxOf("join-"+id) + ".>")
	c.Limits.Payload = maxQuestion
	c.Limits.Subs = maxSubscriptions
	c.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard)
	return c
}
