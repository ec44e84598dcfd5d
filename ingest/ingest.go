// Package ingest reads files that others wrote (captures, logs, tables) as records of terroir. Each format is a
// package of its own below this one and knows nothing of where the records go.
package ingest

import (
	"context"
	"io"
	"net/netip"
	"sort"

	"terroir"
)

// Sink takes what a reader found, in order. It numbers the records: readers leave the position's epoch and sequence
// alone and set its sensor. The record and its bytes belong to the sink after the call. An error of Put ends the read.
type Sink interface {
	Put(ctx context.Context, r terroir.Record) error
}

// Source is one open input.
type Source struct {
	// Name stands in messages: a file name, or "-" for standard input.
	Name string
	// Reader gives the decompressed bytes.
	Reader io.Reader
	// Sensor and Region are those of every event that the input does not say them of.
	Sensor, Region string
	// Addresses are the sensor's own, where the input does not say them.
	Addresses []netip.Addr
}

// Address is the sensor's first address of the same IP version as the client's; invalid where none is known.
func (s *Source) Address(client netip.Addr) netip.Addr {
	for _, a := range s.Addresses {
		if a.Unmap().Is4() == client.Unmap().Is4() {
			return a.Unmap()
		}
	}
	return netip.Addr{}
}

// Report counts what a read found. Nothing is dropped silently: what is not an event stands in Skipped with its
// reason.
type Report struct {
	// Events put into the sink, by protocol where the reader names it ("unknown" where it cannot).
	Events    int64
	Protocols map[string]int64
	// Skipped counts what could not be read, by reason.
	Skipped map[string]int64
}

// Event counts one event of the application protocol ("" counts as unknown).
func (r *Report) Event(proto string) {
	r.Events++
	if proto == "" {
		proto = "unknown"
	}
	if r.Protocols == nil {
		r.Protocols = map[string]int64{}
	}
	r.Protocols[proto]++
}

// Skip counts n things that were not read, for the reason.
func (r *Report) Skip(reason string, n int64) {
	if n == 0 {
		return
	}
	if r.Skipped == nil {
		r.Skipped = map[string]int64{}
	}
	r.Skipped[reason] += n
}

// Add adds the counts of o.
func (r *Report) Add(o Report) {
	r.Events += o.Events
	for p, n := range o.Protocols {
		if r.Protocols == nil {
			r.Protocols = map[string]int64{}
		}
		r.Protocols[p] += n
	}
	for s, n := range o.Skipped {
		r.Skip(s, n)
	}
}

// Keys returns m's keys in order, for printing.
func Keys(m map[string]int64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
