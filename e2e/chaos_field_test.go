package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// chaos is a field of which every part may be killed: sensors, a bus and two hubs with one lake.
type chaos struct {
	t    *testing.T
	home string
	programs
	mu     sync.Mutex
	random *rand.Rand

	bus     *part
	sensors []*part
	hubs    []*part
	at      []string // where each sensor listens
	book    *ledger
	address string // of the bus
}

const (
	chaosSensors, chaosHubs = 2, 2
	chaosPort               = 46379
)

// newChaos starts the field in the folder, in which lake and sensor-1 may be disks of their own.
func newChaos(t *testing.T, home string, p programs, seed uint64) *chaos {
	t.Helper()
	c := &chaos{t: t, home: home, programs: p, random: rand.New(rand.NewPCG(seed, 0)), book: newLedger()}
	c.address = freeAddress(t)
	c.bus = startPart(t, &part{name: "bus", clock: c.clock("bus"), command: []string{p.bus, c.address, filepath.Join(home, "bus")},
		up: func(said string) bool { return strings.Contains(said, "bus: ") }})
	for i := range chaosSensors {
		c.startSensor(i+1, "16MiB")
	}
	for i := range chaosHubs {
		c.startHub(i + 1)
	}
	return c
}

func (c *chaos) clock(name string) clock { return clock(filepath.Join(c.home, name+".clock")) }

func (c *chaos) lakeDir() string { return filepath.Join(c.home, "lake") }

func (c *chaos) sensorDir(n int) string { return filepath.Join(c.home, fmt.Sprintf("sensor-%d", n)) }

// freeAddress is one that nobody listens on at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startSensor starts a sensor whose spool is bounded.
func (c *chaos) startSensor(n int, spool string) {
	c.t.Helper()
	way := newLink(c.t, c.address)
	name, own := fmt.Sprintf("sensor-%d", n), fmt.Sprintf("127.77.21.%d", n)
	file := filepath.Join(c.home, name+".yaml")
	write(c.t, file, fmt.Sprintf("sensor: %s\nregion: eu-west-3\ndir: %q\nhub: %s\ntheme: none\nheartbeat: 1s\ndrain: 1s\n"+
		"listen: {addresses: [%q], answer: false, ports: [{port: %d, transport: tcp}]}\nlimits: {spool_bytes: %s}\n"+
		"tap: {enabled: false}\nconfine: {enabled: false}\n", name, c.sensorDir(n), way.url(), own, chaosPort, spool))
	bound := filepath.Join(c.sensorDir(n), "listen.json")
	c.sensors = append(c.sensors, startPart(c.t, &part{name: name, link: way, clock: c.clock(name), command: []string{c.programs.sensor, "-c", file},
		before: func() { _ = os.Remove(bound) },
		up: func(string) bool {
			text, err := os.ReadFile(bound)
			return err == nil && json.Valid(text)
		}}))
	c.at = append(c.at, fmt.Sprintf("%s:%d", own, chaosPort))
}

func (c *chaos) startHub(n int) {
	c.t.Helper()
	way := newLink(c.t, c.address)
	name := fmt.Sprintf("hub-%d", n)
	file := filepath.Join(c.home, name+".yaml")
	write(c.t, file, fmt.Sprintf("dir: %q\nlisten: 127.0.0.1:0\nbus: {url: %q}\nlake: {dir: %q}\ncommit: {interval: 300ms, rows: 2000}\n",
		filepath.Join(c.home, name), way.url(), c.lakeDir()))
	c.hubs = append(c.hubs, startPart(c.t, &part{name: name, link: way, clock: c.clock(name), command: []string{c.programs.hub, "hub", "run", "-c", file},
		up: func(said string) bool { return strings.Contains(said, "page and API") }}))
}

// parts are all of them.
func (c *chaos) parts() []*part { return append(append([]*part{c.bus}, c.sensors...), c.hubs...) }

