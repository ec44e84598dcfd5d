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

// gap reports whether records before the position were not taken in.
func (o *order) gap(p *terroir.Position) bool {
	return p.Sequence > o.last[lake.Spool{Sensor: p.Sensor, Epoch: p.Epoch}]+1
}

// learn takes over what others have committed.
func (o *order) learn(m lake.Marks) {
	for s, n := range m.Last {
		o.last[s] = max(o.last[s], n)
	}
}

// current reports whether the spool is the one that its sensor writes now, as far as is known.
func (o *order) current(s lake.Spool) bool {
	e, ok := o.epoch[s.Sensor]
	return !ok || e == s.Epoch
}

// touched returns the marks of the spools that sent something since the last call.
func (o *order) touched(m lake.Marks) lake.Marks {
	t := lake.Marks{Stream: m.Stream, Last: map[lake.Spool]uint64{}}
	for s := range o.fresh {
		t.Last[s] = m.Last[s]
	}
	clear(o.fresh)
	return t
}

// untold brings back into touched what could not be told.
func (o *order) untold(m lake.Marks) {
	for s := range m.Last {
		o.fresh[s] = true
	}
}
