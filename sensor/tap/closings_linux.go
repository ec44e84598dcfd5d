package tap

import (
	"encoding/binary"
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// closings tells which UDP ports sockets of this machine have had: what arrives there soon after is an answer that comes
// late. The kernel says so whenever a socket goes (sock_diag(7)), which costs nothing for packets; where it does not,
// everything that goes out has to be looked at (outgoing).
type closings struct {
	fd   int
	open bool
	at   map[uint16]time.Time
}

// The kernel's groups for UDP sockets that go, over IPv4 and IPv6 (linux/sock_diag.h: SKNLGRP_INET_UDP_DESTROY 2,
// SKNLGRP_INET6_UDP_DESTROY 4).
const closingGroups = 1<<(2-1) | 1<<(4-1)

// trialWithin is how long the kernel may take to tell of a socket that went.
const trialWithin = 200 * time.Millisecond

// start begins to listen, and says whether this kernel tells: a socket is opened and closed to see.
func (c *closings) start() bool {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return false
	}
	c.fd, c.at = fd, map[uint16]time.Time{}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: closingGroups}); err == nil {
		c.open = c.trial()
	}
	if !c.open {
		_ = unix.Close(fd)
	}
	return c.open
}

func (c *closings) trial() bool {
	s, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return false
	}
	port := uint16(s.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	_ = s.Close()
	for end := time.Now().Add(trialWithin); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if c.drain(time.Now()); c.has(time.Now(), port) {
			delete(c.at, port)
			return true
		}
	}
	return false
}

// drain takes what the kernel has told since.
func (c *closings) drain(now time.Time) {
	var b [4096]byte
	for c.fd > 0 && c.at != nil {
		n, _, err := unix.Recvfrom(c.fd, b[:], 0)
		if errors.Is(err, unix.ENOBUFS) {
			continue // It told of more than there was room for.
		}
		if err != nil {
			return // EAGAIN: that is all.
		}
		if port, ok := closedPort(b[:n]); ok {
			c.at[port] = now
		}
	}
}

// closedPort is the local port of a struct inet_diag_msg behind a struct nlmsghdr (linux/inet_diag.h).
func closedPort(b []byte) (uint16, bool) {
	const header, own = unix.SizeofNlMsghdr, 4
	if len(b) < header+own+2 {
		return 0, false
	}
	port := binary.BigEndian.Uint16(b[header+own:])
	return port, port != 0
}

// has says whether a socket had the port a while ago.
func (c *closings) has(now time.Time, port uint16) bool {
	at, ok := c.at[port]
	return ok && now.Sub(at) < answerWithin
}

func (c *closings) close() {
	if c.open {
		_ = unix.Close(c.fd)
		c.open = false
	}
}
