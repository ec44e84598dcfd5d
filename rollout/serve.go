package rollout

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"terroir"
	"terroir/bus"
	"terroir/hub"
	"terroir/rollout/signed"
)

const (
	// look is how often the folder and the hub's sensors are looked at.
	look = 250 * time.Millisecond
	// fresh is how long a sensor may accept a document after it was signed; documents are signed anew when half of it is over.
	fresh = 30 * 24 * time.Hour
	// publishWithin is how long the bus may take to store a document, tryAgain the pause after it, or the folder, did not.
	publishWithin = 5 * time.Second
	tryAgain      = 2 * time.Second
)

// Service is the hub's part: it writes down what it hears of sensors, and signs and publishes what they are to serve.
type Service struct {
	Folder *Folder
	Bus    *bus.Bus
	// Heard lists the sensors that the hub has heard of.
	Heard func() []hub.Sensor
	// Signer is the key that signs now; nil stands for the folder's own.
	Signer func() (nkeys.KeyPair, error)
	// Region is where a sensor of the fleet stands, whatever it says itself; false is for one that is not in it. Nil stands for
	// a hub without a fleet, which believes sensors.
	Region func(sensor string) (region string, member bool, err error)

	written   map[string]hub.Sensor
	published map[string]publication
	notBefore time.Time
	cleared   time.Time
}

// publication is what the bus has of a sensor.
type publication struct {
	changed, signed time.Time
	key             string
}

