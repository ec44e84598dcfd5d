package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"terroir"
	"terroir/bus"
	"terroir/fleet"
	"terroir/sensor"
	"terroir/wire"
)

// hubConn is a plain connection of the hub's.
func (f *field) hubConn() *nats.Conn {
	f.t.Helper()
	nc, err := nats.Connect(strings.Replace(f.bus.URL(), "nats://", "tls://", 1), f.asHub...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(nc.Close)
	return nc
}

// streams are those of the events.
func (f *field) streams(nc *nats.Conn) (list []jetstream.StreamConfig) {
	f.t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		f.t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); len(list) == 0; time.Sleep(20 * time.Millisecond) {
		all := js.ListStreams(context.Background())
		for s := range all.Info() {
			if !strings.HasPrefix(s.Config.Name, "KV_") {
				list = append(list, s.Config)
			}
		}
		if time.Now().After(deadline) {
			f.t.Fatal("there is no stream", all.Err())
		}
	}
	return list
}

// thief is somebody with a sensor's credentials and an ordinary client of NATS.
type thief struct {
	t *testing.T
	*nats.Conn
	js     jetstream.JetStream
	closed chan struct{}
}

func steal(t *testing.T, c *bus.Credentials, more ...nats.Option) *thief {
	t.Helper()
	x := &thief{t: t, closed: make(chan struct{})}
	options := append(c.Options(), nats.NoReconnect(), nats.PermissionErrOnSubscribe(true), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
		nats.ClosedHandler(func(*nats.Conn) { close(x.closed) }))
	var err error
	if x.Conn, err = nats.Connect(c.Hub, append(options, more...)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Conn.Close)
	if x.js, err = jetstream.New(x.Conn); err != nil {
		t.Fatal(err)
	}
	return x
}

// ask sends a request and reports whether it was answered.
func (x *thief) ask(subject, body string) error {
	_, err := x.Request(subject, []byte(body), 300*time.Millisecond)
	return err
}

// reads subscribes, and returns what comes of it.
func (x *thief) reads(subject string) error {
	s, err := x.SubscribeSync(subject)
	if err == nil {
		_ = x.Flush()
		_, err = s.NextMsg(time.Second)
	}
	return err
}

// joined is a sensor's credentials.
func (f *field) joined(fl *fleet.Fleet, name string) *bus.Credentials {
	f.t.Helper()
	c, err := bus.Join(context.Background(), f.token(fl, fleet.Grant{Sensor: name, Region: "eu-west-3", Left: 1}))
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// member starts a sensor that joins with a token of its own. It does not watch unserved ports.
func (f *field) member(fl *fleet.Fleet, name, address string) *process {
	f.t.Helper()
	token := f.token(fl, fleet.Grant{Sensor: name, Region: "eu-west-3", Left: 1})
	return f.start(name, fmt.Sprintf("token: %q\nlisten: {addresses: [%q], answer: false}\nlimits: {idle_before: 1s, idle_after: 500ms}\n"+
		"tap: {enabled: false}\ndrain: 30s\n", "file:"+f.tokenFile(token), address))
}

func (f *field) tokenFile(token *bus.Token) string {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token.String()+"\n"), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return file
}

// talk sends numbered payloads to the sensor until the returned function is called, which returns how many there were.
func (p *process) talk() (stop func() int) {
	var sent atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			c := p.dial("tcp/6379")
			say(p.t, c, fmt.Sprintf("%s says %d\n", p.name, sent.Load()))
			c.Close()
			sent.Add(1)
			time.Sleep(5 * time.Millisecond)
		}
	})
	return func() int {
		cancel()
		done.Wait()
		return int(sent.Load())
	}
}

