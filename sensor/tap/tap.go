// Package tap notes attempts on ports that nobody serves: TCP SYNs, UDP datagrams and, where asked for, ICMP echo
// requests to the sensor's own addresses. It reads copies of packets (Linux, AF_PACKET, CAP_NET_RAW) through a filter in
// the kernel, and never sends anything.
//
// Attempts of one source on one port of one address are one row an interval, with their number, the time of the first
// and, as its duration, how much later the last came. A SYN that is sent again (the same ports and sequence number,
// within a minute or two) is one attempt. Not counted are packets that the sensor's machine sends,
// answers to it (UDP to a port that one of its sockets has, or had less than half a minute ago; where the kernel does not
// tell of sockets that go, UDP from an end to which it sent something), and the operator's own ports (Never).
//
// A SYN to a served port is the listener's, if the handshake is completed. One that the client takes back with a RST, as
// scanners of SYNs do, is an event of kind error; those that are neither are counted as lost ("half_open"): clients that
// went silent, forged addresses, and what the kernel's queues had no room for.
package tap

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"terroir"
)

// ErrNoCapability says that the process may not read packets: CAP_NET_RAW is missing, or the system is not Linux.
var ErrNoCapability = errors.New("packets cannot be read: CAP_NET_RAW is missing")

// Sink takes what was observed.
type Sink interface {
	Put(ctx context.Context, r terroir.Record) error
}

// Options of a tap.
type Options struct {
	Sensor, Region string
	// Revision is the configuration's at the moment.
	Revision func() int32
	// Interface to read from; "" means all.
	Interface string
	// Addresses are the sensor's own; none means all of the machine.
	Addresses []netip.Addr
	// Served says whether a listener serves the port; its attempts are sessions, not the tap's.
	Served func(terroir.Transport, uint16) bool
	// Accepted is how many TCP connections the listeners have taken so far. It may be nil.
	Accepted func() int64
	// Never are ports that are not observed.
	Never []uint16
	// Interval of the rows; default 1 minute.
	Interval time.Duration
	// ICMP asks for echo requests, too.
	ICMP bool
	// MaxRows bounds the rows of an interval, and what one source may have of them; default 65,536. What goes beyond is
	// counted as lost ("table", "per_source").
	MaxRows int
	// RingBytes is the memory that the kernel writes packets to; default 8 MiB. What it has no room for is counted as lost
	// ("kernel").
	RingBytes int
	// Seen is told the rows of each interval. It must not keep or change them. It may be nil.
	Seen func([]terroir.Record)

	// looksAtOutgoing does without the kernel's word on sockets that go, as on systems that do not give it.
	looksAtOutgoing bool
}

func (o *Options) defaults() {
	if o.Interval == 0 {
		o.Interval = time.Minute
	}
	if o.MaxRows == 0 {
		o.MaxRows = 1 << 16
	}
	if o.RingBytes == 0 {
		o.RingBytes = 8 << 20
	}
	if o.Served == nil {
		o.Served = func(terroir.Transport, uint16) bool { return false }
	}
	if o.Revision == nil {
		o.Revision = func() int32 { return 0 }
	}
}