// Run works until ctx ends.
//
// A folder that cannot be used yields an EUNREACHABLE error.
func (s *Service) Run(ctx context.Context) error {
	release, err := s.Folder.hold(true, "serving")
	if err != nil {
		return err
	}
	defer release()
	if s.Signer == nil {
		if s.Signer, err = s.Folder.ownKey(); err != nil {
			return err
		}
	}
	s.written, s.published = map[string]hub.Sensor{}, map[string]publication{}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if time.Now().After(s.notBefore) {
			if err := errors.Join(s.writeHeard(), s.forgetGone(), s.publishChanged(ctx)); err != nil && ctx.Err() == nil {
				slog.Warn("rollouts: trying again", "after", tryAgain, "error", err) // Events come in meanwhile.
				s.notBefore = time.Now().Add(tryAgain)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// writeHeard writes down the sensors that said something of themselves since the last time.
func (s *Service) writeHeard() error {
	for _, now := range s.Heard() {
		before, there := s.written[now.Name]
		if now.Beat.IsZero() && now.Announced.IsZero() || there && now.Beat.Equal(before.Beat) && now.Announced.Equal(before.Announced) ||
			terroir.ValidateName("sensor", now.Name) != nil {
			continue
		}
		if err := s.write(now); err != nil {
			return s.Folder.broken(err)
		}
		if now.Refusal != before.Refusal && now.Refusal.Reason != "" {
			slog.Warn("a sensor refuses its configuration", "sensor", now.Name, "serial", now.Refusal.Serial, "reason", now.Refusal.Reason)
		}
		s.written[now.Name] = now
	}
	return nil
}

// forgetEvery is how often it is looked who left the fleet.
const forgetEvery = 5 * time.Second

// forgetGone removes what is written of sensors that left the fleet: nobody waits for them.
func (s *Service) forgetGone() error {
	if s.Region == nil || time.Since(s.cleared) < forgetEvery {
		return nil
	}
	s.cleared = time.Now()
	for _, part := range []string{"sensors", "documents"} {
		names, err := s.Folder.names(part)
		if err != nil {
			return err
		}
		for _, name := range names {
			if _, member, err := s.Region(name); err != nil || member {
				continue
			}
			if err := os.Remove(s.Folder.path(part, name+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return s.Folder.broken(err)
			}
		}
	}
	return nil
}

// write adds to what is written of a sensor what was heard of it since the hub started.
func (s *Service) write(now hub.Sensor) error {
	if s.Region != nil {
		region, member, err := s.Region(now.Name)
		if err != nil || !member {
			return err
		}
		now.Region = region
	}
	before, err := s.Folder.sensor(now.Name)
	if err != nil {
		slog.Warn("what was known of a sensor is lost", "sensor", now.Name, "error", err)
	}
	next := Sensor{Sensor: now}
	if before != nil {
		next.Base = before.Base
		if now.Announced.IsZero() {
			next.Announced, next.Serves, next.Version = before.Announced, before.Serves, before.Version
		}
	}
	if !now.Announced.IsZero() && (now.Serial == 0 || len(next.Base.Ports) == 0) {
		next.Base = now.Serves
	}
	return s.Folder.writeSensor(&next)
}

// publishChanged publishes what the bus does not have.
func (s *Service) publishChanged(ctx context.Context) error {
	key, err := s.Signer()
	if err != nil {
		return err
	}
	defer key.Wipe()
	public, err := key.PublicKey()
	if err != nil {
		return err
	}
	names, err := s.Folder.names("documents")
	if err != nil {
		return err
	}
	for _, name := range names {
		info, err := os.Stat(s.Folder.path("documents", name+".json"))
		if err != nil {
			continue // It was there a moment ago; if somebody took it away, there is nothing to publish.
		}
		p := publication{info.ModTime(), time.Now(), public}
		if b := s.published[name]; b.changed.Equal(p.changed) && b.key == public && p.signed.Sub(b.signed) < fresh/2 {
			continue
		}
		if err := s.publish(ctx, name, key); terroir.ErrorCode(err) == terroir.EUNREACHABLE {
			return err
		} else if err != nil {
			slog.Warn("a configuration cannot be signed", "sensor", name, "error", err)
		}
		s.published[name] = p
	}
	return nil
}

// publish signs what the sensor is to serve and puts it on the bus.
func (s *Service) publish(ctx context.Context, sensor string, key nkeys.KeyPair) error {
	w, err := s.Folder.wanted(sensor)
	if err != nil || w == nil {
		return err
	}
	now := time.Now().UTC()
	text, err := signed.Sign(&signed.Document{Serial: w.Serial, Sensor: sensor, Issued: now, Expires: now.Add(fresh), Periods: w.Periods}, key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	if err := s.Bus.PublishConfiguration(ctx, sensor, text); err != nil {
		return err
	}
	slog.Info("configuration published", "sensor", sensor, "serial", w.Serial)
	return nil
}

// ownKey reads the folder's key, and makes it where there is none.
func (f *Folder) ownKey() (func() (nkeys.KeyPair, error), error) {
	file := f.path("key")
	seed, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		seed, err = f.makeKey()
	}
	if err != nil {
		return nil, f.broken(err)
	}
	seed = bytes.TrimSpace(seed)
	pair, err := nkeys.FromSeed(seed)
	if err == nil {
		var key string
		if key, err = pair.PublicKey(); err == nil && !strings.HasPrefix(key, "N") {
			err = errors.New("not a key for configurations")
		}
	}
	if err != nil {
		return nil, f.broken(err)
	}
	return func() (nkeys.KeyPair, error) { return nkeys.FromSeed(bytes.Clone(seed)) }, nil
}

func (f *Folder) makeKey() ([]byte, error) {
	pair, err := nkeys.CreateServer()
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	seed, err := pair.Seed()
	if err != nil {
		return nil, err
	}
	if err := writeFile(f.path("key.pub"), []byte(public+"\n"), 0o644, true); err != nil {
		return nil, err
	}
	return seed, writeFile(f.path("key"), append(bytes.Clone(seed), '\n'), 0o600, true)
}

// Served reports whether a hub looks after the folder.
func (f *Folder) Served() (bool, error) {
	release, err := f.hold(false, "serving")
	if errors.Is(err, errHeld) {
		return true, nil
	}
	if err == nil {
		release()
	}
	return false, err
}