// once checks that the sensor's payloads are in the lake, each once, and that nothing is told lost.
func (f *field) once(name string, sent int) {
	f.t.Helper()
	rows := f.wait(sent, fmt.Sprintf("SELECT payload_id, count(*) FROM events WHERE kind = 'payload' AND sensor = '%s' GROUP BY 1", name))
	for _, r := range rows {
		if r[1] != int64(1) {
			f.t.Errorf("payload %s of %s is there %v times", r[0], name, r[1])
		}
	}
	if len(rows) != sent {
		f.t.Errorf("%d payloads of %s, %d were sent", len(rows), name, sent)
	}
	r, err := f.engine.Query(context.Background(), fmt.Sprintf("SELECT stage, reason, attempts FROM losses WHERE sensor = '%s'", name))
	if err != nil || len(r.Rows) != 0 {
		f.t.Errorf("%s lost something: %v %v", name, r, err)
	}
}

// TestAStolenKeyIsWorthItsOwnSensor tries with a sensor's key, and an ordinary client, what only others may do, or nobody.
// Meanwhile another sensor goes on as if nothing happened.
func TestAStolenKeyIsWorthItsOwnSensor(t *testing.T) {
	f, fl := newFleet(t)
	honest := f.member(fl, "honest", "127.77.2.1")
	stop := honest.talk()
	x := steal(t, f.joined(fl, "stolen"))
	for _, own := range []string{bus.MarkRequest("stolen"), bus.ConfigurationRequest("stolen")} {
		if err := x.ask(own, ""); err != nil {
			t.Errorf("%s, its own: %v", own, err)
		}
	}
	stream := f.streams(f.hubConn())[0].Name
	for _, subject := range []string{bus.MarkRequest("honest"), bus.ConfigurationRequest("honest"), bus.EventsSubject("honest"), bus.RenewSubject("honest"),
		bus.JoinSubject("0123456789ab"), bus.MarkSubject("stolen"), bus.ConfigurationSubject("stolen"), "$JS.API.INFO",
		"$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO." + stream, "$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.UPDATE." + stream,
		"$JS.API.STREAM.DELETE." + stream, "$JS.API.STREAM.PURGE." + stream, "$JS.API.STREAM.MSG.GET." + stream, "$JS.API.STREAM.MSG.DELETE." + stream,
		"$JS.API.DIRECT.GET." + stream, "$JS.API.DIRECT.GET." + stream + "." + bus.EventsSubject("honest"), "$JS.API.DIRECT.GET.KV_terroir_marks",
		"$JS.API.CONSUMER.CREATE." + stream, "$JS.API.CONSUMER.LIST." + stream, "$JS.API.CONSUMER.DELETE." + stream + ".any",
		"$JS.API.CONSUMER.MSG.NEXT." + stream + ".any", "$JS.API.STREAM.PURGE.KV_terroir_marks", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO.x"} {
		if err := x.ask(subject, `{"last_by_subj":"`+bus.EventsSubject("honest")+`","name":"MINE"}`); err == nil {
			t.Errorf("%s was answered", subject)
		}
	}
	for _, subject := range []string{">", "*.>", bus.EventsSubject("*"), bus.EventsSubject("honest"), bus.EventsSubject("stolen"), bus.MarkSubject("honest"),
		bus.MarkSubject("*"), bus.ConfigurationSubject("honest"), bus.JoinSubject("*"), bus.RenewSubject("*"), "_INBOX.>", bus.InboxOf("honest") + ".>", "$SYS.>"} {
		if err := x.reads(subject); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("reads %s: %v", subject, err)
		}
	}
	if _, err := x.js.Publish(context.Background(), bus.EventsSubject("honest"), forged("honest")); err == nil {
		t.Error("published on another's subject")
	}
	for _, name := range []string{"honest", "stolen"} { // The second one is its right, and shows that the batch is good.
		if _, err := x.js.Publish(context.Background(), bus.EventsSubject("stolen"), forged(name)); err != nil {
			t.Error(err)
		}
	}
	for i := range 20 { // Its own inbox and as many more as are allowed.
		if _, err := x.SubscribeSync(bus.MarkSubject("stolen")); err != nil {
			break
		}
		_ = x.Flush()
		if x.IsClosed() || i == 19 {
			t.Log("subscriptions:", i+1, x.LastError())
		}
	}
	if err := x.LastError(); err == nil || !strings.Contains(strings.ToLower(err.Error()), "maximum subscriptions") {
		t.Errorf("20 subscriptions: %v", err)
	}
	f.once("honest", stop())
	rows := f.wait(1, fmt.Sprintf("SELECT sensor FROM events WHERE payload_id = '%s'", terroir.NewPayloadID([]byte("forged"))))
	same(t, "who the forged payload is of", rows, [][]any{{"stolen"}})
}

