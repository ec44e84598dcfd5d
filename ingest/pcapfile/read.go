package pcapfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"terroir"
	"terroir/ingest"
)

// reader is one read of one capture.
type reader struct {
	ctx      context.Context
	src      ingest.Source
	opt      Options
	sink     ingest.Sink
	report   ingest.Report
	table    *table
	unserved unserved
	decoder  decoder
}

// Read puts the events of the capture in src into the sink, in an order that depends on the capture and the options
// only: that in which flows are known to have ended. Times are UTC, truncated to microseconds.
//
// It returns an EINVALID error for a capture that is broken or cut short, after having put everything before that
// place, and otherwise only errors of the sink and of the context. The report is valid in every case.
func Read(ctx context.Context, src ingest.Source, opt Options, sink ingest.Sink) (ingest.Report, error) {
	r := &reader{ctx: ctx, src: src, opt: opt.withDefaults(), sink: sink, table: newTable()}
	r.decoder.tunnels = opt.Tunnels
	r.unserved = unserved{interval: r.opt.Interval, rows: map[attemptKey]*attempts{}}
	capture, err := openCapture(src.Reader)
	if err != nil {
		return r.report, r.broken(0, err)
	}
	n, damage, err := r.packets(capture)
	if err != nil {
		return r.report, err
	}
	if err := r.flush(); err != nil {
		return r.report, err
	}
	if damage != nil {
		return r.report, r.broken(n, damage)
	}
	return r.report, nil
}

// broken makes the error for a file that cannot be read beyond packet n.
func (r *reader) broken(n int64, err error) error {
	e := &terroir.Error{Code: terroir.EINVALID, Where: r.src.Name, Err: err}
	switch {
	case errors.Is(err, errNotCapture):
		e.Message = "not a capture"
		e.Hint = "give a pcap or pcapng file"
	case errors.Is(err, errCut):
		r.report.Skip("truncated_file", 1)
		e.Message = fmt.Sprintf("capture cut short after packet %d", n)
		e.Hint = "what came before was read; copy the file again if more is expected"
	default:
		r.report.Skip("broken_file", 1)
		e.Message = fmt.Sprintf("capture broken after packet %d", n)
		e.Hint = "what came before was read"
	}
	return e
}

// packets reads all packets. damage is why the file cannot be read farther than packet n, nil at its end.
func (r *reader) packets(capture frames) (n int64, damage, err error) {
	var clock time.Time
	for ; ; n++ {
		if n%1024 == 0 && r.ctx.Err() != nil {
			return n, nil, r.ctx.Err()
		}
		data, ci, link, err := capture.next()
		if err == io.EOF {
			return n, nil, nil
		}
		if err != nil {
			return n, err, nil
		}
		if t := ci.Timestamp; !t.IsZero() { // a simple packet block of pcapng has no time: that of the packet before
			clock = t.UTC().Truncate(time.Microsecond)
		}
		if year := clock.Year(); year < 1970 || year > 2261 { // what fits nanoseconds in 64 bits
			r.report.Skip("bad_time", 1)
			continue
		}
		r.decoder.time = clock
		if reason := r.decoder.decode(link, data); reason != "" {
			r.report.Skip(reason, 1)
			continue
		}
		if err := r.packet(&r.decoder.packet); err != nil {
			return n, nil, err
		}
	}
}

// packet takes one packet, after having ended what its time says is over.
func (r *reader) packet(p *packet) error {
	if err := r.expire(p.time); err != nil {
		return err
	}
	switch p.transport {
	case terroir.TCP:
		return r.tcp(p)
	case terroir.UDP:
		return r.udp(p)
	}
	return r.icmp(p)
}

// expire ends the flows and rows that get no more packets.
func (r *reader) expire(now time.Time) error {
	for f := r.table.idle(now); f != nil; f = r.table.idle(now) {
		if err := r.finish(f); err != nil {
			return err
		}
	}
	for row := r.unserved.due(now, r.opt.MaxFlows); row != nil; row = r.unserved.due(now, r.opt.MaxFlows) {
		if err := r.putAttempts(row); err != nil {
			return err
		}
	}
	return nil
}

// bound evicts the flows that were silent for the longest time while there is too much in memory, but not current.
func (r *reader) bound(current *flow) error {
	for len(r.table.flows) > r.opt.MaxFlows || r.table.held > r.opt.MaxBytes {
		f := r.table.oldest(current)
		if f == nil {
			return nil
		}
		r.report.Skip("evicted", 1)
		if err := r.finish(f); err != nil {
			return err
		}
	}
	return nil
}

// flush ends everything at the end of the capture.
func (r *reader) flush() error {
	for f := r.table.oldest(nil); f != nil; f = r.table.oldest(nil) {
		if err := r.finish(f); err != nil {
			return err
		}
	}
	for _, row := range r.unserved.order {
		if row.put {
			continue
		}
		if err := r.putAttempts(row); err != nil {
			return err
		}
	}
	return nil
}

// icmp takes an ICMP packet.
func (r *reader) icmp(p *packet) error {
	if p.echoRequest() {
		if !r.ours(p.dst.Addr()) {
			r.report.Skip("other_destination", 1)
			return nil
		}
		target := netip.AddrPortFrom(p.dst.Addr(), uint16(p.icmpType))
		return r.attempt(attemptKey{terroir.ICMP, p.src.Addr(), target}, p.time, 0, senderOf(p), 1)
	}
	t, src, dst, ok := p.unreachable()
	if !ok {
		r.report.Skip("icmp_other", 1)
		return nil
	}
	f := r.table.flows[newFlowKey(t, src, dst)]
	if f == nil || f.client != src {
		r.report.Skip("icmp_error", 1)
		return nil
	}
	f.refused = true
	return nil
}

// newFlow makes the flow that begins with the packet.
func (r *reader) newFlow(key flowKey, p *packet) (*flow, error) {
	f := &flow{key: key, transport: p.transport, first: p.time, last: p.time, client: p.src, server: p.dst}
	if r.reversed(p) {
		f.client, f.server = p.dst, p.src
	}
	f.foreign = !r.ours(f.server.Addr())
	r.table.flows[key] = f
	r.table.touch(f)
	return f, r.bound(f)
}

// ours says whether the address is one of the sensor's.
func (r *reader) ours(a netip.Addr) bool { return len(r.opt.Addresses) == 0 || r.opt.Addresses[a] }

// reversed says whether the first packet that was seen of a flow goes from the server to the client.
func (r *reader) reversed(p *packet) bool {
	if p.transport == terroir.TCP && p.has(flagSYN) {
		return p.has(flagACK)
	}
	if len(r.opt.Addresses) > 0 {
		if from, to := r.ours(p.src.Addr()), r.ours(p.dst.Addr()); from != to {
			// A datagram that the sensor sent first asks something; TCP without a SYN began before the capture.
			return from && p.transport == terroir.TCP
		}
	}
	if p.transport == terroir.UDP {
		return len(r.opt.Addresses) == 0 && answersUnseen(p)
	}
	if r.opt.Served != nil {
		if from, to := r.opt.Served(p.transport, p.src.Port()), r.opt.Served(p.transport, p.dst.Port()); from != to {
			return from
		}
	}
	return p.src.Port() < p.dst.Port() && p.src.Port() < 1024 || p.src.Port() < p.dst.Port() && p.dst.Port() >= ephemeral
}

// ephemeral is where Linux's range of client ports begins.
const ephemeral = 32768
