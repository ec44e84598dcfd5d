package tap

import (
	"hash/maphash"
	"net/netip"
	"time"

	"terroir"
	"terroir/fingerprint"
)

// table counts the attempts of one interval.
type table struct {
	opt  *Options
	rows map[rowKey]*row
	// order keeps the rows in the order in which they began; sources counts them by source (of IPv6, a /64).
	order   []*row
	sources map[netip.Prefix]int
	syns    syns
	halves  halves
	// taken are the events of SYNs that were taken back, of this interval.
	taken []terroir.Record
	never [1024]uint64
	lost  map[string]int64
}

// row is the event of one interval in the making.
type row struct {
	event terroir.Event
	last  time.Time
}

// rowKey holds what attempts are counted by, without pointers, so that it is quick to compare.
type rowKey struct {
	src, dst  [16]byte
	port      uint16
	transport terroir.Transport
}

func newTable(opt *Options) *table {
	t := &table{opt: opt, syns: syns{seed: maphash.MakeSeed()}}
	t.begin()
	for _, p := range opt.Never {
		t.never[p>>6] |= 1 << (p & 63)
	}
	return t
}

func (t *table) begin() {
	t.rows, t.order, t.taken, t.sources, t.lost = map[rowKey]*row{}, nil, nil, map[netip.Prefix]int{}, map[string]int64{}
}

// wanted says whether the packet is one to look at, and whether a listener serves its port.
func (t *table) wanted(p *packet) (wanted, served bool) {
	if p.transport == terroir.ICMP {
		return t.opt.ICMP, false
	}
	port := p.dst.Port()
	if t.never[port>>6]&(1<<(port&63)) != 0 {
		return false, false
	}
	served = t.opt.Served(p.transport, port)
	return !served || p.transport == terroir.TCP, served
}

// add counts the packet, if it is one to count.
func (t *table) add(now time.Time, p *packet) {
	wanted, served := t.wanted(p)
	switch {
	case !wanted:
		return
	case p.reset:
		t.takeBack(now, p)
		return
	case served:
		t.halves.add(now, p)
		return
	case p.transport == terroir.TCP && t.syns.again(now, p):
		return
	}
	key := rowKey{p.src.Addr().As16(), p.dst.Addr().As16(), p.dst.Port(), p.transport}
	if r := t.rows[key]; r != nil {
		r.event.Attempts++
		r.last = now
		return
	}
	source := sourceOf(p.src.Addr())
	switch {
	case len(t.rows) >= t.opt.MaxRows:
		t.lost["table"]++
		return
	case t.sources[source] >= t.share():
		t.lost["per_source"]++
		return
	}
	r := &row{last: now, event: terroir.Event{Time: now.UTC().Truncate(time.Microsecond), Region: t.opt.Region, Revision: t.opt.Revision(),
		Kind: terroir.KindUnserved, Transport: p.transport, Source: p.src, Destination: p.dst, Attempts: 1,
		TCPSignature: fingerprint.Signature(p.headers), Tool: fingerprint.Tool(p.headers)}}
	r.event.Sensor = t.opt.Sensor
	t.rows[key] = r
	t.order = append(t.order, r)
	t.sources[source]++
}

// takeBack makes an event of a SYN to a served port that the client took back.
func (t *table) takeBack(now time.Time, p *packet) {
	x := t.halves.takeBack(now, p)
	switch {
	case x == nil:
	case len(t.taken) >= t.opt.MaxRows:
		t.lost["table"]++
	default:
		t.taken = append(t.taken, terroir.Record{Event: x.event(now, p, t.opt)})
	}
}

// share is how many rows one source may have: half of all while there is room, and little once half of it is taken. So
// a scan of all ports is seen, but does not hide what others do.
func (t *table) share() int {
	if len(t.rows) < t.opt.MaxRows/2 {
		return t.opt.MaxRows / 2
	}
	return t.opt.MaxRows / 16
}

// sourceOf is what counts as one source: an address; of IPv6 a /64, which is what one machine has.
func sourceOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits) // The numbers of bits are valid.
	return p
}

// take returns the rows and the numbers of attempts that had no room, and begins a new interval.
func (t *table) take() (rows []terroir.Record, lost map[string]int64) {
	for _, r := range t.order {
		r.event.Duration = max(r.last.Sub(r.event.Time).Truncate(time.Microsecond), 0)
		rows = append(rows, terroir.Record{Event: &r.event})
	}
	rows = append(rows, t.taken...)
	lost = t.lost
	if t.opt.Accepted != nil {
		lost["half_open"] = t.halves.unfinished(t.opt.Accepted())
	}
	t.begin()
	return rows, lost
}
