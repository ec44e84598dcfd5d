package e2e

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"terroir/bus"
	"terroir/fleet"
	"terroir/rollout/signed"
)

// told is a document for the sensor, signed, that serves the TCP ports.
func told(t *testing.T, key nkeys.KeyPair, sensor string, serial uint64, ports ...uint16) []byte {
	t.Helper()
	now := time.Now().UTC()
	p := signed.Period{Theme: "none"}
	for _, n := range ports {
		p.Ports = append(p.Ports, signed.Port{Port: n, Transport: "tcp"})
	}
	text, err := signed.Sign(&signed.Document{Serial: serial, Sensor: sensor, Issued: now, Expires: now.Add(time.Hour), Periods: []signed.Period{p}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// signer is the fleet's key for configurations.
func signer(t *testing.T, fl *fleet.Fleet) nkeys.KeyPair {
	t.Helper()
	key, err := fl.ConfigurationSigner()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// says waits until the sensor says the words after what it had said before.
func (p *process) says(before int, words string) {
	p.t.Helper()
	for end := time.Now().Add(40 * time.Second); !strings.Contains(p.log.String()[before:], words); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("the sensor does not say %q: %s", words, p.log)
		}
	}
}

// opened reports whether somebody answers at the address.
func opened(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// asHubTells publishes as the hub, and as whoever has its rights on the bus; again where the answer was lost, as when keys change just
// then and the connection is made anew.
func (f *field) asHubTells(b *bus.Bus, sensor string, text []byte) {
	f.t.Helper()
	var err error
	for range 6 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err = b.PublishConfiguration(ctx, sensor, text)
		cancel()
		if err == nil {
			return
		}
	}
	f.t.Fatal(err)
}

// TestASensorServesWhatItsHubSigned tells a sensor of a fleet what to serve, and lets others try to: by what was signed for
// another sensor or by another fleet, by what was said before, also after a restart, and with a stolen key of a sensor.
func TestASensorServesWhatItsHubSigned(t *testing.T) {
	f, fl := newFleet(t)
	_, strangers := newFleet(t)
	p := f.member(fl, "told", "127.77.4.1")
	b, err := f.bus.Connect("teller", f.asHub...)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	key := signer(t, fl)
	f.asHubTells(b, "told", told(t, key, "told", 5, 6379, 7701))
	p.says(0, "serial=5")
	if !opened("127.77.4.1:7701") || opened("127.77.4.1:2375") {
		t.Errorf("not what the hub said: %s", p.log)
	}
	old := told(t, key, "told", 6, 6379, 7702)
	f.asHubTells(b, "told", old)
	p.says(0, "serial=6")
	f.asHubTells(b, "told", told(t, key, "told", 7, 6379, 7703))
	p.says(0, "serial=7")
	refused := func(p *process, text []byte, why string) {
		t.Helper()
		before := len(p.log.String())
		f.asHubTells(b, "told", text)
		p.says(before, why)
		if opened("127.77.4.1:7702") || !opened("127.77.4.1:7703") {
			t.Errorf("what is refused for %q is served: %s", why, p.log)
		}
	}
	refused(p, old, "serial 6 is not newer than 7")
	refused(p, told(t, signer(t, strangers), "told", 8, 7702), "not the hub's")
	refused(p, told(t, key, "other", 8, 7702), "for sensor")
	refused(p, []byte(`{"serial":9,"ports":[7702]}`), "malformed")

	x := steal(t, f.joined(fl, "stolen"))
	own, err := nkeys.FromSeed([]byte(f.joined(fl, "stolen-2").Seed))
	if err != nil {
		t.Fatal(err)
	}
	for _, sensor := range []string{"told", "stolen"} {
		if _, err := x.js.Publish(context.Background(), bus.ConfigurationSubject(sensor), old); err == nil {
			t.Errorf("a sensor's key publishes the configuration of %s", sensor)
		}
		if err := x.reads(bus.ConfigurationSubject("told")); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("a sensor's key reads another's configuration: %v", err)
		}
	}
	if text, err := signed.Sign(&signed.Document{Serial: 9, Sensor: "told", Issued: time.Now(), Expires: time.Now().Add(time.Hour),
		Periods: []signed.Period{{Theme: "none", Ports: []signed.Port{{Port: 7702, Transport: "tcp"}}}}}, own); err != nil {
		t.Error(err)
	} else {
		refused(p, text, "not a key for configurations")
	}

	f.wait(2, "SELECT DISTINCT revision FROM served_ports WHERE sensor = 'told' AND port = 6379 AND revision > 2")
	p.end()
	f.asHubTells(b, "told", old) // It waits on the bus, and may be put in the hub's place.
	again := f.start("told", "listen: {addresses: [127.77.4.1], answer: false}\ntap: {enabled: false}\n")
	if !opened("127.77.4.1:7703") || opened("127.77.4.1:2375") {
		t.Errorf("after a restart: %v", again.bound)
	}
	again.says(0, "serial 6 is not newer than 7")
	if opened("127.77.4.1:7702") {
		t.Error("an older one is served after a restart")
	}
	again.end()
}

// TestSensorsFollowTheKeysOfTheirFleet rotates the hub's keys: while both hold, and after, what the hub signs is served, and
// what the old key signs then is not.
func TestSensorsFollowTheKeysOfTheirFleet(t *testing.T) {
	f, fl := newFleetThat(t, fleet.Settings{Ask: 100 * time.Millisecond})
	p := f.member(fl, "follows", "127.77.4.2")
	b, err := f.bus.Connect("teller", f.asHub...)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	before := signer(t, fl)
	// Who has not changed over when the old generation ends is shut out: on a busy machine that may take a while.
	if err := fl.Rotate(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	f.asHubTells(b, "follows", told(t, signer(t, fl), "follows", 1, 6379))
	p.says(0, "serial=1")
	was, err := before.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if now, err := signer(t, fl).PublicKey(); err != nil || now != was {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the old key signs on")
		}
	}
	f.asHubTells(b, "follows", told(t, signer(t, fl), "follows", 2, 6379, 7704))
	p.says(0, "serial=2")
	end := time.Now().Add(2 * time.Minute) // A question that was lost is asked again later, and then later still.
	for serial := uint64(3); ; serial++ {  // Until it has asked, it believes the old key.
		said := len(p.log.String())
		f.asHubTells(b, "follows", told(t, before, "follows", serial, 6379))
		for len(p.log.String()) == said {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		if strings.Contains(p.log.String()[said:], "not the hub's") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it goes on believing the old key: %s", p.log)
		}
	}
	p.end()
}
