package tap

import (
	"net/netip"
	"time"

	"terroir"
)

// table counts the attempts of one interval.
type table struct {
	opt  *Options
	rows map[rowKey]*terroir.Event
	// order keeps the rows in the order in which they began.
	order []rowKey
	// syns are the SYNs of this and the last interval, so that one that is sent again is counted once.
	syns, before map[synKey]struct{}
	lost         int64
	never        map[uint16]bool
}

type rowKey struct {
	transport terroir.Transport
	src       netip.Addr
	dst       netip.AddrPort
}

type synKey struct {
	src, dst netip.AddrPort
	seq      uint32
}

// maxSyns bounds the SYNs that are remembered of an interval.
const maxSyns = 1 << 17

func newTable(opt *Options) *table {
	t := &table{opt: opt, rows: map[rowKey]*terroir.Event{}, syns: map[synKey]struct{}{}, never: map[uint16]bool{}}
	for _, p := range opt.Never {
		t.never[p] = true
	}
	return t
}

// add counts the packet, if it is one to count.
func (t *table) add(now time.Time, p *packet) {
	if p.transport != terroir.ICMP && (t.never[p.dst.Port()] || t.opt.Served(p.transport, p.dst.Port())) {
		return
	}
	if p.transport == terroir.ICMP && !t.opt.ICMP {
		return
	}
	if p.transport == terroir.TCP && t.again(p) {
		return
	}
	key := rowKey{p.transport, p.src.Addr(), p.dst}
	if e := t.rows[key]; e != nil {
		e.Attempts++
		return
	}
	if len(t.rows) >= t.opt.MaxRows {
		t.lost++
		return
	}
	e := &terroir.Event{Time: now.UTC().Truncate(time.Microsecond), Region: t.opt.Region, Revision: t.opt.Revision(), Kind: terroir.KindUnserved,
		Transport: p.transport, Source: p.src, Destination: p.dst, Attempts: 1, TCPSignature: p.signature, Tool: p.tool}
	e.Sensor = t.opt.Sensor
	t.rows[key] = e
	t.order = append(t.order, key)
}

func (t *table) again(p *packet) bool {
	key := synKey{p.src, p.dst, p.seq}
	if _, ok := t.syns[key]; ok {
		return true
	}
	if _, ok := t.before[key]; ok {
		return true
	}
	if len(t.syns) < maxSyns {
		t.syns[key] = struct{}{}
	}
	return false
}

// take returns the rows and the number of attempts that had no room, and begins a new interval.
func (t *table) take() (rows []terroir.Record, lost int64) {
	for _, key := range t.order {
		rows = append(rows, terroir.Record{Event: t.rows[key]})
	}
	lost = t.lost
	t.rows, t.order, t.lost = map[rowKey]*terroir.Event{}, nil, 0
	t.before, t.syns = t.syns, map[synKey]struct{}{}
	return rows, lost
}
