package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/wire"
)

// replay puts a sensor's whole spool back, as it was before the hub freed it, and lets the sensor go on from there.
func (c *chaos) replay(n int) {
	c.t.Helper()
	const sessions = 100
	p, l, spool := c.sensors[n], c.sensors[n].link, filepath.Join(c.sensorDir(n+1), "spool")
	kept := filepath.Join(c.home, "spool kept")
	l.set(true, false)
	c.sayAll(n, sessions)
	time.Sleep(settle)
	p.hold()
	if err := os.CopyFS(kept, os.DirFS(spool)); err != nil {
		c.t.Fatal(err)
	}
	l.set(false, false)
	p.release()
	p.await()
	c.sayAll(n, sessions)
	c.settleAll(time.Minute)
	p.hold()
	if err := os.RemoveAll(spool); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(kept, spool); err != nil {
		c.t.Fatal(err)
	}
	said := len(p.log.String())
	p.release()
	p.await()
	c.sayAll(n, sessions) // under numbers that the hub has for others, until the sensor hears of that
	c.eventually("the sensor learns that the hub has later records", func() bool {
		return strings.Contains(p.log.String()[said:], "the hub has later records than the folder")
	})
	c.sayAll(n, sessions)
}

// fullDisk fills the disk of a sensor's spool: what it cannot record it counts, and the rest goes on.
func (c *chaos) fullDisk(n int) {
	c.t.Helper()
	if !onOwnDisk(c.sensorDir(n + 1)) {
		return
	}
	c.sensors[n].link.set(true, false)
	free, err := fill(c.sensorDir(n + 1))
	if err != nil {
		c.t.Fatal(err)
	}
	c.sayAll(n, 300)
	time.Sleep(settle)
	free()
	c.sensors[n].link.set(false, false)
	c.awaitLoss(n)
}

// overLimit lets a small spool wait for the hub: below its limit nothing is lost, beyond it what is lost is counted.
func (c *chaos) overLimit() {
	c.t.Helper()
	const each = 8 << 10
	n := len(c.sensors)
	c.startSensor(n+1, "1MiB")
	p := c.sensors[n]
	p.await()
	c.book.padding = strings.Repeat(".", each)
	defer func() { c.book.padding = "" }()
	p.link.set(true, false)
	c.sayAll(n, 80) // 640 KiB
	p.link.set(false, false)
	if f := c.settleAll(time.Minute); f.full[p.name] > 0 || count(f.missing, p.name) > 0 {
		c.t.Errorf("below its limit the spool lost %d, and %d are missing", f.full[p.name], count(f.missing, p.name))
	}
	p.link.set(true, false)
	c.sayAll(n, 200) // 1.6 MiB
	p.link.set(false, false)
	c.awaitLoss(n)
}

// away lets both hubs be away while events come in, and come back: nothing is lost, and what is said then does not wait
// until all that came before is in the table. backlog is how many events wait on the bus beside those of the sensors.
func (c *chaos) away(backlog int) {
	c.t.Helper()
	for _, h := range c.hubs {
		h.hold()
	}
	c.backlog(backlog)
	c.sayAll(0, 500)
	for _, h := range c.hubs {
		h.release()
	}
	for _, h := range c.hubs {
		h.await()
	}
	begun, before := time.Now(), c.book.size()
	c.sayAll(1, 20)
	c.eventually("live events are in the table while the hubs catch up", func() bool {
		f, err := c.compare()
		if err != nil {
			c.t.Fatal(err)
		}
		return !slices.ContainsFunc(f.missing, func(text string) bool { return numberOf(text) > before })
	})
	c.t.Logf("after %d events had waited, live ones were in the table after %s", backlog+500, time.Since(begun).Round(100*time.Millisecond))
}

// backlog puts events of a sensor that is not there on the bus.
func (c *chaos) backlog(events int) {
	c.t.Helper()
	b, err := bus.Connect("nats://"+c.address, "backlog")
	if err != nil {
		c.t.Fatal(err)
	}
	defer b.Close()
	const batch = 4000
	for first := 1; first <= events; first += batch {
		w := wire.Batch{Sensor: "backlog", Epoch: 1}
		for n := first; n < first+batch && n <= events; n++ {
			e := &terroir.Event{Time: time.Now().UTC(), Region: "eu-west-3", Kind: terroir.KindConnection, Transport: terroir.TCP, Attempts: 1,
				Source: netip.MustParseAddrPort("100.64.0.1:1"), Destination: netip.MustParseAddrPort("100.64.0.2:6379")}
			e.Sequence = uint64(n)
			w.Records = append(w.Records, terroir.Record{Event: e})
		}
		if err := b.Publish(context.Background(), w.Sensor, fmt.Sprint("backlog ", first), 1, wire.AppendBatch(nil, &w)); err != nil {
			c.t.Fatal(err)
		}
	}
}

// awaitLoss waits until the table tells what a sensor lost. It tells that with a record that comes 10 s later, or more.
func (c *chaos) awaitLoss(n int) {
	c.t.Helper()
	c.eventually("what a full spool lost is in the table", func() bool {
		c.sayAll(n, 1)
		f, err := c.compare()
		if err != nil {
			c.t.Fatal(err)
		}
		return f.full[c.sensors[n].name] > 0
	})
}

// sayAll sends so many numbered payloads to the sensor, one after another.
func (c *chaos) sayAll(n, sessions int) {
	c.t.Helper()
	for range sessions {
		if err := c.book.say(n, c.at[n]); err != nil {
			c.t.Errorf("a session with a sensor that is up: %v", err)
			return
		}
	}
}

// eventually waits up to a minute.
func (c *chaos) eventually(what string, holds func() bool) {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("not within a minute: %s", what)
		}
	}
}