// forged is a batch that says to be of the sensor.
func forged(name string) []byte {
	e := &terroir.Event{Position: terroir.Position{Sequence: 1}, Time: time.Now(), Region: "eu-west-3", Kind: terroir.KindPayload, Transport: terroir.TCP,
		Source: netip.MustParseAddrPort("100.64.0.1:1"), Destination: netip.MustParseAddrPort("127.0.0.1:6379"), Attempts: 1}
	return wire.AppendBatch(nil, &wire.Batch{Sensor: name, Epoch: 7, Records: []terroir.Record{{Event: e, Payload: []byte("forged")}}})
}

// TestAFloodEndsAtTheQuota sends with a sensor's key as much as it can, and connects again whenever it is thrown out. Neither
// another sensor nor the one whose key it is loses anything.
func TestAFloodEndsAtTheQuota(t *testing.T) {
	const atOnce, perSecond = 8 << 20, 1 << 20
	f, fl := newFleetThat(t, fleet.Settings{Quota: fleet.Quota{Bytes: perSecond, BytesAtOnce: atOnce, Messages: 400, MessagesAtOnce: 2000, Connections: 4}})
	honest := f.member(fl, "honest", "127.77.2.2")
	stop := honest.talk()
	victim := f.member(fl, "stolen", "127.77.2.3")
	stopVictim := victim.talk()
	c := f.credentials(victim)
	var stored atomic.Int64
	watch := f.hubConn()
	if _, err := watch.Subscribe(bus.EventsSubject("stolen"), func(m *nats.Msg) { stored.Add(int64(len(m.Data))) }); err != nil {
		t.Fatal(err)
	}
	_ = watch.Flush()
	begun := time.Now()
	junk := make([]byte, 256<<10)
	held := 0
	for time.Since(begun) < 8*time.Second {
		nc, err := nats.Connect(c.Hub, append(c.Options(), nats.NoReconnect(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
		if err != nil {
			held++
			time.Sleep(20 * time.Millisecond)
			continue
		}
		for nc.IsConnected() && time.Since(begun) < 8*time.Second {
			if nc.Publish(bus.EventsSubject("stolen"), junk) != nil {
				break
			}
		}
		nc.Close()
	}
	took := time.Since(begun).Seconds()
	t.Logf("%d MiB passed in %.1f s; refused to connect %d times", stored.Load()>>20, took, held)
	if held == 0 {
		t.Error("who floods is not held up")
	}
	// What passes before the next look comes on top.
	if most := atOnce + took*perSecond + (400 << 20); float64(stored.Load()) > most {
		t.Errorf("%d bytes passed, at most %.0f should", stored.Load(), most)
	}
	f.once("honest", stop())
	f.once("stolen", stopVictim())
	floods, err := fl.Floods()
	if err != nil || floods["stolen"].Times == 0 || floods["honest"].Times != 0 {
		t.Errorf("floods: %+v %v", floods, err)
	}
}

// TestWhatWaitsOfOneSensorIsBounded fills the bus while the hub is away, by many small messages.
func TestWhatWaitsOfOneSensorIsBounded(t *testing.T) {
	q := fleet.Quota{Bytes: 1 << 30, BytesAtOnce: 1 << 30, Messages: 1e6, MessagesAtOnce: 1e6, Connections: 4}
	f, fl := newFleetThat(t, fleet.Settings{Quota: q})
	honest := f.joined(fl, "honest")
	x := steal(t, f.joined(fl, "stolen"))
	f.stop()
	stored, refused := 0, 0
	for range bus.MaxWaiting + 100 {
		if _, err := x.js.Publish(context.Background(), bus.EventsSubject("stolen"), []byte("junk")); err == nil {
			stored++
		} else if refused++; refused > 10 {
			break
		}
	}
	if stored != bus.MaxWaiting {
		t.Errorf("%d messages wait, at most %d should", stored, bus.MaxWaiting)
	}
	if _, err := x.js.Publish(context.Background(), bus.EventsSubject("stolen"), make([]byte, bus.MaxMessage+1)); err == nil {
		t.Error("a message that is too large was taken")
	}
	if _, err := steal(t, honest).js.Publish(context.Background(), bus.EventsSubject("honest"), forged("honest")); err != nil {
		t.Errorf("another sensor: %v", err)
	}
	f.startHub()
	f.wait(1, "SELECT 1 FROM events WHERE sensor = 'honest'")
}

// TestConnectionsOfAKeyAreFew opens more than a key may have.
func TestConnectionsOfAKeyAreFew(t *testing.T) {
	f, fl := newFleet(t)
	c := f.joined(fl, "many")
	var list []*thief
	for range 10 {
		list = append(list, steal(t, c))
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		open := 0
		for _, x := range list {
			if x.IsConnected() {
				open++
			}
		}
		if open == fl.Quota.Connections {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections of a key are open", open)
		}
	}
	if !list[0].IsConnected() {
		t.Error("the first one, which may be the sensor's own, was ended")
	}
}

// TestRemovalEndsAConnectionAtOnce removes a sensor that is connected.
func TestRemovalEndsAConnectionAtOnce(t *testing.T) {
	f, fl := newFleet(t)
	c := f.joined(fl, "gone")
	x := steal(t, c)
	begun := time.Now()
	if err := fl.Remove("gone"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-x.closed:
		t.Logf("closed after %s", time.Since(begun).Round(time.Millisecond))
	case <-time.After(2 * time.Second):
		t.Error("who was removed stays connected")
	}
	if again, err := nats.Connect(c.Hub, append(c.Options(), nats.NoReconnect())...); !errors.Is(err, nats.ErrAuthorization) {
		if err == nil {
			again.Close()
		}
		t.Errorf("who was removed comes back: %v", err)
	}
	if plain, err := nats.Connect(strings.Replace(c.Hub, "tls://", "nats://", 1), nats.NoReconnect()); err == nil {
		plain.Close()
		t.Error("nobody in particular is let in")
	}
}

// TestATokenLetsInOne has many machines join at the same moment with a token for one.
func TestATokenLetsInOne(t *testing.T) {
	f, fl := newFleet(t)
	token := f.token(fl, fleet.Grant{Sensor: "one", Region: "eu-west-3", Left: 1})
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = bus.Join(context.Background(), token) })
	}
	all.Wait()
	in := 0
	for _, err := range errs {
		switch {
		case err == nil:
			in++
		case terroir.ErrorCode(err) != terroir.EUNAUTHORIZED || strings.Contains(err.Error(), "\n"):
			t.Errorf("refused with %v", err)
		}
	}
	if in != 1 {
		t.Errorf("%d joined with a token for one", in)
	}
	if _, err := bus.Join(context.Background(), token); terroir.ErrorCode(err) != terroir.EUNAUTHORIZED {
		t.Errorf("used again: %v", err)
	}
	late := f.token(fl, fleet.Grant{Sensor: "late", Region: "eu-west-3", Left: 1, Expires: time.Now().Add(time.Second)})
	time.Sleep(2 * time.Second)
	if _, err := bus.Join(context.Background(), late); terroir.ErrorCode(err) != terroir.EUNAUTHORIZED {
		t.Errorf("an expired token: %v", err)
	}
}

