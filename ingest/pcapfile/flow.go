package pcapfile

import (
	"net/netip"
	"time"

	"terroir"
)

// flow is what is known of one conversation.
type flow struct {
	key              flowKey
	client, server   netip.AddrPort
	transport        terroir.Transport
	first, last      time.Time
	before, after    *flow
	queue            *queue
	sender           sender
	held             int
	foreign, refused bool

	tcp tcpState
	udp udpState
}

// flowKey names a flow whatever the direction of a packet.
type flowKey struct {
	transport terroir.Transport
	low, high netip.AddrPort
}

func newFlowKey(t terroir.Transport, a, b netip.AddrPort) flowKey {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return flowKey{t, a, b}
}

// queue holds flows in the order in which they were last seen, and ends those that were silent for idle.
type queue struct {
	idle       time.Duration
	head, tail *flow
}

func (q *queue) remove(f *flow) {
	if f.before == nil {
		q.head = f.after
	} else {
		f.before.after = f.after
	}
	if f.after == nil {
		q.tail = f.before
	} else {
		f.after.before = f.before
	}
	f.before, f.after, f.queue = nil, nil, nil
}

func (q *queue) push(f *flow) {
	if f.before, f.queue = q.tail, q; q.tail == nil {
		q.head = f
	} else {
		q.tail.after = f
	}
	q.tail = f
}

// table holds the flows that may still get packets.
type table struct {
	flows map[flowKey]*flow
	// The queues differ in how long their flows may be silent.
	attempts, open, closed, datagrams queue
	// held is the number of payload bytes in all flows.
	held int
}

func newTable() *table {
	return &table{
		flows:    map[flowKey]*flow{},
		attempts: queue{idle: synIdle}, open: queue{idle: tcpIdle},
		closed: queue{idle: closedIdle}, datagrams: queue{idle: udpIdle},
	}
}

func (t *table) queues() [4]*queue {
	return [4]*queue{&t.attempts, &t.closed, &t.datagrams, &t.open}
}

// touch moves the flow to the end of the queue that fits its state.
func (t *table) touch(f *flow) {
	q := &t.open
	switch {
	case f.transport == terroir.UDP:
		q = &t.datagrams
	case f.tcp.closed():
		q = &t.closed
	case !f.tcp.established:
		q = &t.attempts
	}
	if f.queue != nil {
		f.queue.remove(f)
	}
	q.push(f)
}

// hold notes how many payload bytes the flow has in memory now.
func (t *table) hold(f *flow, held int) {
	t.held += held - f.held
	f.held = held
}

func (t *table) remove(f *flow) {
	delete(t.flows, f.key)
	f.queue.remove(f)
	t.held -= f.held
}

// idle returns a flow that was silent for too long, or nil.
func (t *table) idle(now time.Time) *flow {
	for _, q := range t.queues() {
		if f := q.head; f != nil && now.Sub(f.last) > q.idle {
			return f
		}
	}
	return nil
}

// oldest returns the flow that was silent for the longest time, leaving one out, or nil.
func (t *table) oldest(except *flow) *flow {
	var oldest *flow
	for _, q := range t.queues() {
		f := q.head
		if f != nil && f == except {
			f = f.after
		}
		if f != nil && (oldest == nil || f.last.Before(oldest.last)) {
			oldest = f
		}
	}
	return oldest
}
