package pcapfile

import (
	"fmt"
	"net/netip"
	"time"

	"terroir"
)

// finish takes the flow out of the table and puts what it was into the sink.
func (r *reader) finish(f *flow) error {
	r.table.remove(f)
	if f.foreign {
		r.report.Skip("other_destination", 1)
		return nil
	}
	kind, reason := terroir.Kind(0), ""
	if f.transport == terroir.UDP {
		kind, reason = r.udpKind(f)
	} else {
		kind, reason = f.tcpKind()
	}
	switch {
	case reason != "":
		r.report.Skip(reason, 1)
		return nil
	case kind == terroir.KindUnserved:
		count := int64(1)
		if f.transport == terroir.UDP {
			count = f.udp.datagrams
		}
		return r.attempt(attemptKey{f.transport, f.client.Addr(), f.server}, f.first, f.client.Port(), f.sender, count)
	case f.transport == terroir.UDP:
		return r.putUDP(f)
	}
	return r.putTCP(f, kind)
}

func (r *reader) putTCP(f *flow, kind terroir.Kind) error {
	s := &f.tcp
	e := r.event(f, kind)
	if s.ended {
		e.Duration = duration(f.first, s.endTime)
	}
	e.Close = s.close
	if kind != terroir.KindPayload {
		return r.put(e, nil)
	}
	if s.up.gap(r.opt.KeepBytes) {
		r.report.Skip("tcp_gap", 1)
	}
	e.SourceBytes = s.up.total
	r.name(e, s.up.kept, s.down.kept)
	return r.put(e, s.up.kept)
}

func (r *reader) putUDP(f *flow) error {
	s := &f.udp
	e := r.event(f, terroir.KindPayload)
	e.SourceBytes = s.bytes
	r.name(e, s.payload, s.answer)
	return r.put(e, s.payload)
}

// event makes the event of a flow.
func (r *reader) event(f *flow, kind terroir.Kind) *terroir.Event {
	return &terroir.Event{
		Time: f.first, Duration: duration(f.first, f.last), Kind: kind, Transport: f.transport,
		Source: f.client, Destination: f.server, Attempts: 1, Tool: f.sender.tool, TCPSignature: f.sender.signature,
	}
}

// duration is never negative, though a capture's clock may have been set back.
func duration(from, to time.Time) time.Duration { return max(0, to.Sub(from)) }

// name asks the caller's functions what the bytes are.
func (r *reader) name(e *terroir.Event, client, server []byte) {
	if r.opt.Name != nil {
		e.AppProto = r.opt.Name(client, server, e.Transport)
	}
	if r.opt.Hello != nil && e.Transport == terroir.TCP {
		if hello, ok := r.opt.Hello(client); ok {
			e.TLS = hello
		}
	}
}

// attempt counts attempts on a port that nobody serves.
func (r *reader) attempt(key attemptKey, t time.Time, port uint16, from sender, count int64) error {
	if complete := r.unserved.attempt(key, t, port, from, count); complete != nil {
		return r.putAttempts(complete)
	}
	return nil
}

func (r *reader) putAttempts(row *attempts) error {
	r.unserved.remove(row)
	return r.put(&terroir.Event{
		Time: row.first, Kind: terroir.KindUnserved, Transport: row.key.transport,
		Source: netip.AddrPortFrom(row.key.source, row.port), Destination: row.key.target,
		Attempts: row.count, Tool: row.sender.tool, TCPSignature: row.sender.signature, Duration: row.last.Sub(row.first),
	}, nil)
}

// put gives the event to the sink and counts it.
func (r *reader) put(e *terroir.Event, payload []byte) error {
	e.Sensor, e.Region = r.src.Sensor, r.src.Region
	e.Payload = terroir.NewPayloadID(payload)
	e.Truncated = e.SourceBytes > int64(len(payload))
	record := terroir.Record{Event: e}
	if len(payload) > 0 {
		record.Payload = payload
	}
	proto := e.AppProto
	if err := r.sink.Put(r.ctx, record); err != nil {
		return fmt.Errorf("%s: put event: %w", r.src.Name, err)
	}
	r.report.Event(proto)
	return nil
}
