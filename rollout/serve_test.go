package rollout

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"terroir"
	"terroir/bus/server"
	"terroir/hub"
	"terroir/rollout/signed"
)

// served is a hub's service with a bus of its own.
type served struct {
	*Service
	t  *testing.T
	mu sync.Mutex
	// heard is what the hub hears, key what signs; nil is the folder's own.
	heard []hub.Sensor
	key   nkeys.KeyPair
	last  chan []byte
}

func newServed(t *testing.T) *served {
	t.Helper()
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	srv, err := server.Start("127.0.0.1:0", t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	b, err := srv.Connect("hub")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{t: t, last: make(chan []byte, 16)}
	s.Service = &Service{Folder: f, Bus: b, Heard: func() []hub.Sensor {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.heard
	}}
	if err := b.SetupWithin(ctx, 20*time.Second, 1); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = b.WatchConfiguration(ctx, "paris-1", func(text []byte) error { s.last <- text; return nil })
	}()
	t.Cleanup(cancel)
	return s
}

// run runs the service until the returned function is called.
func (s *served) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(stop)
	return stop
}

// next is the next document on the bus with a serial, signed by the key if one is given.
func (s *served) next(serial uint64, by string) *signed.Document {
	s.t.Helper()
	for end := time.After(30 * time.Second); ; {
		select {
		case text := <-s.last:
			d, key, err := signed.Open(text, nil)
			if err != nil {
				s.t.Fatal(err)
			}
			if d.Serial == serial && (by == "" || key == by) {
				return d
			}
		case <-end:
			s.t.Fatalf("serial %d by %q does not come", serial, by)
		}
	}
}

func TestTheHubSignsWhatIsWanted(t *testing.T) {
	s := newServed(t)
	first, second := hubKey(t), hubKey(t)
	s.key = first
	s.Signer = func() (nkeys.KeyPair, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		seed, err := s.key.Seed()
		if err != nil {
			return nil, err
		}
		return nkeys.FromSeed(seed)
	}
	stop := s.run()
	periods := []signed.Period{signed.PeriodOf(base(6379), time.Time{})}
	if err := s.Folder.want(&Wanted{"paris-1", 3, periods}); err != nil {
		t.Fatal(err)
	}
	if d := s.next(3, publicOf(t, first)); !signed.SamePeriods(d.Periods, periods) || d.Sensor != "paris-1" || !d.Expires.After(time.Now()) {
		t.Errorf("%+v", d)
	}
	if err := s.Folder.want(&Wanted{"paris-1", 2, periods}); err != nil {
		t.Fatal(err)
	}
	if w, err := s.Folder.wanted("paris-1"); err != nil || w.Serial != 3 {
		t.Errorf("an older one takes the place: %v %v", w, err)
	}
	s.mu.Lock()
	s.key = second
	s.mu.Unlock()
	s.next(3, publicOf(t, second)) // The same, signed anew.
	stop()
	if on, err := s.Folder.Served(); on || err != nil {
		t.Errorf("served: %t %v", on, err)
	}
	s.run()
	s.next(3, "") // A bus that was replaced gets it again.
	if on, err := s.Folder.Served(); !on || err != nil {
		t.Errorf("served: %t %v", on, err)
	}
}

func TestAHubWithoutAFleetHasAKey(t *testing.T) {
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for range 2 {
		signer, err := f.ownKey()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // Who signs wipes it.
			k, err := signer()
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, publicOf(t, k))
			k.Wipe()
		}
	}
	for _, k := range keys {
		if k != keys[0] || !nkeys.IsValidPublicServerKey(k) {
			t.Errorf("%v", keys)
		}
	}
}

// TestWhatASensorServesByItsOwnFileIsKept follows a sensor over a document and a restart of the hub.
func TestWhatASensorServesByItsOwnFileIsKept(t *testing.T) {
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	hears := func(s *Service, x hub.Sensor) *Sensor {
		t.Helper()
		x.Name, x.Region = "paris-1", "eu-west-3"
		s.Heard = func() []hub.Sensor { return []hub.Sensor{x} }
		if err := s.writeHeard(); err != nil {
			t.Fatal(err)
		}
		got, err := f.sensor("paris-1")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	s := &Service{Folder: f, written: map[string]hub.Sensor{}}
	if got := hears(s, hub.Sensor{Serial: 0}); got != nil {
		t.Errorf("it said nothing of itself, but: %v", got)
	}
	hears(s, hub.Sensor{Announced: now, Serves: base(1)})
	if got := hears(s, hub.Sensor{Announced: now.Add(1), Serial: 4, Serves: base(1, 2)}); len(got.Base.Ports) != 1 || len(got.Serves.Ports) != 2 || got.Serial != 4 {
		t.Errorf("with a document: %+v", got)
	}
	s = &Service{Folder: f, written: map[string]hub.Sensor{}}
	got := hears(s, hub.Sensor{Beat: now.Add(2), Serial: 4, Refusal: terroir.Refusal{Serial: 5, Reason: "taken"}})
	if len(got.Base.Ports) != 1 || len(got.Serves.Ports) != 2 || got.Serial != 4 || got.Refusal.Serial != 5 || !got.Announced.Equal(now.Add(1)) {
		t.Errorf("after a restart: %+v", got)
	}
	if got := hears(s, hub.Sensor{Announced: now.Add(3), Serves: base(7)}); got.Base.Ports[0].Port != 7 {
		t.Errorf("its own file changed: %+v", got)
	}
}

// TestTheFleetSaysWhereASensorStands, and who is gone.
func TestTheFleetSaysWhereASensorStands(t *testing.T) {
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]string{"paris-1": "eu-west-3", "gone-1": "eu-west-3"}
	said := []hub.Sensor{{Name: "paris-1", Region: "sa-east-1", Beat: time.Now()}, {Name: "stranger-1", Region: "sa-east-1", Beat: time.Now()},
		{Name: "gone-1", Region: "eu-west-3", Beat: time.Now()}}
	s := &Service{Folder: f, written: map[string]hub.Sensor{}, Heard: func() []hub.Sensor { return said },
		Region: func(name string) (string, bool, error) { r, ok := members[name]; return r, ok, nil }}
	if err := s.writeHeard(); err != nil {
		t.Fatal(err)
	}
	if err := f.want(&Wanted{Sensor: "gone-1", Serial: 1}); err != nil {
		t.Fatal(err)
	}
	delete(members, "gone-1")
	if err := s.forgetGone(); err != nil {
		t.Fatal(err)
	}
	all, err := f.Sensors()
	if err != nil || len(all) != 1 || all[0].Name != "paris-1" || all[0].Region != "eu-west-3" {
		t.Errorf("%v %v", all, err)
	}
	if w, err := f.wanted("gone-1"); w != nil || err != nil {
		t.Errorf("%v %v", w, err)
	}
}

func hubKey(t *testing.T) nkeys.KeyPair {
	t.Helper()
	k, err := nkeys.CreateServer()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicOf(t *testing.T, k nkeys.KeyPair) string {
	t.Helper()
	p, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