// TestKeysRotateWhileSensorsSend has sensors, confined as always, send throughout while their own keys end several times
// over and the hub rotates its own. Nothing is lost, and what held before does not any more.
func TestKeysRotateWhileSensorsSend(t *testing.T) {
	const lasts, overlap = 12 * time.Second, 12 * time.Second // a slow machine has a third of each to act
	f, fl := newFleetThat(t, fleet.Settings{Lasts: lasts, Ask: 200 * time.Millisecond})
	var list []*process
	var stops []func() int
	for i := range 2 {
		p := f.member(fl, fmt.Sprintf("turning-%d", i), fmt.Sprintf("127.77.3.%d", i+1))
		list, stops = append(list, p), append(stops, p.talk())
	}
	first := f.credentials(list[0])
	time.Sleep(lasts + time.Second) // Without a renewal they would be out by now.
	renewed := f.credentialsWhen(list[0], "the key was renewed", func(c *bus.Credentials) bool { return c.Seed != first.Seed && c.JWT != first.JWT })
	f.refusedSoon("a key that was replaced", first)
	token := f.token(fl, fleet.Grant{Sensor: "waiting", Region: "eu-west-3", Left: 1})
	if err := fl.Rotate(overlap); err != nil {
		t.Fatal(err)
	}
	rotated := time.Now()
	between := f.credentialsWhen(list[0], "the sensor knows the next authority and has changed over to the next keys", func(c *bus.Credentials) bool {
		return len(c.NextCAs) == 1 && c.JWT != renewed.JWT
	})
	if _, err := bus.Join(context.Background(), token); err != nil {
		t.Errorf("a token of before, within the overlap: %v", err)
	}
	time.Sleep(time.Until(rotated.Add(overlap)))
	after := f.credentialsWhen(list[0], "the old authority is not believed any more", func(c *bus.Credentials) bool {
		return string(c.CA) == string(between.NextCAs[0]) && len(c.NextCAs) == 0
	})
	after.CA, after.NextCAs = renewed.CA, nil
	f.refused("the hub, by one who knows only its old certificate", after)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(f.fleetDir, "keys.json"))
		if err == nil && strings.Count(string(text), `"Signer"`) == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the old secrets are kept: %v", err)
		}
	}
	for i, p := range list {
		f.once(p.name, stops[i]())
		p.end()
		for line := range strings.Lines(p.log.String()) {
			if strings.Contains(line, " WARN bus") || strings.Contains(line, " WARN credentials") || strings.Contains(line, " ERROR ") {
				t.Errorf("%s: %s", p.name, line)
			}
		}
	}
	if members, err := fl.Members(); err != nil || len(members) != 3 {
		t.Errorf("%v %v", members, err)
	}
}

