package fleet

import (
	"errors"

	"github.com/nats-io/nkeys"

	"terroir"
)

// completeKeys gives generations from before configurations were signed a key for that. The caller holds the lock.
func (f *Fleet) completeKeys() (err error) {
	k, complete := f.snapshot(), true
	for i := range k.Generations {
		if g := &k.Generations[i]; len(g.Configurations) == 0 {
			complete = false
			if g.Configurations, _, err = makeKey(nkeys.CreateServer); err != nil {
				return err
			}
		}
	}
	if complete {
		return nil
	}
	return f.writeKeys(k)
}

// ConfigurationKeys are the public keys whose configurations a sensor is to believe: those of all generations that hold.
func (f *Fleet) ConfigurationKeys() (list []string, err error) {
	for _, g := range f.holding() {
		if len(g.Configurations) == 0 {
			continue // Written by an earlier version since the folder was opened.
		}
		key, err := public(g.Configurations)
		if err != nil {
			return nil, err
		}
		list = append(list, key)
	}
	return list, nil
}

// ConfigurationSigner is the key that signs configurations now. It is that of the oldest generation that holds: while both
// do, sensors learn the next one, and those that have not believe this one.
func (f *Fleet) ConfigurationSigner() (nkeys.KeyPair, error) {
	for _, g := range f.holding() {
		if len(g.Configurations) > 0 {
			return nkeys.FromSeed(g.Configurations)
		}
	}
	return nil, errNoSigner
}

var errNoSigner = errors.New("there is no key for configurations")

// Region is where the sensor stands; member is false for one that is not in the fleet.
func (f *Fleet) Region(sensor string) (region string, member bool, err error) {
	if terroir.ValidateName("sensor", sensor) != nil {
		return "", false, nil
	}
	m, err := f.memberNamed(sensor)
	if terroir.ErrorCode(err) == terroir.ENOTFOUND {
		return "", false, nil
	}
	return m.Region, err == nil, err
}
