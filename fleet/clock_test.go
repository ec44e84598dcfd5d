package fleet

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"

	"terroir/bus"
	"terroir/bus/server"
)

// TestClocksMayDiffer connects to a hub by the clock of a sensor that is early or late.
func TestClocksMayDiffer(t *testing.T) {
	f := opened(t)
	trust, err := f.Authority()
	if err != nil {
		t.Fatal(err)
	}
	if trust.TLS, err = f.TLS(); err != nil {
		t.Fatal(err)
	}
	s, err := server.Start("127.0.0.1:0", t.TempDir(), trust)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	own, err := s.Connect("hub", f.HubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx, own, s) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	token, err := f.CreateToken(Grant{Sensor: "early", Region: "eu-west-3", Left: 1, Expires: time.Now().Add(time.Hour)}, strings.Replace(s.URL(), "nats://", "tls://", 1))
	if err != nil {
		t.Fatal(err)
	}
	c, err := bus.Join(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	for off, want := range map[time.Duration]bool{0: true, time.Hour: true, -time.Hour: true, 23 * time.Hour: true, -23 * time.Hour: true,
		-25 * time.Hour: false, serverLasts + time.Hour: false} {
		clock := func() time.Time { return time.Now().Add(off) }
		nc, err := nats.Connect(c.Hub, append(bus.Authenticated(c.Sensor, func() (bus.Credentials, error) { return *c, nil }, clock), nats.NoReconnect())...)
		if (err == nil) != want {
			t.Errorf("by a clock that differs by %s: %v", off, err)
		}
		if err == nil {
			nc.Close()
		}
	}
}

// TestTheHubsClockMayBeSetBack: what was vouched for in what is now the future holds at once, and is refused when it is to be.
func TestTheHubsClockMayBeSetBack(t *testing.T) {
	f := opened(t)
	key, text := in(t, f, "paris-1")
	claims, err := jwt.DecodeUserClaims(text)
	if err != nil {
		t.Fatal(err)
	}
	if claims.NotBefore != 0 {
		t.Error("the credentials have a beginning")
	}
	if left := time.Until(time.Unix(claims.Expires, 0)); left < f.Lasts-time.Minute || left > f.Lasts {
		t.Errorf("they end in %s", left)
	}
	if err := f.Remove("paris-1"); err != nil {
		t.Fatal(err)
	}
	account, err := f.accountClaims(f.keys.AccountID)
	if err != nil {
		t.Fatal(err)
	}
	claims.IssuedAt = time.Now().Add(time.Hour).Unix()
	if claims.Subject != key || !account.IsClaimRevoked(claims) {
		t.Error("removed, but accepted by a clock that was set back")
	}
}
