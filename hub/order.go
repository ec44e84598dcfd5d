package hub

import (
	"iter"
	"maps"

	"terroir"
	"terroir/lake"
)

// order keeps, for every spool, the last sequence that was taken in. Records are taken in without gaps: a mark says
// "everything up to here", so a record must wait until those before it have come, unless the sensor no longer has
// them.
type order struct {
	last map[lake.Spool]uint64
	// epoch is the epoch of which each sensor last sent something.
	epoch map[string]uint64
	fresh map[lake.Spool]bool
	// ask, which may be nil, is called before a gap is believed: another hub may have filled it in the lake. certain says
	// that a loss would be recorded.
	ask func(p *terroir.Position, certain bool)
}

// verdict on a record.
type verdict int

const (
	take verdict = iota
	duplicate
	early
)

func newOrder(m lake.Marks) *order {
	o := &order{last: map[lake.Spool]uint64{}, epoch: map[string]uint64{}, fresh: map[lake.Spool]bool{}}
	for s, n := range m.Last {
		o.last[s] = n
	}
	return o
}

// accept decides on the record at the position; oldest is the oldest sequence that its sensor still has. missing is
// the number of records before it that will never come.
func (o *order) accept(p *terroir.Position, oldest uint64) (v verdict, missing uint64) {
	s := lake.Spool{Sensor: p.Sensor, Epoch: p.Epoch}
	o.epoch[p.Sensor] = p.Epoch
	o.fresh[s] = true
	last := o.last[s]
	if p.Sequence > last+1 && o.ask != nil {
		o.ask(p, p.Sequence == oldest)
		last = o.last[s]
	}
	switch {
	case p.Sequence <= last:
		return duplicate, 0
	case p.Sequence == last+1:
	case oldest > last+1 && p.Sequence == oldest:
		missing = p.Sequence - last - 1
	default:
		return early, 0
	}
	o.last[s] = p.Sequence
	return take, missing
}

// raise takes over what the lake has, where that is more: another hub may have brought it there. What is known beyond it
// is in the batch, which is never given up.
func (o *order) raise(m lake.Marks) {
	for s, n := range m.Last {
		o.last[s] = max(o.last[s], n)
	}
}

// all are the spools that the lake knows, each sensor's last one only where something of it was taken in.
func (o *order) all() []lake.Spool { return o.current(maps.Keys(o.last)) }

// touched returns the spools that sent something since the last call.
func (o *order) touched() []lake.Spool {
	defer clear(o.fresh)
	return o.current(maps.Keys(o.fresh))
}

// current leaves out spools that their sensor, as far as is known, does not write any more.
func (o *order) current(spools iter.Seq[lake.Spool]) []lake.Spool {
	var list []lake.Spool
	for s := range spools {
		if e, ok := o.epoch[s.Sensor]; !ok || e == s.Epoch {
			list = append(list, s)
		}
	}
	return list
}