// credentials are those that the sensor keeps now.
func (f *field) credentials(p *process) *bus.Credentials {
	f.t.Helper()
	c, err := sensor.Joined(p.home)
	if err != nil || c == nil {
		f.t.Fatal(c, err)
	}
	return c
}

// credentialsWhen are those that the sensor keeps once they hold what is awaited.
func (f *field) credentialsWhen(p *process, what string, holds func(*bus.Credentials) bool) *bus.Credentials {
	f.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if c := f.credentials(p); holds(c) {
			return c
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("not within ten seconds: %s", what)
		}
	}
}

// refusedSoon checks that the credentials end, once the sensor has used those that replace them.
func (f *field) refusedSoon(what string, c *bus.Credentials) {
	f.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		nc, err := nats.Connect(c.Hub, append(c.Options(), nats.NoReconnect())...)
		if err != nil {
			return
		}
		nc.Close()
	}
	f.t.Errorf("connected: %s", what)
}

func (f *field) refused(what string, c *bus.Credentials) {
	f.t.Helper()
	if nc, err := nats.Connect(c.Hub, append(c.Options(), nats.NoReconnect())...); err == nil {
		nc.Close()
		f.t.Errorf("connected: %s", what)
	}
}

// TestAnEndAtOnceShutsOutEverybody rotates without an overlap, as after a theft of the hub's keys.
func TestAnEndAtOnceShutsOutEverybody(t *testing.T) {
	f, fl := newFleet(t)
	c := f.joined(fl, "before")
	x := steal(t, c)
	if err := fl.Rotate(0); err != nil {
		t.Fatal(err)
	}
	select {
	case <-x.closed:
	case <-time.After(5 * time.Second):
		t.Error("who is known by the old keys stays connected")
	}
	f.refused("who is known by the old keys", c)
	if err := fl.Remove("before"); err != nil {
		t.Fatal(err)
	}
	again := f.joined(fl, "before")
	if err := steal(t, again).ask(bus.MarkRequest("before"), ""); err != nil {
		t.Errorf("who joins again: %v", err)
	}
}
