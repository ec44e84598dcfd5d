package e2e

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"path/filepath"
	"testing"
	"time"

	"terroir"
	"terroir/enrich"
	"terroir/hub"
	"terroir/simulate"
)

// loop is a fortnight in which, after a week, one region's sensor begins to serve what was recommended there.
type loop struct {
	sim    *simulate.World
	region string
	turn   time.Time
	// added are the recommended ports; to silent of them nobody says anything.
	added  map[string]terroir.ServedPort
	silent string
	// before are the sources that tried an added port and met no listener, after those that sent a payload there, by port and day.
	before, after map[string]map[string]map[string]bool
}

// TestTheLoopIsMeasured serves what was recommended after the first week, and compares what the view says of the second with a count.
func TestTheLoopIsMeasured(t *testing.T) {
	sim, err := simulate.New(simulate.Options{Days: 14, Scale: 0.6})
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{sim: sim, region: sim.Sensors()[0].Region, turn: simulate.Begin.Add(7 * 24 * time.Hour), added: map[string]terroir.ServedPort{},
		before: map[string]map[string]map[string]bool{}, after: map[string]map[string]map[string]bool{}}
	w := openWorld(t, t.TempDir())
	l.week(t, w, 1)
	rows(w.run("recommend", map[string]string{"region": l.region, "ports": "3", "draws": "99"}), func(r map[string]any) {
		if r["rank"] == nil {
			return
		}
		p := terroir.ServedPort{Transport: terroir.TCP, Port: uint16(r["port"].(int64)), Service: "http"}
		l.added[p.String()] = p
		l.silent = p.String()
	})
	if len(l.added) != 3 {
		t.Fatalf("%v are recommended", l.added)
	}
	l.week(t, w, 2)
	seen := 0
	rows(w.run("gain", map[string]string{"region": l.region, "draws": "199"}), func(r map[string]any) {
		seen++
		l.check(t, r)
	})
	same(t, "ports that were looked at", seen, len(l.added))
}

// week brings a week's events into the lake, those of the second as the region's new configuration makes them.
func (l *loop) week(t *testing.T, w *world, week int) {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	if err := l.sim.WriteGeo(dir); err != nil {
		t.Fatal(err)
	}
	geo, err := enrich.Open([]string{filepath.Join(dir, "country.mmdb")}, []string{filepath.Join(dir, "asn.mmdb")})
	if err != nil {
		t.Fatal(err)
	}
	defer geo.Close()
	im := hub.NewImporter(ctx, w.lake, uint64(week), geo, analyze, nil)
	for _, s := range l.sim.Sensors() {
		a := &terroir.Announcement{Time: simulate.Begin, Region: s.Region, Configuration: terroir.Containers()}
		a.Sensor, a.Configuration.Revision = s.Name, 1
		if week == 2 && s.Region == l.region {
			a.Time, a.Configuration.Revision = l.turn, 2
			for _, p := range l.added {
				a.Configuration.Ports = append(a.Configuration.Ports, p)
			}
		}
		if err := im.Put(ctx, terroir.Record{Announcement: a}); err != nil {
			t.Fatal(err)
		}
	}
	err = l.sim.Events(ctx, func(r terroir.Record, _ simulate.Label) error {
		if r.Event.Time.Before(l.turn) != (week == 1) {
			return nil
		}
		l.meet(&r)
		l.count(r.Event)
		return im.Put(ctx, r)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := im.Close(); err != nil {
		t.Fatal(err)
	}
}

// meet has the source meet a listener where there is one now: two of three say something, unless nobody does to that port.
func (l *loop) meet(r *terroir.Record) {
	e := r.Event
	e.Revision = 1
	if e.Region != l.region || e.Time.Before(l.turn) {
		return
	}
	e.Revision = 2
	port := fmt.Sprintf("%s/%d", e.Transport, e.Destination.Port())
	if _, ok := l.added[port]; !ok || e.Kind != terroir.KindUnserved {
		return
	}
	h := fnv.New32a()
	fmt.Fprint(h, e.Source.Addr(), port)
	if port == l.silent || h.Sum32()%3 == 0 {
		e.Kind = terroir.KindConnection
		return
	}
	r.Payload = []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	e.Kind, e.Payload, e.SourceBytes = terroir.KindPayload, terroir.NewPayloadID(r.Payload), int64(len(r.Payload))
}

func (l *loop) count(e *terroir.Event) {
	into := l.before
	switch {
	case e.Region != l.region:
		return
	case e.Kind == terroir.KindPayload && !e.Time.Before(l.turn):
		into = l.after
	case e.Kind != terroir.KindUnserved || !e.Time.Before(l.turn):
		return
	}
	port, day := fmt.Sprintf("%s/%d", e.Transport, e.Destination.Port()), e.Time.Format(time.DateOnly)
	if into[port] == nil {
		into[port] = map[string]map[string]bool{}
	}
	if into[port][day] == nil {
		into[port][day] = map[string]bool{}
	}
	into[port][day][e.Source.Addr().String()] = true
}

// aDay is the mean number of sources over the days of a week but one.
func aDay(days map[string]map[string]bool, without time.Time, of int) float64 {
	n := 0
	for day, sources := range days {
		if day != without.Format(time.DateOnly) {
			n += len(sources)
		}
	}
	return float64(n) / float64(of)
}

// check compares a row with the count, and with how it was made to come out.
func (l *loop) check(t *testing.T, r map[string]any) {
	t.Helper()
	t.Logf("%v", r)
	port := fmt.Sprintf("%s/%d", r["transport"], r["port"])
	same(t, port+": revision and days", []any{r["revision"], r["days_before"], r["days_after"]}, []int64{2, 7, 6})
	near(t, port+": unserved before", r["unserved_before"], aDay(l.before[port], time.Time{}, 7))
	near(t, port+": measured", r["measured"], aDay(l.after[port], l.turn, 6))
	if low, high := r["ratio_low"].(float64), r["ratio_high"].(float64); low > 1 || high < 1 || math.IsNaN(low+high) {
		t.Errorf("%s: the rollout changed nobody's mind, the view says by %v (%v to %v)", port, r["ratio"], low, high)
	}
	want := "keep"
	if port == l.silent {
		want = "drop"
	}
	if got := fmt.Sprint(r["verdict"]); len(got) < 4 || got[:4] != want {
		t.Errorf("%s: %q, want %s; %.2f sources a day were expected, %.2f came", port, got, want, r["expected"], r["measured"])
	}
}
