package tap

import (
	"net/netip"
	"time"
)

const (
	// answerWithin is how long at least after a datagram of this machine one from its receiver is an answer.
	answerWithin = 30 * time.Second
	// maxExchanges bounds the exchanges of one generation; beyond, the older ones are forgotten early.
	maxExchanges = 1 << 12
)

// exchange is the two ends between which this machine sent a datagram.
type exchange struct{ own, peer netip.AddrPort }

// sent remembers what this machine sent, in two generations. The kernel's table of sockets does not suffice: a query's
// socket is often closed by the time at which its answer is looked at.
type sent struct {
	young, old map[exchange]struct{}
	turned     time.Time
}

func (s *sent) turn(now time.Time) {
	age := now.Sub(s.turned)
	if s.young != nil && age < answerWithin && len(s.young) < maxExchanges {
		return
	}
	s.old = s.young
	if age >= 2*answerWithin {
		s.old = nil
	}
	s.young, s.turned = map[exchange]struct{}{}, now
}

func (s *sent) add(now time.Time, x exchange) {
	s.turn(now)
	s.young[x] = struct{}{}
}

func (s *sent) has(now time.Time, x exchange) bool {
	s.turn(now)
	_, young := s.young[x]
	_, old := s.old[x]
	return young || old
}
