package hub

import (
	"log/slog"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/wire"
)

// take takes in one message. What is wrong with it concerns its sensor alone: it is counted, and the hub goes on.
func (h *Hub) take(m bus.Message) {
	if h.stream == 0 {
		h.since = time.Now()
	}
	h.stream = m.Stream
	b, err := wire.DecodeBatch(m.Data)
	if err == nil && b.Sensor != m.Sensor {
		err = terroir.Errorf(terroir.EUNAUTHORIZED, "the batch is of sensor %q", b.Sensor)
	}
	if err != nil {
		slog.Warn("hub: batch rejected", "sensor", m.Sensor, "stream", m.Stream, "error", err)
		h.count(func(s *Status) { s.Rejected++ })
		return
	}
	h.saw(b.Sensor, h.takeRecords(b.Records, m.Oldest))
	if h.pipe.rows() >= busyRows {
		h.rest.work(time.Now())
	}
}

// takeRecords takes in records of one sensor, and returns those that were new, in the place of all. It ends at one whose
// predecessors have not come yet: the sensor will send it again, and what is behind it.
func (h *Hub) takeRecords(records []terroir.Record, oldest uint64) []terroir.Record {
	fresh := records[:0]
	for i := range records {
		switch h.takeRecord(&records[i], oldest) {
		case early:
			h.count(func(s *Status) { s.Rejected += int64(len(records) - i) })
			return fresh
		case duplicate:
			h.count(func(s *Status) { s.Duplicates++ })
		case take:
			fresh = append(fresh, records[i])
		}
	}
	return fresh
}

// takeRecord takes in the record, if the verdict is that.
func (h *Hub) takeRecord(r *terroir.Record, oldest uint64) verdict {
	p := r.Position()
	v, missing := h.order.accept(p, oldest)
	if v != take {
		return v
	}
	if missing > 0 {
		h.missed(p, int64(min(missing, terroir.MaxAttempts)))
	}
	if err := h.pipe.add(r); err != nil {
		// Only a broken geo database does this; the event is kept without its country.
		slog.Warn("hub: event not enriched", "error", err)
		h.pipe.batch.Events = append(h.pipe.batch.Events, r.Event)
	}
	return take
}

// missed records that a sensor lost records before the position: numbered as the last of them, so that it is counted
// once.
func (h *Hub) missed(p *terroir.Position, n int64) {
	l := terroir.Loss{Position: *p, Time: time.Now().UTC(), Stage: "spool", Reason: "missing", Attempts: n}
	l.Sequence--
	h.pipe.batch.Losses = append(h.pipe.batch.Losses, l)
}

// saw keeps what the live view and the fleet's state show of records that a sensor sent.
func (h *Hub) saw(sensor string, records []terroir.Record) {
	if len(records) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.fleet[sensor]
	if s == nil {
		s = &Sensor{Name: sensor, Since: time.Now()}
		h.fleet[sensor] = s
	}
	now := time.Now()
	for i := range records {
		r := &records[i]
		s.saw(r, now)
		if r.Event == nil {
			continue
		}
		h.status.Events++
		if len(records)-i <= len(h.recent.ring) { // What is put before these would not stay.
			h.recent.put(Arrival{Event: *r.Event, Payload: r.Payload, number: h.number})
		}
	}
}

// saw keeps what the record says of its sensor.
func (s *Sensor) saw(r *terroir.Record, now time.Time) {
	s.Seen = now
	switch {
	case r.Event != nil:
		s.Region, s.Revision = r.Event.Region, r.Event.Revision
		s.Events += r.Event.Attempts
		if r.Event.Kind == terroir.KindError {
			s.Errors += r.Event.Attempts
		}
	case r.Loss != nil:
		if r.Loss.Stage == "listen" && r.Loss.Reason != "shutdown" && r.Loss.Reason != "proxy_check" {
			s.Limits += r.Loss.Attempts
		}
	case r.Heartbeat != nil:
		b := r.Heartbeat
		s.Region, s.Revision, s.Tap, s.Serial, s.Refusal = b.Region, b.Revision, b.Tap, b.Serial, b.Refusal
		s.Beat, s.Every = s.Seen, max(s.Every, b.Interval)
	case r.Announcement != nil:
		a := r.Announcement
		s.Region, s.Version, s.Revision, s.Serial = a.Region, a.Version, a.Configuration.Revision, a.Serial
		s.Announced, s.Serves = s.Seen, a.Configuration
	}
}

func (h *Hub) count(f func(*Status)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.status)
}

func (h *Hub) committed(begun time.Time, number uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status.Committed, h.status.Took, h.status.Failure = time.Now(), time.Since(begun), ""
	h.recent.committed = number + 1
}

func (h *Hub) fail(err error) {
	h.count(func(s *Status) { s.Failure = err.Error() })
}
