package e2e

import (
	"net"
	"sync"
	"testing"
)

// link is the network between a part and the bus: connections through it can be cut, or be left without a sound.
type link struct {
	listener net.Listener
	to       string

	mu      sync.Mutex
	changed *sync.Cond
	cut     bool
	dark    bool
	conns   map[net.Conn]struct{}
}

// newLink makes a link to the address.
func newLink(t *testing.T, to string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &link{listener: l, to: to, conns: map[net.Conn]struct{}{}}
	n.changed = sync.NewCond(&n.mu)
	go n.accept()
	t.Cleanup(func() { l.Close(); n.set(true, false) })
	return n
}

// url is where the bus is reached through the link.
func (n *link) url() string { return "nats://" + n.listener.Addr().String() }

// set cuts the link, darkens it (nothing passes, in no direction, and nobody is told), or heals it.
func (n *link) set(cut, dark bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut, n.dark = cut, dark
	if cut {
		for c := range n.conns {
			_ = c.Close()
		}
	}
	n.changed.Broadcast()
}

func (n *link) accept() {
	for {
		c, err := n.listener.Accept()
		if err != nil {
			return
		}
		go n.carry(c)
	}
}

func (n *link) carry(c net.Conn) {
	defer c.Close()
	if !n.lit(c) {
		return
	}
	far, err := net.Dial("tcp", n.to)
	if err != nil {
		return
	}
	defer far.Close()
	if !n.lit(far) {
		return
	}
	go n.pump(far, c)
	n.pump(c, far)
	n.mu.Lock()
	delete(n.conns, c)
	delete(n.conns, far)
	n.mu.Unlock()
}

// lit waits until the link is not dark and reports whether the connection may go on.
func (n *link) lit(c net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.dark && !n.cut {
		n.changed.Wait()
	}
	n.conns[c] = struct{}{}
	return !n.cut
}

// pump carries one direction and ends both.
func (n *link) pump(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		k, err := from.Read(b)
		if err != nil || !n.lit(to) {
			return
		}
		if _, err := to.Write(b[:k]); err != nil {
			return
		}
	}
}
