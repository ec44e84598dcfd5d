package hub

import (
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

// current reports whether the spool is the one that its sensor writes now, as far as is known.
func (o *order) current(s lake.Spool) bool {
	e, ok := o.epoch[s.Sensor]
	return !ok || e == s.Epoch
}

// raise takes over what the lake has, where that is more: another hub may have brought it there. What is known beyond it
// is in the batch, which is never given up.
func (o *order) raise(m lake.Marks) {
	for s, n := range m.Last {
		o.last[s] = max(o.last[s], n)
	}
}

// touched returns the marks of the spools that sent something since told was called.
func (o *order) touched(m lake.Marks) lake.Marks {
	t := lake.Marks{Stream: m.Stream, Last: map[lake.Spool]uint64{}}
	for s := range o.fresh {
		if n, ok := m.Last[s]; ok {
			t.Last[s] = n
		}
	}
	return t
}

// told says that the sensors know the marks of what they sent.
func (o *order) told() { clear(o.fresh) }
