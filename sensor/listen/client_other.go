//go:build !linux

package listen

import (
	"net"
	"net/netip"
	"syscall"
)

// client is the connection of a TCP client.
type client struct {
	*net.TCPConn
	source, own netip.AddrPort
	in          buffered
}

// listener is one open TCP port.
type listener struct {
	*net.TCPListener
	bound netip.AddrPort
}

func newListener(l *net.TCPListener) (*listener, error) {
	return &listener{l, unmap(l.Addr().(*net.TCPAddr).AddrPort())}, nil
}

// accept waits for a client.
func (l *listener) accept() (*client, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return &client{c, unmap(c.RemoteAddr().(*net.TCPAddr).AddrPort()), unmap(c.LocalAddr().(*net.TCPAddr).AddrPort()), buffered{r: c}}, nil
}

// another is never told.
func (l *listener) another() *client { return nil }

// beforeWaiting calls f: every call may wait.
func (c *client) beforeWaiting(f func()) { f() }

// mayWait is called before waiting.
func (c *client) mayWait() {}

// next implements stream.
func (c *client) next(use func([]byte)) error { return c.in.next(use) }

// syn is not to be had on this system.
func (c *client) syn() []byte { return nil }

// prepare sets what the connections of a listening socket inherit.
func prepare(network, address string, c syscall.RawConn) error {
	return keepUrgent(network, address, c)
}

// reset makes the connection end with RST when it is closed.
func (c *client) reset() { _ = c.SetLinger(0) }
