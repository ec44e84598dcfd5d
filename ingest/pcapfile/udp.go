package pcapfile

import (
	"slices"

	"terroir"
)

// udpState is what is known of a UDP flow.
type udpState struct {
	// payload is the first datagram of the client; datagrams and bytes count all of the client's.
	payload          []byte
	datagrams, bytes int64
	answer           []byte
	answered         bool
}

// udp takes a datagram.
func (r *reader) udp(p *packet) error {
	key := newFlowKey(terroir.UDP, p.src, p.dst)
	f := r.table.flows[key]
	if f == nil {
		var err error
		if f, err = r.newFlow(key, p); err != nil {
			return err
		}
	}
	f.last = p.time
	if len(p.data) < p.size && !f.foreign {
		r.report.Skip("truncated_payload", 1)
	}
	s := &f.udp
	switch {
	case p.src == f.client:
		if s.datagrams++; s.datagrams == 1 && !f.foreign {
			s.payload = slices.Clone(p.data[:min(len(p.data), r.opt.KeepBytes)])
			f.sender = senderOf(p)
		}
		s.bytes += int64(p.size)
	case !s.answered:
		s.answered = true
		s.answer = slices.Clone(p.data[:min(len(p.data), namingBytes)])
	}
	r.table.hold(f, len(s.payload)+len(s.answer))
	r.table.touch(f)
	return r.bound(f)
}

// answersUnseen says whether the first datagram of a flow looks like the answer to a request that the capture lacks.
func answersUnseen(p *packet) bool {
	return p.dst.Port() > 1023 && !wellKnownUDP[p.dst.Port()] && wellKnownUDP[p.src.Port()]
}

// wellKnownUDP are the ports of services that answer datagrams, which also makes them reflectors (US-CERT TA14-017A).
var wellKnownUDP = map[uint16]bool{
	17: true, 19: true, 53: true, 67: true, 69: true, 88: true, 111: true, 123: true, 137: true, 161: true, 389: true,
	443: true, 500: true, 520: true, 623: true, 1194: true, 1434: true, 1812: true, 1900: true, 3283: true,
	3478: true, 3702: true, 4500: true, 5060: true, 5353: true, 5683: true, 10001: true, 11211: true,
}

// udpKind says what the flow was: a payload, an unserved attempt, or 0 with a reason to skip it.
func (r *reader) udpKind(f *flow) (terroir.Kind, string) {
	s := &f.udp
	known := r.opt.Served != nil
	switch {
	case s.datagrams == 0:
		return 0, "udp_answer_only"
	case s.answered || known && r.opt.Served(terroir.UDP, f.server.Port()):
		return terroir.KindPayload, ""
	case f.refused || known:
		return terroir.KindUnserved, ""
	}
	return terroir.KindPayload, ""
}
