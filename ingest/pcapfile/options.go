package pcapfile

import (
	"net/netip"
	"time"

	"terroir"
)

// Options say how a capture is read. The zero value is usable.
type Options struct {
	// Addresses of the sensor. When given, only flows to these become events. Empty means any.
	Addresses map[netip.Addr]bool
	// Served says whether the sensor served a port. Nil means that nobody knows.
	Served func(terroir.Transport, uint16) bool
	// Name gives the application protocol from the first bytes of client and server; "" where it cannot. May be nil.
	Name func(client, server []byte, t terroir.Transport) string
	// Hello reads the TLS ClientHello at the beginning of the client's bytes, if there is one. May be nil.
	Hello func([]byte) (terroir.TLSHello, bool)
	// Tunnels opens VXLAN (UDP port 4789, RFC 7348) and Geneve (6081, RFC 8926), as cloud traffic mirrors send them.
	Tunnels bool

	// KeepBytes is how many of the client's first bytes are kept per flow. Default 64 KiB.
	KeepBytes int
	// Interval over which unserved attempts are aggregated, from the first attempt. Default one minute.
	Interval time.Duration
	// MaxFlows bounds the flows, and the unserved rows, that are held at one time. Default 200,000.
	MaxFlows int
	// MaxBytes bounds the bytes of payloads that are held at one time, in all flows. Default 512 MiB.
	MaxBytes int
	// MaxPieces bounds the pieces per flow that wait for bytes before them. Default 256.
	MaxPieces int
}

const (
	// namingBytes of the server are kept, for Options.Name.
	namingBytes = 512
	// udpIdle ends a UDP flow.
	udpIdle = 60 * time.Second
	// tcpIdle ends a TCP flow in which nobody said that it ended.
	tcpIdle = 30 * time.Minute
	// synIdle ends an attempt without a completed handshake: Linux sends its last SYN again after 64 s.
	synIdle = 130 * time.Second
	// closedIdle is how long a closed flow still takes late packets.
	closedIdle = 30 * time.Second
)

func (o Options) withDefaults() Options {
	if o.KeepBytes <= 0 {
		o.KeepBytes = 64 << 10
	}
	if o.Interval <= 0 {
		o.Interval = time.Minute
	}
	if o.MaxFlows <= 0 {
		o.MaxFlows = 200_000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 512 << 20
	}
	if o.MaxPieces <= 0 {
		o.MaxPieces = 256
	}
	return o
}
