package hub

import (
	"slices"
	"strings"
)

// Recent returns up to n of the newest events, newest first, also those that are not committed yet.
func (h *Hub) Recent(n int) []Arrival {
	h.mu.Lock()
	defer h.mu.Unlock()
	n = min(n, len(h.recent))
	out := slices.Clone(h.recent[len(h.recent)-n:])
	slices.Reverse(out)
	return out
}

// Fleet returns the sensors that the hub has heard of since it started, by name.
func (h *Hub) Fleet() []Sensor {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Sensor
	for _, s := range h.fleet {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Sensor) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Status returns the state of the hub.
func (h *Hub) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status
}
