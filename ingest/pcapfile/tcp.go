package pcapfile

import (
	"time"

	"terroir"
)

// tcpState is what is known of a TCP flow.
type tcpState struct {
	// up is what the client sent, down what the server sent.
	up, down stream
	// syn, synAck: seen. isn is the client's initial sequence number where syn is set.
	syn, synAck bool
	isn         uint32
	// established: the handshake was completed, as far as can be known.
	established bool
	// ended: someone said FIN or RST, at endTime; close says who was first, if it was the client.
	ended          bool
	endTime        time.Time
	close          terroir.Close
	finUp, finDown bool
	reset          bool
}

// closed says that no more is expected.
func (s *tcpState) closed() bool { return s.reset || s.finUp && s.finDown }

// tcp takes a TCP packet.
func (r *reader) tcp(p *packet) error {
	key := newFlowKey(terroir.TCP, p.src, p.dst)
	f := r.table.flows[key]
	if f != nil && f.startsAnew(p) {
		if err := r.finish(f); err != nil {
			return err
		}
		f = nil
	}
	if f == nil {
		var err error
		if f, err = r.newFlow(key, p); err != nil {
			return err
		}
	}
	f.last = p.time
	if p.src == f.client {
		r.fromClient(f, p)
	} else {
		r.fromServer(f, p)
	}
	r.table.hold(f, f.tcp.up.held()+f.tcp.down.held())
	r.table.touch(f)
	return r.bound(f)
}

// startsAnew says whether the packet is the SYN of another connection between the same ends.
func (f *flow) startsAnew(p *packet) bool {
	if !p.has(flagSYN) || p.has(flagACK) || p.has(flagRST) {
		return false
	}
	return p.src != f.client || !f.tcp.syn || p.seq != f.tcp.isn
}

func (r *reader) fromClient(f *flow, p *packet) {
	s := &f.tcp
	seq := p.seq
	switch {
	case p.has(flagRST):
		s.endedBy(terroir.CloseClientRST, p.time)
		s.reset = true
		return
	case p.has(flagSYN):
		if !p.has(flagACK) {
			s.syn, s.isn = true, p.seq
			f.sender = senderOf(p)
		}
		seq++
		s.up.start(seq)
	case p.has(flagACK):
		s.established = true
		s.down.start(p.ack)
	}
	if p.size > 0 {
		r.segment(f, &s.up, p, seq, r.opt.KeepBytes)
	}
	if p.has(flagFIN) {
		s.up.end(seq + uint32(p.size))
		s.finUp = true
		s.endedBy(terroir.CloseClientFIN, p.time)
	}
}

func (r *reader) fromServer(f *flow, p *packet) {
	s := &f.tcp
	seq := p.seq
	switch {
	case p.has(flagRST):
		s.endedBy(terroir.CloseIdleLimit, p.time)
		s.reset = true
		return
	case p.has(flagSYN):
		s.synAck = true
		seq++
		s.down.start(seq)
		s.up.start(p.ack)
	case p.has(flagACK):
		// Without the SYN, whoever acknowledges shows where the other's bytes begin.
		s.established = s.established || !s.syn && !s.synAck
		s.up.start(p.ack)
	}
	if p.size > 0 {
		r.segment(f, &s.down, p, seq, namingBytes)
	}
	if p.has(flagFIN) {
		s.down.end(seq + uint32(p.size))
		s.finDown = true
		s.endedBy(terroir.CloseIdleLimit, p.time)
	}
}

// segment puts the packet's bytes into the stream. Nothing is kept of flows that are not for the sensor.
func (r *reader) segment(f *flow, s *stream, p *packet, seq uint32, limit int) {
	if f.foreign {
		return
	}
	if len(p.data) < p.size {
		r.report.Skip("truncated_payload", 1)
	}
	if reason := s.add(seq, p.data, p.size, limit, r.opt.MaxPieces); reason != "" {
		r.report.Skip(reason, 1)
	}
}

func (s *tcpState) endedBy(c terroir.Close, t time.Time) {
	if !s.ended {
		s.ended, s.close, s.endTime = true, c, t
	}
}

// tcpKind says what the flow was: an event of a kind, an unserved attempt, or 0 with a reason to skip it.
func (f *flow) tcpKind() (terroir.Kind, string) {
	s := &f.tcp
	byClient := s.close == terroir.CloseClientFIN || s.close == terroir.CloseClientRST
	bare := s.up.total == 0 && s.down.total == 0
	switch {
	case !s.syn && !s.synAck && (!s.established || bare):
		return 0, "stray_tcp"
	case s.established && s.up.total > 0:
		return terroir.KindPayload, ""
	case s.established && byClient:
		return terroir.KindError, ""
	case s.established:
		return terroir.KindConnection, ""
	case s.synAck && s.syn && byClient:
		return terroir.KindError, ""
	case s.synAck:
		return 0, "half_open"
	}
	return terroir.KindUnserved, ""
}
