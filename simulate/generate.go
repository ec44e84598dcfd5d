package simulate

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"terroir"
)

// Label says what an event is: what an analysis should find out.
type Label struct {
	Actor   string `json:"actor"`
	Class   string `json:"class"`
	Country string `json:"country"`
	ASN     uint32 `json:"asn"`
	Family  string `json:"family,omitempty"`
	Proto   string `json:"protocol,omitempty"`
	Variant int    `json:"variant"`
}

// occurrence is an event before it is numbered.
type occurrence struct {
	at     time.Time
	sensor int
	actor  *actor
	habit  *habit
	k      uint64
}

// Events calls f with every event of the window, in the order of time, numbered per sensor. It holds one day at a time.
func (w *World) Events(ctx context.Context, f func(terroir.Record, Label) error) error {
	next := make([]uint64, len(w.sensors))
	for day := range w.opt.Days {
		list := w.day(day)
		for _, o := range list {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r, l := w.event(o)
			next[o.sensor]++
			r.Event.Position = terroir.Position{Sensor: w.sensors[o.sensor].Name, Epoch: w.opt.Seed, Sequence: next[o.sensor]}
			if err := f(r, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// day lists the events of a day. When and where an event is depends on its actor, habit and number alone, so that
// each day can be made for itself.
func (w *World) day(day int) []occurrence {
	begin, end := Begin.AddDate(0, 0, day), Begin.AddDate(0, 0, day+1)
	var list []occurrence
	for _, a := range w.actors {
		for h := range a.habits {
			habit := &a.habits[h]
			for k := range w.count(a, h) {
				at, sensor := w.place(a, h, k)
				if at.Before(begin) || !at.Before(end) || w.down(sensor, at) {
					continue
				}
				list = append(list, occurrence{at, sensor, a, habit, k})
			}
		}
	}
	slices.SortFunc(list, func(a, b occurrence) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.sensor, b.sensor), cmp.Compare(a.actor.id, b.actor.id), cmp.Compare(a.k, b.k))
	})
	return list
}

// count is how many events a habit has in the window: what was asked for, the part of one decided by chance. What an
// actor does at least once a week at scale 1 is never left out.
func (w *World) count(a *actor, h int) uint64 {
	exact := a.habits[h].weekly * w.opt.Scale * float64(w.opt.Days) / 7
	n := math.Floor(exact)
	if w.random(a.id, uint64(h), 1).Float64() < exact-n {
		n++
	}
	if n == 0 && a.habits[h].weekly >= 1 {
		n = 1
	}
	return uint64(n)
}

// place decides when and at which sensor. Traffic has a rhythm: twice as much at noon as at midnight, UTC.
func (w *World) place(a *actor, h int, k uint64) (time.Time, int) {
	r := w.random(a.id, uint64(h), 2, k)
	window := w.End().Sub(Begin)
	var at time.Duration
	for {
		at = time.Duration(r.Int64N(int64(window-time.Minute))).Truncate(time.Microsecond) + 30*time.Second
		hour := (at % (24 * time.Hour)).Hours()
		if r.Float64() < (1.5-.5*math.Cos(2*math.Pi*(hour-12)/24+math.Pi))/2 {
			break
		}
	}
	regions := a.habits[h].regions
	// The first events go around, so that a habit reaches its regions for certain.
	if k < uint64(len(regions)) {
		return Begin.Add(at), regions[(k+a.id*7+uint64(h))%uint64(len(regions))]
	}
	return Begin.Add(at), regions[r.IntN(len(regions))]
}

func (w *World) down(sensor int, at time.Time) bool {
	return w.sensors[sensor].Region == w.outage.Region && !at.Before(w.outage.From) && at.Before(w.outage.To)
}

// event makes the record of an occurrence.
func (w *World) event(o occurrence) (terroir.Record, Label) {
	h, a, s := o.habit, o.actor, w.sensors[o.sensor]
	r := w.random(a.id, uint64(h.port), 3, o.k, uint64(o.at.UnixMicro()))
	source := a.sources[r.IntN(len(a.sources))]
	own := s.Addr4
	if source.Is6() {
		own = s.Addr6
	}
	e := &terroir.Event{Time: o.at, Region: s.Region, Revision: 1, Kind: h.kind, Transport: h.transport, Attempts: 1,
		Source: netip.AddrPortFrom(source, uint16(1024+r.IntN(64000))), Destination: netip.AddrPortFrom(own, h.port)}
	l := Label{Actor: a.name, Class: a.class, Country: a.net.country, ASN: a.net.asn, Variant: -1}
	record := terroir.Record{Event: e}
	switch h.kind {
	case terroir.KindPayload:
		l.Family, l.Proto = h.family.name, h.family.proto
		l.Variant = pick(r, h.family.variants)
		record.Payload = h.family.make(l.Variant, targetOf(own, h.port))
		e.Payload, e.SourceBytes = terroir.NewPayloadID(record.Payload), int64(len(record.Payload))
		w.endSession(r, e)
	case terroir.KindConnection:
		e.Close, e.Duration = terroir.CloseIdleLimit, 30*time.Second
	case terroir.KindError:
		e.Close, e.Duration = terroir.CloseClientFIN, time.Duration(50+r.IntN(400))*time.Millisecond
		if r.IntN(2) == 0 {
			e.Close = terroir.CloseClientRST
		}
	case terroir.KindUnserved:
		if h.transport == terroir.TCP && r.IntN(6) == 0 {
			e.Attempts = int64(2 + r.IntN(2))
		}
		if h.transport == terroir.ICMP && source.Is6() {
			e.Destination = netip.AddrPortFrom(own, 128)
		}
	}
	return record, l
}

func (w *World) endSession(r *rand.Rand, e *terroir.Event) {
	e.Duration = time.Duration(80+r.IntN(1500)) * time.Millisecond
	switch {
	case e.Transport == terroir.UDP:
		e.Close, e.Duration = terroir.CloseIdleLimit, 0
	case r.IntN(8) == 0:
		e.Close = terroir.CloseClientRST
	case r.IntN(6) == 0:
		e.Close, e.Duration = terroir.CloseIdleLimit, e.Duration+5*time.Second
	default:
		e.Close = terroir.CloseClientFIN
	}
}

// pick chooses a variant: the first ones are common, the last ones rare.
func pick(r *rand.Rand, variants int) int {
	x := r.Float64()
	return min(int(x*x*float64(variants)), variants-1)
}

func targetOf(own netip.Addr, port uint16) target {
	t := target{addr: own.String(), host: own.String(), port: port}
	if own.Is6() {
		t.host = "[" + t.host + "]"
	}
	return t
}
