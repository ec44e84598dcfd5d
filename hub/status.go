package hub

import (
	"slices"
	"strings"
)

// Recent returns up to n of the newest events, newest first, also those that are not committed yet.
func (h *Hub) Recent(n int) []Arrival {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.recent.newest(n)
}

// recent is a ring of the newest events.
type recent struct {
	ring []Arrival
	// count is how many were put in so far, committed the number of the next batch to be committed.
	count     int
	committed uint64
}

func (r *recent) put(a Arrival) {
	r.ring[r.count%len(r.ring)] = a
	r.count++
}

func (r *recent) newest(n int) []Arrival {
	n = min(n, r.count, len(r.ring))
	out := make([]Arrival, n)
	for i := range out {
		out[i] = r.ring[(r.count-1-i)%len(r.ring)]
		out[i].Committed = out[i].number < r.committed
	}
	return out
}

// Fleet returns the sensors that the hub has heard of since it started, by name.
func (h *Hub) Fleet() []Sensor {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Sensor
	for _, s := range h.fleet {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Sensor) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (h *Hub) failing() bool { return h.Status().Failure != "" }

// Status returns the state of the hub.
func (h *Hub) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status
}
