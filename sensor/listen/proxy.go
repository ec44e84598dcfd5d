package listen

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

// behindProxy reads the PROXY header (version 1 or 2, https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt) of a
// trusted proxy and puts the client that it names in the proxy's place. It returns false when there is no session to
// record: the proxy looked after the sensor itself, or the client has its share. A header that cannot be read is left
// in the stream: the session is the proxy's own.
func (x *session) behindProxy() bool {
	x.deadline(x.s.opt.IdleBefore)
	var read bytes.Buffer
	r := &reader{stream: x.in}
	buf := bufio.NewReaderSize(io.TeeReader(r, &read), 512)
	h, err := proxyproto.Read(buf)
	if read.Len() == 0 {
		x.s.guests.lose("proxy_check", 1) // A load balancer that looks whether the port is open.
		return false
	}
	if err == nil && h.Version == 2 && h.Command.IsLocal() {
		x.s.guests.lose("proxy_check", 1)
		return false
	}
	if err != nil {
		x.in = &after{append(read.Bytes(), r.left...), r.stream}
		return true
	}
	rest, _ := buf.Peek(buf.Buffered())
	x.in = &after{append(bytes.Clone(rest), r.left...), r.stream}
	source, own := tcpAddr(h.SourceAddr), tcpAddr(h.DestinationAddr)
	if !source.IsValid() {
		return true // The proxy does not know its client (UNKNOWN): its own address stands.
	}
	if !x.s.guests.identify(x.guest, source.Addr()) {
		x.conn.reset()
		return false
	}
	x.event.Source = source
	if own.IsValid() {
		x.event.Destination = netip.AddrPortFrom(own.Addr(), x.serves.Port)
	}
	return true
}

// tcpAddr is the address of a header; the zero AddrPort when it names none of TCP.
func tcpAddr(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok && t != nil && t.Port > 0 {
		if u := unmap(t.AddrPort()); u.Addr().IsValid() {
			return u
		}
	}
	return netip.AddrPort{}
}
