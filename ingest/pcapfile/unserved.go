package pcapfile

import (
	"net/netip"
	"time"

	"terroir"
)

// attempts is an unserved row in the making.
type attempts struct {
	key    attemptKey
	first  time.Time
	port   uint16
	sender sender
	// last is the time of the last attempt.
	last  time.Time
	count int64
	// put says that the row has left.
	put bool
}

// attemptKey is what unserved attempts are aggregated by.
type attemptKey struct {
	transport terroir.Transport
	source    netip.Addr
	target    netip.AddrPort
}

// unservedDelay is how much later than its first packet an attempt may be known to be unserved.
const unservedDelay = synIdle + closedIdle

// unserved aggregates attempts on ports that nobody serves.
type unserved struct {
	interval time.Duration
	rows     map[attemptKey]*attempts
	// order holds the rows as they were made; those that have left may still be in it.
	order []*attempts
}

// attempt adds count attempts from the source. It returns a row that is complete because of it, or nil.
func (u *unserved) attempt(key attemptKey, t time.Time, port uint16, from sender, count int64) *attempts {
	row := u.rows[key]
	if row != nil && t.Sub(row.first) < u.interval && row.first.Sub(t) < u.interval {
		row.count += count
		if t.After(row.last) {
			row.last = t
		}
		if t.Before(row.first) { // attempts become known in another order than that of their first packets
			row.first, row.port, row.sender = t, port, from
		}
		return nil
	}
	fresh := &attempts{key: key, first: t, last: t, port: port, sender: from, count: count}
	u.rows[key] = fresh
	u.order = append(u.order, fresh)
	return row
}

// due returns the oldest row if it is complete at the time, or if more than limit rows are held; else nil.
func (u *unserved) due(now time.Time, limit int) *attempts {
	for len(u.order) > 0 && u.order[0].put {
		u.order = u.order[1:]
	}
	if len(u.order) == 0 {
		return nil
	}
	row := u.order[0]
	if len(u.order) > limit || now.Sub(row.first) > u.interval+unservedDelay {
		return row
	}
	return nil
}

// remove takes the row out.
func (u *unserved) remove(row *attempts) {
	row.put = true
	if u.rows[row.key] == row {
		delete(u.rows, row.key)
	}
}
