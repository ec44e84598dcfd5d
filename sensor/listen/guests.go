package listen

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// yieldAfter is how long a session must have been silent before it may be ended in favour of a new one.
const yieldAfter = time.Second

// guest is one admitted TCP connection.
type guest struct {
	conn    net.Conn
	source  netip.Prefix
	network netip.Prefix
	seen    time.Time
	// at is the guest's place in the order; nil once it yielded, is being recorded, or left.
	at      *list.Element
	yielded bool
	// holds is how many bytes of what it sent are kept. They belong to the session until it leaves.
	holds int
}

// guests are the sessions under way, within their bounds, and the count of those that were turned away.
type guests struct {
	max, perSource, perNetwork int
	// room is how many more bytes all sessions together may hold.
	room atomic.Int64

	mu      sync.Mutex
	closing bool
	// open is how many there are, with those that yielded or are being recorded.
	open int
	// order has the guests, the longest silent first.
	order *list.List
	// count is by source (an address; of IPv6 a /64, which is what one machine has) and by network (/24, /48).
	count   map[netip.Prefix]int
	refused map[string]int64
}

func newGuests(o *Options) *guests {
	g := &guests{max: o.MaxSessions, perSource: o.MaxPerSource, perNetwork: o.MaxPerNetwork,
		order: list.New(), count: map[netip.Prefix]int{}, refused: map[string]int64{}}
	g.room.Store(o.MaxHeld)
	return g
}

// sourceOf is what counts as one source, networkOf as one network.
func sourceOf(a netip.Addr) netip.Prefix  { return prefix(a, 32, 64) }
func networkOf(a netip.Addr) netip.Prefix { return prefix(a, 24, 48) }

func prefix(a netip.Addr, bits4, bits6 int) netip.Prefix {
	bits := bits6
	if a.Is4() {
		bits = bits4
	}
	p, _ := a.WithZone("").Prefix(bits) // The numbers of bits are valid.
	return p
}

// admit makes room for a connection, or counts why there is none and returns nil. A proxy's own address is not bounded:
// its clients are, see identify.
func (g *guests) admit(c net.Conn, from netip.Addr, proxy bool) *guest {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing {
		g.refused["shutdown"]++
		return nil
	}
	x := &guest{conn: c, seen: time.Now()}
	if !proxy && !g.take(x, from) {
		return nil
	}
	if g.open >= g.max && !g.replace(x.seen) {
		g.refused["sessions"]++
		g.give(x)
		return nil
	}
	x.at = g.order.PushBack(x)
	g.open++
	return x
}

// replace makes the longest silent session end in favour of a new one. Those that were ended stay open until they are
// recorded: a slow disk must not let them pile up.
func (g *guests) replace(now time.Time) bool {
	return g.open < g.max+g.max/16+1 && g.yield(now)
}

// hold keeps n more bytes for the guest, if there is room. Otherwise the longest silent session gives its own.
func (g *guests) hold(x *guest, n int) bool {
	if g.room.Add(-int64(n)) >= 0 {
		x.holds += n
		return true
	}
	g.room.Add(int64(n))
	g.makeRoom()
	return false
}

// retire takes the guest out of those that may be asked to yield: it is being recorded.
func (g *guests) retire(x *guest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remove(x)
}

func (g *guests) remove(x *guest) {
	if x.at != nil {
		g.order.Remove(x.at)
		x.at = nil
	}
}

// take counts the guest under its source and network, unless one of them has its share.
func (g *guests) take(x *guest, from netip.Addr) bool {
	source, network := sourceOf(from), networkOf(from)
	switch {
	case g.count[source] >= g.perSource:
		g.refused["per_source"]++
		return false
	case g.count[network] >= g.perNetwork:
		g.refused["per_network"]++
		return false
	}
	x.source, x.network = source, network
	g.count[source]++
	if network != source {
		g.count[network]++
	}
	return true
}

func (g *guests) give(x *guest) {
	for _, p := range []netip.Prefix{x.source, x.network} {
		if g.count[p]--; g.count[p] <= 0 {
			delete(g.count, p)
		}
		if x.source == x.network {
			break
		}
	}
	x.source, x.network = netip.Prefix{}, netip.Prefix{}
}

// identify names the client behind a proxy. It is false where that client has its share.
func (g *guests) identify(x *guest, from netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.take(x, from)
}

// yield is makeRoom under the lock; it says whether there was such a session.
func (g *guests) yield(now time.Time) bool {
	front := g.order.Front()
	if front == nil {
		return false
	}
	x := front.Value.(*guest)
	if now.Sub(x.seen) < yieldAfter {
		return false
	}
	g.remove(x)
	x.yielded = true
	_ = x.conn.SetReadDeadline(now) // Its reader sees that it has no place any more.
	return true
}

// makeRoom ends the session that has been silent for the longest, if it has been for long enough.
func (g *guests) makeRoom() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.yield(time.Now())
}

// heard notes that the guest sent something.
func (g *guests) heard(x *guest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if x.at != nil {
		x.seen = time.Now()
		g.order.MoveToBack(x.at)
	}
}

// mustLeave says whether the guest yielded, and whether the server closes.
func (g *guests) mustLeave(x *guest) (yielded, closing bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return x.yielded, g.closing
}

func (g *guests) leave(x *guest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remove(x)
	g.open--
	g.room.Add(int64(x.holds))
	g.give(x)
}

// close ends every session.
func (g *guests) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closing = true
	for e := g.order.Front(); e != nil; e = e.Next() {
		// Its reader takes what has arrived, and sees that the server is closing.
		_ = e.Value.(*guest).conn.SetReadDeadline(time.Now().Add(drainWithin))
	}
}

func (g *guests) isClosing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closing
}

func (g *guests) len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// lose counts attempts that were not recorded.
func (g *guests) lose(reason string, n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused[reason] += n
}

// takeRefused returns the counts and begins new ones.
func (g *guests) takeRefused() map[string]int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.refused
	g.refused = map[string]int64{}
	return r
}