func (c *chaos) await() {
	c.t.Helper()
	for _, p := range c.parts() {
		if !p.await() {
			c.t.FailNow()
		}
	}
}

// intn is a random number below n; between a random time.
func (c *chaos) intn(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

func (c *chaos) between(least, most time.Duration) time.Duration {
	return least + time.Duration(c.intn(int(most-least)))
}

// clients lets clients talk to every sensor until the returned function is called.
func (c *chaos) clients(each int, pause time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var g sync.WaitGroup
	for i, at := range c.at {
		for range each {
			g.Go(func() { c.book.talk(ctx, i, at, pause) })
		}
	}
	return func() { cancel(); g.Wait() }
}

// storm kills each kind of part so many times, at random moments, while networks fail, the lake's disk is full at times
// and clocks are moved.
func (c *chaos) storm(kills int) {
	var killers, weather sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	killers.Go(func() { c.killEach(c.sensors, kills, 200*time.Millisecond, 5*time.Second) })
	killers.Go(func() { c.killEach([]*part{c.bus}, kills, 200*time.Millisecond, 6*time.Second) })
	killers.Go(func() { c.killEach(c.hubs, kills, 100*time.Millisecond, 4*time.Second) })
	weather.Go(func() { c.cutLinks(ctx) })
	weather.Go(func() { c.moveClocks(ctx) })
	weather.Go(func() { c.fillLake(ctx) })
	killers.Wait()
	cancel()
	weather.Wait()
}

// killEach kills one of the parts after another, each time when one is up and a random pause has passed.
func (c *chaos) killEach(parts []*part, kills int, least, most time.Duration) {
	for range kills {
		p := parts[c.intn(len(parts))]
		if !p.await() {
			return
		}
		time.Sleep(c.between(least, most))
		for !p.kill() { // It was just on its way.
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func (c *chaos) cutLinks(ctx context.Context) {
	for ctx.Err() == nil {
		wait(ctx, c.between(100*time.Millisecond, 2*time.Second))
		l := c.parts()[1+c.intn(len(c.parts())-1)].link // The bus has none.
		cut := c.intn(2) == 0
		l.set(cut, !cut)
		wait(ctx, c.between(50*time.Millisecond, 1500*time.Millisecond))
		if !cut && c.intn(2) == 0 {
			l.set(true, false) // What was on its way is never seen again.
		}
		l.set(false, false)
	}
}

func (c *chaos) moveClocks(ctx context.Context) {
	for ctx.Err() == nil {
		wait(ctx, c.between(200*time.Millisecond, 3*time.Second))
		p := c.parts()[c.intn(len(c.parts()))]
		if err := p.clock.move(c.between(-9*time.Hour, 9*time.Hour)); err != nil {
			c.t.Error(err)
			return
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// fillLake fills the disk of the lake for a moment, where it is a small one.
func (c *chaos) fillLake(ctx context.Context) {
	for ctx.Err() == nil && onOwnDisk(c.lakeDir()) {
		wait(ctx, c.between(5*time.Second, 15*time.Second))
		free, err := fill(c.lakeDir())
		if err != nil {
			c.t.Error(err)
			return
		}
		wait(ctx, c.between(200*time.Millisecond, 2*time.Second))
		free()
	}
}

// chaosDisks, in the environment, says that lake and sensor-1 are small disks.
const chaosDisks = "TERROIR_CHAOS_DISKS"

func onOwnDisk(dir string) bool { return os.Getenv(chaosDisks) != "" && dir != "" }

// fill takes all space on the disk of the folder, until free is called.
func fill(dir string) (free func(), err error) {
	name := filepath.Join(dir, "ballast")
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(f, endless{}) // Until there is no space.
	return func() { f.Close(); _ = os.Remove(name) }, nil
}

// endless is a file of zeros without end.
type endless struct{}

// Read implements io.Reader.
func (endless) Read(b []byte) (int, error) { clear(b); return len(b), nil }
