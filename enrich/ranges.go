package enrich

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// named is a network, or a single address, and the number of its name.
type named struct {
	prefix netip.Prefix
	name   uint16
}

// ranges are what nested networks say, cut into pieces that do not overlap: from each start on, up to the next one, the name of
// the longest prefix holds (0: none). One binary search finds it.
type ranges[K any] struct {
	starts []K
	names  []uint16
}

// v6 is an IPv6 address as two numbers.
type v6 struct{ high, low uint64 }

func (a v6) compare(b v6) int { return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low)) }

func key4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func key6(a netip.Addr) v6 {
	b := a.As16()
	return v6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// flatten cuts the networks, all of one family and each there once, into pieces.
func flatten[K any](list []named, key func(netip.Addr) K) ranges[K] {
	slices.SortFunc(list, func(a, b named) int { return a.prefix.Compare(b.prefix) })
	var r ranges[K]
	var last []netip.Addr // The starts, to see whether two are the same.
	begin := func(a netip.Addr, name uint16) {
		if n := len(last); n > 0 && last[n-1] == a {
			r.names[n-1] = name // A network begins where it does, or where another ends: what comes later is further inside.
			return
		}
		last, r.starts, r.names = append(last, a), append(r.starts, key(a)), append(r.names, name)
	}
	var open []named // The networks around the place, the outermost first.
	closeTo := func(depth int) {
		for len(open) > depth {
			end := after(open[len(open)-1].prefix)
			open = open[:len(open)-1]
			if !end.IsValid() {
				continue
			}
			outer := uint16(0)
			if len(open) > 0 {
				outer = open[len(open)-1].name
			}
			begin(end, outer)
		}
	}
	for _, n := range list {
		depth := len(open)
		for depth > 0 && !open[depth-1].prefix.Contains(n.prefix.Addr()) {
			depth--
		}
		closeTo(depth)
		begin(n.prefix.Addr(), n.name)
		open = append(open, n)
	}
	closeTo(0)
	r.starts, r.names = slices.Clip(r.starts), slices.Clip(r.names)
	return r
}

// after is the first address behind the network, or an invalid one where it is the last of all.
func after(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b) // As long as AsSlice made it.
	return last.Next()
}

// at is the name that holds for the key.
func (r *ranges[K]) at(k K, compare func(a, b K) int) uint16 {
	low, high := 0, len(r.starts) // starts[low-1] <= k < starts[high]
	for low < high {
		middle := int(uint(low+high) >> 1)
		if compare(r.starts[middle], k) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == 0 {
		return 0
	}
	return r.names[low-1]
}
