package fleet

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"

	"terroir/bus"
	"terroir/bus/server"
)

// served is a fleet with a bus that believes it. The bus is the hub's.
func served(t *testing.T, s Settings) (f *Fleet, own *bus.Bus, at string) {
	t.Helper()
	f = opened(t)
	f.Lasts, f.Ask = cmp.Or(s.Lasts, f.Lasts), cmp.Or(s.Ask, f.Ask)
	if s.Quota != (Quota{}) {
		f.Quota = s.Quota
	}
	trust, err := f.Authority()
	if err != nil {
		t.Fatal(err)
	}
	if trust.TLS, err = f.TLS(); err != nil {
		t.Fatal(err)
	}
	srv, err := server.Start("127.0.0.1:0", t.TempDir(), trust)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	if own, err = srv.Connect("hub", f.HubOptions()...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx, own, srv) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f, own, strings.Replace(srv.URL(), "nats://", "tls://", 1)
}

// joins is a sensor's credentials.
func joins(t *testing.T, f *Fleet, name, at string) *bus.Credentials {
	t.Helper()
	token, err := f.CreateToken(Grant{Sensor: name, Region: "eu-west-3", Left: 1, Expires: time.Now().Add(time.Hour)}, at)
	if err != nil {
		t.Fatal(err)
	}
	c, err := bus.Join(context.Background(), token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNoPublicationFailsWhileKeysChange has something under way all the time, and publishes nothing a second time, while the sensor's keys are
// renewed and the hub's rotated.
func TestNoPublicationFailsWhileKeysChange(t *testing.T) {
	f, own, at := served(t, Settings{Lasts: 3 * time.Second, Ask: 100 * time.Millisecond,
		Quota: Quota{Bytes: 1e9, BytesAtOnce: 1e9, Messages: 1e6, MessagesAtOnce: 1e6, Connections: 4}})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := own.Setup(ctx, 1); err != nil {
		t.Fatal(err)
	}
	i := bus.NewIdentity(joins(t, f, "steady", at))
	b, err := bus.Connect(at, "steady", i.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	quiet := &sync.Mutex{}
	kept := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Renew(ctx, &bus.Renewal{Identity: i, Quiet: quiet, Keep: func(*bus.Credentials) error { kept++; return nil }})
	}()
	go func() { // Frees as a hub does: what one sensor may have on the bus is bounded. Its connection changes over, too.
		for ctx.Err() == nil {
			_ = own.Free(ctx, map[bus.Partition]uint64{bus.PartitionOf("steady"): 1 << 40})
			time.Sleep(10 * time.Millisecond)
		}
	}()
	begun, n, rotated := time.Now(), 0, false
	for ; time.Since(begun) < 9*time.Second; n++ {
		if !rotated && time.Since(begun) > 4*time.Second {
			rotated = true
			if err := f.Rotate(2 * time.Second); err != nil {
				t.Fatal(err)
			}
		}
		quiet.Lock()
		trying, stop := context.WithTimeout(ctx, 5*time.Second)
		err := b.Publish(trying, "steady", strconv.Itoa(n), 0, []byte("x"))
		stop()
		quiet.Unlock()
		if err != nil {
			t.Errorf("publication %d, after %s: %v", n, time.Since(begun), err)
		}
		time.Sleep(time.Millisecond) // Else what may wait is there while the hub's own connection changes over, and the bus refuses more.
	}
	cancel()
	<-done
	t.Logf("%d publications, credentials changed %d times", n, kept)
	if kept < 4 {
		t.Errorf("credentials changed %d times", kept)
	}
}

// TestClocksMayDiffer connects to a hub by the clock of a sensor that is early or late.
func TestClocksMayDiffer(t *testing.T) {
	f, _, at := served(t, Settings{})
	c := joins(t, f, "early", at)
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
