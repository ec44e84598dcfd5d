package fleet

import (
	"log/slog"
	"slices"
	"time"

	"terroir/bus/server"
)

// Flood is how often a sensor was held up because it sent more than its quota.
type Flood struct {
	Sensor string    `json:"sensor"`
	Times  int64     `json:"times"`
	Last   time.Time `json:"last"`
}

// Floods says who was held up, by name.
func (f *Fleet) Floods() (map[string]Flood, error) {
	list, err := readAll[Flood](f.folder("floods"))
	by := map[string]Flood{}
	for _, x := range list {
		by[x.Sensor] = x
	}
	return by, err
}

// heldNow are the keys that are not accepted for now.
func (f *Fleet) heldNow() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []string
	for key, until := range f.held {
		if time.Now().Before(until) {
			list = append(list, key)
		} else {
			delete(f.held, key)
		}
	}
	slices.Sort(list)
	return list
}

// watch looks at what the connections sent, and holds up who sent too much.
func (f *Fleet) watch(g *guard, s *server.Server) {
	own := f.hubKeys()
	clients := slices.DeleteFunc(s.Clients(), func(c server.Client) bool { return slices.Contains(own, c.Key) })
	hold, surplus := g.look(time.Now(), clients)
	for key, d := range hold {
		if f.hold(key, d) {
			f.tellFlood(key, d)
		}
	}
	for _, id := range surplus {
		s.Disconnect(id)
	}
}

// hubKeys are the hub's own, of all generations.
func (f *Fleet) hubKeys() (list []string) {
	for _, g := range f.holding() {
		if own, err := public(g.Hub); err == nil {
			list = append(list, own)
		}
	}
	return list
}

// hold has the key not accepted for so long, and reports whether it was accepted until now.
func (f *Fleet) hold(key string, d time.Duration) (begins bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	begins = !time.Now().Before(f.held[key])
	f.held[key] = time.Now().Add(d)
	return begins
}

// tellFlood logs and counts. Who joins is no sensor yet, and is only logged.
func (f *Fleet) tellFlood(key string, d time.Duration) {
	name := f.sensorOf(key)
	slog.Warn("a key sends more than its quota and is held up", "sensor", name, "key", key, "for", d.Round(time.Millisecond))
	if name == "" {
		return
	}
	x := Flood{}
	_ = readJSON(f.file("floods", name), &x) // There is none the first time.
	x.Sensor, x.Times, x.Last = name, x.Times+1, time.Now().UTC()
	if err := f.write("floods", name, &x); err != nil {
		slog.Warn("a flood is not counted", "sensor", name, "error", err)
	}
}

// sensorOf is the name of the member with the key, or "".
func (f *Fleet) sensorOf(key string) string {
	members, err := f.Members()
	if err != nil {
		return ""
	}
	for _, m := range members {
		if m.Key == key || m.Next == key {
			return m.Sensor
		}
	}
	return ""
}

// asked counts the questions of each sensor and token within a second or so.
type asked map[string]struct {
	since time.Time
	times int
}

// questionsPerSecond is how often one sensor or token is answered.
const questionsPerSecond = 20

// mayAsk reports whether who asks is to be answered. The others ask again.
func (f *Fleet) mayAsk(who string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	a := f.asked[who]
	if now.Sub(a.since) >= time.Second || now.Before(a.since) {
		a.since, a.times = now, 0
		for other, b := range f.asked {
			if now.Sub(b.since) >= time.Second {
				delete(f.asked, other)
			}
		}
	}
	a.times++
	f.asked[who] = a
	return a.times <= questionsPerSecond
}
