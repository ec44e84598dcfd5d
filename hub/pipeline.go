// Package hub takes records in, from the bus or from an import, and brings them into the lake: enriched, each once.
package hub

import (
	"context"
	"fmt"
	"net/netip"

	"terroir"
	"terroir/lake"
)

// Enricher adds to an event what is known of its source.
type Enricher interface {
	Enrich(*terroir.Event) error
}

// Analyzer finds out what a payload is. addrs are the addresses of sensors that the payload may name.
type Analyzer func(payload []byte, t terroir.Transport, addrs []netip.Addr) terroir.Analysis

// pipeline turns records into batches for the lake. It is used by one goroutine at a time.
type pipeline struct {
	enricher Enricher
	analyze  Analyzer

	batch *lake.Batch
	// bytes is the size of the payloads that the batch holds.
	bytes int
	// known are payloads that were analyzed since the start.
	known map[terroir.PayloadID]said
	// own are the addresses of sensors that announced themselves.
	own map[netip.Addr]struct{}
}

// said is what an event needs of its payload's facts.
type said struct{ proto, scanner string }

// Bounds of what the pipeline remembers.
const (
	maxKnown = 1 << 17
	maxOwn   = 1 << 14
)

func newPipeline(e Enricher, a Analyzer) *pipeline {
	return &pipeline{enricher: e, analyze: a, batch: &lake.Batch{}, known: map[terroir.PayloadID]said{}, own: map[netip.Addr]struct{}{}}
}

// add takes one record, whose position and ids of payloads are set. The record's event is the pipeline's from then on: the batch refers to it.
func (p *pipeline) add(r *terroir.Record) error {
	switch {
	case r.Event != nil:
		return p.addEvent(r)
	case r.Loss != nil:
		p.batch.Losses = append(p.batch.Losses, *r.Loss)
	case r.Heartbeat != nil:
		p.batch.Heartbeats = append(p.batch.Heartbeats, *r.Heartbeat)
	case r.Announcement != nil:
		for _, a := range r.Announcement.Addresses {
			if len(p.own) < maxOwn {
				p.own[a.Unmap()] = struct{}{}
			}
		}
		p.batch.Announcements = append(p.batch.Announcements, *r.Announcement)
	}
	return nil
}

func (p *pipeline) addEvent(r *terroir.Record) error {
	e := r.Event
	if err := p.enricher.Enrich(e); err != nil {
		return fmt.Errorf("hub: event %s: %w", e.Position, err)
	}
	if !e.Payload.IsZero() {
		f := p.payload(e, r.Payload, e.Payload)
		if e.AppProto == "" {
			e.AppProto = f.proto
		}
		if e.Scanner == "" { // No list knows the address; that there is no date says so.
			e.Scanner = f.scanner
		}
	}
	if !e.Transcript.IsZero() {
		p.payload(e, r.Transcript, e.Transcript)
	}
	p.batch.Events = append(p.batch.Events, e)
	return nil
}

// payload puts a payload that was not met before into the batch, and returns what the event needs of its facts.
func (p *pipeline) payload(e *terroir.Event, bytes []byte, id terroir.PayloadID) said {
	if f, ok := p.known[id]; ok {
		return f
	}
	if len(p.known) >= maxKnown {
		clear(p.known)
	}
	a := p.analyze(bytes, e.Transport, p.addresses(e.Destination.Addr()))
	f := said{a.Facts.AppProto, a.Facts.Scanner}
	p.known[id] = f
	p.batch.Payloads = append(p.batch.Payloads, terroir.Payload{ID: id, Bytes: bytes, FirstTime: e.Time, FirstSensor: e.Sensor})
	p.batch.Facts = append(p.batch.Facts, a.Facts)
	p.batch.Templates = append(p.batch.Templates, a.Template)
	p.batch.Indicators = append(p.batch.Indicators, a.Indicators...)
	p.bytes += len(bytes) + len(a.Template.Text)
	return f
}

// addresses lists what a payload sent to dst may name: dst first, then every sensor's.
func (p *pipeline) addresses(dst netip.Addr) []netip.Addr {
	list := make([]netip.Addr, 0, len(p.own)+1)
	if dst.IsValid() {
		list = append(list, dst.Unmap())
	}
	for a := range p.own {
		if a != dst {
			list = append(list, a)
		}
	}
	return list
}

// rows is the number of rows in the batch.
func (p *pipeline) rows() int {
	return len(p.batch.Events) + len(p.batch.Losses) + len(p.batch.Heartbeats) + len(p.batch.Announcements)
}

// take returns the batch and begins a new one.
func (p *pipeline) take() *lake.Batch {
	b := p.batch
	p.batch, p.bytes = &lake.Batch{}, 0
	return b
}

// commit brings the batch into the lake.
func commit(ctx context.Context, l *lake.Lake, b *lake.Batch) (lake.Marks, error) {
	marks, err := l.Commit(ctx, b)
	if err != nil {
		return marks, fmt.Errorf("hub: %w", err)
	}
	return marks, nil
}
