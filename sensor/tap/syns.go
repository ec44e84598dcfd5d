package tap

import (
	"hash/maphash"
	"net/netip"
	"time"
)

const (
	// sentAgainWithin is how long at least a SYN is remembered: Linux sends one again after 1, 3, 7, 15, 31 and 63 seconds.
	sentAgainWithin = 64 * time.Second
	// maxSyns bounds how many are remembered in each half of that; beyond, one that is sent again may count twice.
	maxSyns = 1 << 17
)

// syns remembers SYNs in two generations, by a hash with a secret seed.
type syns struct {
	seed       maphash.Seed
	young, old map[uint64]struct{}
	turned     time.Time
}

// synKey is the same for a SYN that is sent again.
type synKey struct {
	src, dst [16]byte
	from, to uint16
	seq      uint32
}

// again says whether the SYN was seen before, and remembers it.
func (s *syns) again(now time.Time, p *packet) bool {
	s.turn(now)
	hash := maphash.Comparable(s.seed, synKey{key16(p.src), key16(p.dst), p.src.Port(), p.dst.Port(), p.seq})
	if _, seen := s.young[hash]; seen {
		return true
	}
	if len(s.young) < maxSyns {
		s.young[hash] = struct{}{}
	}
	_, seen := s.old[hash]
	return seen
}

func (s *syns) turn(now time.Time) {
	age := now.Sub(s.turned)
	if s.young != nil && age < sentAgainWithin {
		return
	}
	s.old = s.young
	if age >= 2*sentAgainWithin {
		s.old = nil
	}
	s.young, s.turned = map[uint64]struct{}{}, now
}

func key16(a netip.AddrPort) [16]byte { return a.Addr().As16() }
