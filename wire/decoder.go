package wire

import (
	"google.golang.org/protobuf/encoding/protowire"

	"terroir"
)

// decoder reads records that follow each other. Making room for many events at once, and sharing the texts that an event has in
// common with the one before it, saves most of what decoding costs.
type decoder struct {
	// atOnce is how many events room is made for at a time.
	atOnce int
	room   []terroir.Event
	last   *terroir.Event
}

// eventsAtOnce is how many events of a batch share their memory: not all of them, since one that is kept keeps them all.
const eventsAtOnce = 32

// event reads an event.
func (d *decoder) event(f field) (*terroir.Event, error) {
	if len(d.room) == 0 {
		d.room = make([]terroir.Event, d.atOnce)
	}
	e := &d.room[0]
	d.room = d.room[1:]
	before := d.last
	if before == nil {
		before = e
	}
	d.last = e
	e.Time = epoch
	return e, f.message(func(n protowire.Number, f field) error { return readEvent(e, before, n, f) })
}
