package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/bus/server"
	"terroir/fleet"
	"terroir/sensor"
	"terroir/sensor/spool"
)

// newFleet is a field whose bus lets in only who joined.
func newFleet(t *testing.T) (*field, *fleet.Fleet) {
	t.Helper()
	return newFleetThat(t, fleet.Settings{})
}

// newFleetThat is newFleet with other settings where they are not zero.
func newFleetThat(t *testing.T, s fleet.Settings) (*field, *fleet.Fleet) {
	t.Helper()
	f := &field{world: openWorld(t, t.TempDir()), home: t.TempDir()}
	f.fleetDir = t.TempDir()
	fl, err := fleet.Open(f.fleetDir)
	if err != nil {
		t.Fatal(err)
	}
	fl.Lasts, fl.Ask = cmp.Or(s.Lasts, fl.Lasts), cmp.Or(s.Ask, fl.Ask)
	if s.Quota != (fleet.Quota{}) {
		fl.Quota = s.Quota
	}
	trust, err := fl.Authority()
	if err != nil {
		t.Fatal(err)
	}
	if trust.TLS, err = fl.TLS(); err != nil {
		t.Fatal(err)
	}
	if f.bus, err = server.Start("127.0.0.1:0", t.TempDir(), trust); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.bus.Shutdown)
	f.asHub = fl.HubOptions()
	f.startHub()
	t.Cleanup(func() { f.stop() })
	b, err := f.bus.Connect("fleet", f.asHub...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fl.Serve(ctx, b, f.bus) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f, fl
}

func (f *field) token(fl *fleet.Fleet, g fleet.Grant) *bus.Token {
	f.t.Helper()
	if g.Expires.IsZero() {
		g.Expires = time.Now().Add(time.Minute)
	}
	token, err := fl.CreateToken(g, strings.Replace(f.bus.URL(), "nats://", "tls://", 1))
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// TestMachinesThatComeAndGoLoseNothing has machines join with a group's token, see something, and end: one by SIGTERM, one
// by the notice that it will soon be gone. What they saw is in the lake, under names of their own, and nothing is left on
// their disks, which go with them.
func TestMachinesThatComeAndGoLoseNothing(t *testing.T) {
	f, fl := newFleet(t)
	file := filepath.Join(t.TempDir(), "token")
	token := f.token(fl, fleet.Grant{Sensor: "web", Region: "eu-west-3", Group: true, Left: 4})
	if err := os.WriteFile(file, []byte(token.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const each = 20
	for i := range 4 {
		p := f.start(fmt.Sprintf("machine-%d", i), fmt.Sprintf("token: %q\ndrain: 30s\nlisten: {addresses: [127.77.1.%d], answer: false}\n"+
			"limits: {idle_before: 1s, idle_after: 500ms}\ntap: {enabled: false}\n", "file:"+file, i+1))
		for n := range each {
			c := p.dial("tcp/6379")
			say(t, c, fmt.Sprintf("machine %d, payload %d\n", i, n))
			if n%2 == 0 { // The others are open when the machine ends.
				c.Close()
			} else {
				defer c.Close()
			}
		}
		if i%2 == 0 {
			p.end()
		} else {
			if err := os.WriteFile(filepath.Join(p.home, sensor.TerminateFile), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, p.log)
			}
		}
		left, err := spool.Open(filepath.Join(p.home, "spool"), spool.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if n := left.Pending(); n != 0 {
			t.Errorf("machine %d takes %d records with it: %s", i, n, p.log)
		}
		left.Close()
		if err := os.RemoveAll(p.home); err != nil {
			t.Fatal(err)
		}
	}
	rows := f.wait(4, "SELECT sensor, region, count(DISTINCT payload_id), count(*) FROM events GROUP BY 1, 2")
	for _, r := range rows {
		if name, _ := r[0].(string); !strings.HasPrefix(name, "web-") || r[1] != "eu-west-3" || r[2] != int64(each) || r[3] != int64(each) {
			t.Errorf("%v, want %d payloads of a sensor web-… in eu-west-3, each once", r, each)
		}
	}
	if len(rows) != 4 {
		t.Errorf("%d sensors, want 4: %v", len(rows), rows)
	}
	if _, err := bus.Join(context.Background(), token); terroir.ErrorCode(err) != terroir.EUNAUTHORIZED {
		t.Errorf("the token is used up, but: %v", err)
	}
}

// TestASensorKnowsItsHub: another server than the one of the token gets nothing, not even a request.
func TestASensorKnowsItsHub(t *testing.T) {
	f, fl := newFleet(t)
	token := f.token(fl, fleet.Grant{Sensor: "careful", Region: "eu-west-3", Left: 1})
	_, stranger := newFleet(t)
	other := f.token(stranger, fleet.Grant{Sensor: "careful", Region: "eu-west-3", Left: 1})
	token.CA = other.CA
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if _, err := bus.Join(ctx, token); err == nil {
		t.Error("joined a hub that is not the one of the token")
	}
	if members, err := fl.Members(); err != nil || len(members) != 0 {
		t.Errorf("%v %v", members, err)
	}
}
