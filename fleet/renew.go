package fleet

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"terroir"
	"terroir/bus"
)

// renew answers a sensor that asks whether its credentials are still good. The bus lets only the sensor itself ask in its
// name; the JWT says with which of its keys. Who stole the key in use can do so, too, once it is time, and the sensor is then
// shut out, which shows: it takes a removal, and the sensor joins again.
func (f *Fleet) renew(sensor string, r *bus.RenewRequest) (bus.RenewAnswer, error) {
	claims, err := jwt.DecodeUserClaims(r.JWT)
	if err != nil || !nkeys.IsValidPublicUserKey(r.Key) || terroir.ValidateName("sensor", sensor) != nil {
		return bus.RenewAnswer{}, errors.New("not a key")
	}
	unlock, err := f.lock()
	if err != nil {
		return bus.RenewAnswer{}, err
	}
	defer unlock()
	m, err := f.memberNamed(sensor)
	if err != nil {
		return bus.RenewAnswer{}, err
	}
	if err := f.changeover(&m, claims.Subject); err != nil {
		return bus.RenewAnswer{}, err
	}
	a := bus.RenewAnswer{Again: f.Ask}
	a.CA, a.NextCAs = f.authorities()
	if a.Configurations, err = f.ConfigurationKeys(); err != nil {
		return a, err
	}
	if !f.wearsOut(claims) {
		return a, nil
	}
	a.JWT, err = f.giveNext(&m, r.Key)
	return a, err
}

// changeover ends the member's old key where it asks with its next one, which it thereby uses.
func (f *Fleet) changeover(m *Member, asksWith string) error {
	switch asksWith {
	case m.Key:
		return nil
	case m.Next:
	default:
		return fmt.Errorf("not a key of %q", m.Sensor)
	}
	old := *m
	m.Key, m.Next, m.Expires = m.Next, "", m.NextExpires
	if err := f.write("members", m.Sensor, m); err != nil {
		return err
	}
	return f.revoke(old, old.Key)
}

// wearsOut reports whether the JWT should be replaced: a third of its time is left, or it is of an earlier generation.
func (f *Fleet) wearsOut(c *jwt.UserClaims) bool {
	_, signer, err := f.signer()
	if err != nil || c.Issuer != signer || c.Expires == 0 {
		return true
	}
	return time.Until(time.Unix(c.Expires, 0)) < f.Lasts/3
}

// giveNext vouches for the member's next key. One that it was given before and never used is never accepted.
func (f *Fleet) giveNext(m *Member, key string) (string, error) {
	if err := f.unused(m, key); err != nil {
		return "", err
	}
	if m.Next != "" && m.Next != key {
		before := *m
		before.Expires = m.NextExpires
		if err := f.revoke(before, m.Next); err != nil {
			return "", err
		}
	}
	m.Next, m.NextExpires = key, time.Now().UTC().Add(f.Lasts)
	if err := f.write("members", m.Sensor, m); err != nil {
		return "", err
	}
	return f.vouch(sensorClaims(key, m.Sensor, m.NextExpires))
}

// unused makes sure that nobody has, or had, the key.
func (f *Fleet) unused(m *Member, key string) error {
	members, err := f.Members()
	if err != nil {
		return err
	}
	gone, err := f.removed()
	if err != nil {
		return err
	}
	for _, other := range slices.Concat(members, gone) {
		if other.Key == key || other.Next == key && other.Sensor != m.Sensor {
			return errors.New("the key is in use")
		}
	}
	return nil
}
