package signed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
	"pgregory.net/rapid"

	"terroir"
	"terroir/bus"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// pair is a key made of a byte, so that what is made with it is the same each time.
func pair(t testing.TB, kind nkeys.PrefixByte, of byte) (nkeys.KeyPair, string) {
	t.Helper()
	seed, err := nkeys.EncodeSeed(kind, bytes.Repeat([]byte{of}, 32))
	if err != nil {
		t.Fatal(err)
	}
	k, err := nkeys.FromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	public, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return k, public
}

// document is a good one.
func document(serial uint64) *Document {
	return &Document{Serial: serial, Sensor: "paris-1", Issued: now, Expires: now.Add(time.Hour), Periods: []Period{
		{Until: now.Add(time.Minute), Theme: "none", Ports: []Port{{Port: 6379, Transport: "tcp", Service: "redis"}, {Port: uint16(serial%1000) + 1, Transport: "udp"}}},
		{Theme: "none", Ports: []Port{{Port: 6379, Transport: "tcp", Service: "redis"}}},
	}}
}

func sign(t testing.TB, d *Document, k nkeys.KeyPair) []byte {
	t.Helper()
	text, err := Sign(d, k)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// keeper believes the hub's key.
func keeper(t testing.TB) (*Keeper, nkeys.KeyPair) {
	hub, public := pair(t, nkeys.PrefixByteServer, 1)
	return &Keeper{Sensor: "paris-1", Trusts: func(key string) error {
		if key != public {
			return fmt.Errorf("signed by a stranger")
		}
		return nil
	}}, hub
}

// raw signs any bytes as a document.
func raw(t testing.TB, text string, k nkeys.KeyPair) []byte {
	t.Helper()
	key, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := k.Sign([]byte(prefix + text))
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(envelope{key, s, []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// changed is a good document with other text in it, signed.
func changed(t testing.TB, k nkeys.KeyPair, old, new string) []byte {
	t.Helper()
	d := document(8)
	d.Version = version
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s is not in %s", old, text)
	}
	return raw(t, strings.Replace(string(text), old, new, 1), k)
}

func TestWhatASensorRefuses(t *testing.T) {
	k, hub := keeper(t)
	stranger, _ := pair(t, nkeys.PrefixByteServer, 2)
	user, _ := pair(t, nkeys.PrefixByteUser, 1) // The same bytes as the hub's key, of another kind.
	good := sign(t, document(8), hub)
	k.Last = document(7)
	if _, err := k.Judge(good, now); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	edit := func(f func(*envelope)) []byte {
		var e envelope
		if err := json.Unmarshal(good, &e); err != nil {
			t.Fatal(err)
		}
		f(&e)
		out, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	many := `"ports":[` + strings.Repeat(`{"port":1,"transport":"tcp"},`, MaxPorts) + `{"port":1,"transport":"tcp"}]`
	for name, c := range map[string]struct {
		text []byte
		at   time.Duration
		want string
	}{
		"nothing":              {nil, 0, "malformed"},
		"no JSON":              {[]byte("\x00\xff{"), 0, "malformed"},
		"a list":               {[]byte("[]"), 0, "malformed"},
		"deep":                 {[]byte(strings.Repeat(`{"key":`, 20_000)), 0, "malformed"},
		"too large":            {append(bytes.Clone(good), bytes.Repeat([]byte(" "), bus.MaxConfiguration)...), 0, "more than"},
		"something follows":    {append(bytes.Clone(good), "{}"...), 0, "malformed"},
		"another key":          {[]byte(strings.Replace(string(good), `"key"`, `"more":1,"key"`, 1)), 0, "malformed"},
		"unsigned":             {edit(func(e *envelope) { e.Signature = nil }), 0, "unsigned"},
		"no key":               {edit(func(e *envelope) { e.Key = "" }), 0, "unsigned"},
		"bare document":        {[]byte(`{"version":1,"serial":9}`), 0, "malformed"},
		"signed by a stranger": {sign(t, document(8), stranger), 0, "stranger"},
		"signed by a user":     {raw(t, "{}", user), 0, "not a key for configurations"},
		"a stranger's signature under the hub's key": {edit(func(e *envelope) {
			var other envelope
			_ = json.Unmarshal(sign(t, document(8), stranger), &other)
			e.Signature = other.Signature
		}), 0, "signature"},
		"changed after":      {edit(func(e *envelope) { e.Document = bytes.Replace(e.Document, []byte("6379"), []byte("6378"), 1) }), 0, "signature"},
		"short signature":    {edit(func(e *envelope) { e.Signature = e.Signature[:5] }), 0, "signature"},
		"for another sensor": {changed(t, hub, "paris-1", "paris-2"), 0, `for sensor "paris-2"`},
		"older":              {sign(t, document(6), hub), 0, "not newer than 7"},
		"equal, and other":   {changed(t, hub, `"serial":8`, `"serial":7`), 0, "not newer than 7"},
		"expired":            {good, time.Hour, "expired"},
		"no serial":          {changed(t, hub, `"serial":8`, `"serial":0`), 0, "no serial"},
		"negative serial":    {changed(t, hub, `"serial":8`, `"serial":-8`), 0, "malformed"},
		"serial too large":   {changed(t, hub, `"serial":8`, `"serial":18446744073709551616`), 0, "malformed"},
		"later version":      {changed(t, hub, `"version":1`, `"version":2`), 0, "version 2"},
		"unknown key within": {changed(t, hub, `"serial":8`, `"serial":8,"run":"sh"`), 0, "malformed"},
		"no periods":         {raw(t, `{"version":1,"serial":8,"sensor":"paris-1","issued":"2026-03-01T00:00:00Z","expires":"2026-04-01T00:00:00Z","periods":[]}`, hub), 0, "periods"},
		"no end":             {changed(t, hub, `"expires":"2026-03-01T13:00:00Z"`, `"expires":"0001-01-01T00:00:00Z"`), 0, "until when"},
		"periods backwards":  {changed(t, hub, `"periods":[`, `"periods":[{"until":"2026-03-01T12:30:00Z","theme":"none","ports":[{"port":1,"transport":"tcp"}]},`), 0, "wrong time"},
		"last period ends":   {changed(t, hub, `{"theme":"none"`, `{"until":"2026-03-02T00:00:00Z","theme":"none"`), 0, "wrong time"},
		"port 0":             {changed(t, hub, `"port":6379`, `"port":0`), 0, "out of range"},
		"port 70000":         {changed(t, hub, `"port":6379`, `"port":70000`), 0, "malformed"},
		"port as text":       {changed(t, hub, `"port":6379`, `"port":"6379"`), 0, "malformed"},
		"icmp":               {changed(t, hub, `"transport":"tcp"`, `"transport":"icmp"`), 0, "neither tcp nor udp"},
		"twice":              {changed(t, hub, `"ports":[`, `"ports":[{"port":6379,"transport":"tcp"},`), 0, "twice"},
		"tls on udp":         {changed(t, hub, `"transport":"udp"`, `"transport":"udp","tls":true`), 0, "tls"},
		"proxy on udp":       {changed(t, hub, `"transport":"udp"`, `"transport":"udp","proxy":true`), 0, "proxy"},
		"control characters": {changed(t, hub, `"service":"redis"`, `"service":"\u001b[2J"`), 0, "not a name"},
		"a long name":        {changed(t, hub, `"service":"redis"`, `"service":"`+strings.Repeat("x", 64)+`"`), 0, "not a name"},
		"nothing served":     {changed(t, hub, `"ports":[{"port":6379,"transport":"tcp","service":"redis"}]}]`, `"ports":[]}]`), 0, "0 ports"},
		"too many ports":     {changed(t, hub, `"ports":[{"port":6379,"transport":"tcp","service":"redis"}]`, many), 0, "4097 ports"},
	} {
		v, err := k.Judge(c.text, now.Add(c.at))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %v, want %q", name, v, err, c.want)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}

func TestTheSameDocumentSignedAnewIsNoNews(t *testing.T) {
	k, hub := keeper(t)
	k.Last = document(7)
	again := document(7)
	again.Issued, again.Expires = now.Add(24*time.Hour), now.Add(48*time.Hour)
	if v, err := k.Judge(sign(t, again, hub), now); err != nil || !v.Known {
		t.Errorf("%v %v", v, err)
	}
}

// TestTheNewestValidDocumentIsInForceInAnyOrder gives a sensor documents of the hub and of others in any order and number.
func TestTheNewestValidDocumentIsInForceInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k, hub := keeper(t)
		stranger, _ := pair(t, nkeys.PrefixByteServer, 2)
		var newest uint64
		for i, n := 0, rapid.IntRange(1, 12).Draw(rt, "n"); i < n; i++ {
			serial := rapid.Uint64Range(1, 8).Draw(rt, "serial")
			text, valid := sign(t, document(serial), hub), true
			switch rapid.IntRange(0, 4).Draw(rt, "kind") {
			case 0:
				text, valid = sign(t, document(serial+100), stranger), false
			case 1:
				d := document(serial + 100)
				d.Sensor = "paris-2"
				text, valid = sign(t, d, hub), false
			case 2:
				text, valid = text[:rapid.IntRange(0, len(text)-1).Draw(rt, "cut")], false
			}
			v, err := k.Judge(text, now)
			if err == nil && !v.Known {
				k.Last = v.Document
			}
			if valid {
				newest = max(newest, serial)
			}
			if k.Last == nil && newest != 0 || k.Last != nil && k.Last.Serial != newest {
				rt.Fatalf("in force is %v, the newest is %d: %v", k.Last, newest, err)
			}
		}
	})
}

func TestAPeriodHoldsUntilTheNext(t *testing.T) {
	d := document(8)
	for after, want := range map[time.Duration]int{-time.Hour: 2, 0: 2, time.Minute - 1: 2, time.Minute: 1, 1000 * time.Hour: 1} {
		if got := len(d.At(now.Add(after)).Ports); got != want {
			t.Errorf("after %s: %d ports, want %d", after, got, want)
		}
	}
}

func TestConfigurationsComeBackAsTheyWere(t *testing.T) {
	c := terroir.Containers()
	c.Ports[0].Persona, c.Ports[0].Proxy = "none", true
	p := PeriodOf(c, time.Time{})
	back, err := p.Configuration()
	c.Revision = 0
	if err != nil || fmt.Sprint(back) != fmt.Sprint(c) {
		t.Errorf("%v %v", back, err)
	}
}

// FuzzDocument gives a sensor envelopes, and documents that the hub signed: what is accepted can be served, and says the same
// when it is signed again.
func FuzzDocument(f *testing.F) {
	k, hub := keeper(f)
	good := sign(f, document(8), hub)
	f.Add(good, false)
	f.Add([]byte(`{"key":"N","signature":"","document":""}`), false)
	var e envelope
	if err := json.Unmarshal(good, &e); err != nil {
		f.Fatal(err)
	}
	f.Add(e.Document, true)
	f.Add([]byte(`{"version":1,"serial":9,"sensor":"paris-1","issued":"2026-03-01T00:00:00Z","expires":"2026-04-01T00:00:00Z","periods":[{"theme":"none","ports":[{"port":1,"transport":"tcp"}]}]}`), true)
	f.Fuzz(func(t *testing.T, text []byte, within bool) {
		if within {
			text = raw(t, string(text), hub)
		}
		v, err := k.Judge(text, now)
		if err != nil {
			return
		}
		for i := range v.Document.Periods {
			if _, err := v.Document.Periods[i].Configuration(); err != nil {
				t.Fatalf("accepted, but cannot be served: %v", err)
			}
		}
		again, err := Sign(v.Document, hub)
		if err != nil {
			t.Fatalf("accepted, but cannot be signed: %v", err)
		}
		other, _, err := Open(again, nil)
		if err != nil || !other.Same(v.Document) {
			t.Fatalf("%v, %v", other, err)
		}
	})
}
