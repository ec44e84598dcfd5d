package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"terroir/bus"
	"terroir/enrich"
	"terroir/hub"
)

// TestASensorFindsTheServerThatLives has a list of servers of which the first does not answer; the sensor is confined, so it
// is its monitor that tries one after the other.
func TestASensorFindsTheServerThatLives(t *testing.T) {
	f := newField(t)
	f.hubs = fmt.Sprintf("nats://127.0.0.1:1,%s", f.bus.URL())
	p := f.start("finds", "theme: none\nheartbeat: 1s\ntap: {enabled: false}\n"+
		"listen: {addresses: [127.77.0.9], ports: [{port: 6379, service: redis, transport: tcp}]}\n")
	c := p.dial("tcp/6379")
	say(t, c, "PING\r\n")
	c.Close()
	f.wait(1, "SELECT 1 FROM events WHERE sensor = 'finds' AND kind = 'payload'")
	p.end()
}

// TestASensorShowsItsKeyToABusElsewhere has a server that lets in one hub and one sensor by their keys, each for its own.
func TestASensorShowsItsKeyToABusElsewhere(t *testing.T) {
	f := newField(t)
	asHub, hubKey := keyOf(t)
	asSensor, sensorKey := keyOf(t)
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
		MaxPayload: bus.MaxMessage, NoLog: true, NoSigs: true, Nkeys: []*natsserver.NkeyUser{
			{Nkey: hubKey},
			{Nkey: sensorKey, Permissions: &natsserver.Permissions{
				Publish:   &natsserver.SubjectPermission{Allow: []string{bus.EventsSubject("shows"), bus.MarkRequest("shows")}},
				Subscribe: &natsserver.SubjectPermission{Allow: []string{bus.InboxOf("shows") + ".>", bus.MarkSubject("shows")}},
			}},
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("not ready")
	}
	options, err := bus.Remote{Credentials: bus.Given{Text: asHub}}.Options()
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.Connect(s.ClientURL(), "hub", options...)
	if err != nil {
		t.Fatal(err)
	}
	geo, err := enrich.Open(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- hub.New(f.lake, b, hub.Options{Interval: 100 * time.Millisecond, Enricher: geo, Analyzer: analyze}).Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.Close()
	})

	seed := filepath.Join(f.home, "shows.seed")
	if err := os.WriteFile(seed, []byte(asSensor+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.hubs = s.ClientURL()
	p := f.start("shows", fmt.Sprintf("credentials: %q\ntheme: none\nheartbeat: 1s\ntap: {enabled: false}\n", "file:"+seed)+
		"listen: {addresses: [127.77.0.10], ports: [{port: 6379, service: redis, transport: tcp}]}\n")
	c := p.dial("tcp/6379")
	say(t, c, "PING\r\n")
	c.Close()
	f.wait(1, "SELECT 1 FROM events WHERE sensor = 'shows' AND kind = 'payload'")
	p.end()
}

// keyOf is a new user's seed and public key.
func keyOf(t *testing.T) (seed, public string) {
	t.Helper()
	k, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := k.Seed()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = k.PublicKey(); err != nil {
		t.Fatal(err)
	}
	return string(secret), public
}
