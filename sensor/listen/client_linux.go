package listen

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// client is the connection of a TCP client. A net.TCPConn would ask the kernel for keep-alives, for no delay and for both
// addresses before the first byte, and would be watched before anybody waits for it: half of the system calls of a short
// session, of which none is needed.
type client struct {
	source, own netip.AddrPort
	hasty       bool
	// headers are those of the SYN, as far as size.
	headers [maxHeaders]byte
	size    int
	// waits, unless it is nil, is called before a call has to wait, or too many have not; reads counts those.
	waits func()
	reads int

	mu sync.Mutex
	// fd is the socket until file takes it over, when the first call has to wait. deadline is that of reading until then.
	fd       int
	file     *os.File
	raw      syscall.RawConn
	deadline time.Time
	until    time.Time // the deadline of writing
	closed   bool
}

// listener is one open TCP port.
type listener struct {
	*os.File
	raw   syscall.RawConn
	bound netip.AddrPort
}

// newListener takes over a listener of the library, which lets nobody else accept.
func newListener(l *net.TCPListener) (*listener, error) {
	file, err := l.File()
	if err := errors.Join(err, l.Close()); err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn()
	return &listener{file, raw, unmap(l.Addr().(*net.TCPAddr).AddrPort())}, err
}

// accept waits for a client.
func (l *listener) accept() (*client, error) {
	var c *client
	var failed error
	err := l.raw.Read(func(fd uintptr) bool {
		c, failed = l.take(int(fd))
		return failed != syscall.EAGAIN
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	return c, nil
}

// another is a client that waits already, or nil.
func (l *listener) another() (c *client) {
	_ = l.raw.Control(func(fd uintptr) { c, _ = l.take(int(fd)) }) // Whoever waits for the next one sees the error.
	return c
}

func (l *listener) take(listener int) (*client, error) {
	for {
		// That of x/sys asks the kernel for the protocol, too.
		fd, from, err := syscall.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == syscall.EINTR || err == syscall.ECONNABORTED {
			continue
		}
		if err != nil {
			return nil, err
		}
		c := &client{fd: fd, source: addrPort(from), own: l.bound}
		c.readSYN()
		if c.own.Addr().IsUnspecified() {
			to, err := syscall.Getsockname(fd)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("getsockname: %w", err), c.Close())
			}
			c.own = addrPort(to)
		}
		return c, nil
	}
}

// maxHeaders is more than the longest headers of a SYN: 60 bytes of IPv4, 60 of TCP.
const maxHeaders = 128

// readSYN asks for the headers of the packet with which the connection began (TCP_SAVED_SYN, tcp(7)). They also say to
// which address it was sent.
func (c *client) readSYN() {
	size := uint32(len(c.headers))
	_, _, no := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(c.fd), unix.IPPROTO_TCP, unix.TCP_SAVED_SYN,
		uintptr(unsafe.Pointer(&c.headers)), uintptr(unsafe.Pointer(&size)), 0)
	if no != 0 || size > maxHeaders {
		return
	}
	c.size = int(size)
	switch h := c.syn(); {
	case len(h) >= 40 && h[0]>>4 == 4:
		c.own = netip.AddrPortFrom(netip.AddrFrom4([4]byte(h[16:])), c.own.Port())
	case len(h) >= 60 && h[0]>>4 == 6:
		c.own = netip.AddrPortFrom(netip.AddrFrom16([16]byte(h[24:])), c.own.Port())
	}
}

// syn is the headers of the first packet; none where the kernel did not keep them.
func (c *client) syn() []byte { return c.headers[:c.size] }

func addrPort(a syscall.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *syscall.SockaddrInet6:
		return unmap(netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)))
	}
	return netip.AddrPort{}
}

// buffers are lent for one read each: a silent connection holds none.
var buffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// beforeWaiting has f called, once, before the connection makes its goroutine wait or takes much of its time.
func (c *client) beforeWaiting(f func()) { c.waits = f }

// mayWait is called before waiting.
func (c *client) mayWait() {
	if f := c.waits; f != nil {
		c.waits = nil
		f()
	}
}

// manyReads is how many reads of a client are done before others are let in.
const manyReads = 4

// next implements stream.
func (c *client) next(use func([]byte)) error {
	if c.reads++; c.reads == manyReads {
		c.mayWait()
	}
	buf := buffers.Get().(*[16 << 10]byte)
	n, err := c.try(buf[:])
	if err == unix.EAGAIN {
		buffers.Put(buf)
		if buf, n, err = c.wait(); buf == nil {
			return err
		}
	}
	defer buffers.Put(buf)
	switch {
	case err != nil:
		return os.NewSyscallError("read", err)
	case n == 0:
		return io.EOF
	}
	use(buf[:n])
	return nil
}

// try reads what is there.
func (c *client) try(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil {
		return 0, unix.EAGAIN
	}
	if c.closed {
		return 0, os.ErrClosed
	}
	return read(c.fd, b)
}

func read(fd int, b []byte) (n int, err error) {
	for {
		if n, err = unix.Read(fd, b); err != unix.EINTR {
			return n, err
		}
	}
}

// wait reads once something has come. Without a buffer there is nothing, and an error that says why.
func (c *client) wait() (buf *[16 << 10]byte, n int, err error) {
	raw, err := c.watched()
	if err != nil {
		return nil, 0, err
	}
	waited := raw.Read(func(fd uintptr) bool {
		buf = buffers.Get().(*[16 << 10]byte)
		if n, err = read(int(fd), buf[:]); err == unix.EAGAIN {
			buffers.Put(buf)
			buf = nil
			return false
		}
		return true
	})
	if errors.Is(waited, os.ErrDeadlineExceeded) {
		return c.last()
	}
	if waited != nil {
		return nil, 0, waited
	}
	return buf, n, err
}

// last reads what has arrived when there is no more time to wait.
func (c *client) last() (buf *[16 << 10]byte, n int, err error) {
	buf = buffers.Get().(*[16 << 10]byte)
	err = c.control(func(fd int) (err error) {
		n, err = read(fd, buf[:])
		return err
	})
	if errors.Is(err, unix.EAGAIN) {
		buffers.Put(buf)
		return nil, 0, os.ErrDeadlineExceeded
	}
	return buf, n, err
}

// watched makes the connection one on which calls can wait.
func (c *client) watched() (syscall.RawConn, error) {
	c.mayWait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, os.ErrClosed
	}
	if c.file == nil {
		c.file = os.NewFile(uintptr(c.fd), "client")
		raw, err := c.file.SyscallConn()
		if err != nil {
			return nil, err
		}
		c.raw = raw
		if err := errors.Join(c.file.SetReadDeadline(c.deadline), c.file.SetWriteDeadline(c.until)); err != nil {
			return nil, err
		}
	}
	return c.raw, nil
}

// control does something with the socket.
func (c *client) control(f func(fd int) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return os.ErrClosed
	case c.file == nil:
		return f(c.fd)
	}
	var err error
	return errors.Join(c.raw.Control(func(fd uintptr) { err = f(int(fd)) }), err)
}

// Read implements io.Reader.
func (c *client) Read(b []byte) (int, error) {
	if _, err := c.watched(); err != nil {
		return 0, err
	}
	return c.file.Read(b)
}

// Write implements io.Writer. Answers are sent as they are, without waiting for more (TCP_NODELAY).
func (c *client) Write(b []byte) (int, error) {
	if !c.hasty {
		c.hasty = true
		_ = c.control(func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) })
	}
	n, err := c.tryWrite(b)
	if n == len(b) || err != nil {
		return n, err
	}
	if _, err := c.watched(); err != nil {
		return n, err
	}
	m, err := c.file.Write(b[n:])
	return n + m, err
}

// tryWrite writes what there is room for.
func (c *client) tryWrite(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return 0, os.ErrClosed
	case c.file != nil:
		return 0, nil
	}
	n, err := unix.Write(c.fd, b)
	if err == unix.EAGAIN || err == unix.EINTR {
		return 0, nil
	}
	return max(n, 0), os.NewSyscallError("write", err)
}

// CloseWrite ends the sensor's side of the connection.
func (c *client) CloseWrite() error {
	return c.control(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
}

// prepare sets what the connections of a listening socket inherit.
func prepare(network, address string, c syscall.RawConn) error {
	if err := keepUrgent(network, address, c); err != nil {
		return err
	}
	return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_SAVE_SYN, 1) })
}

// reset makes the connection end with RST when it is closed.
func (c *client) reset() {
	_ = c.control(func(fd int) error {
		return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	})
}

// Close implements io.Closer. Only the first call does something.
func (c *client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return os.ErrClosed
	}
	c.closed = true
	if c.file != nil {
		return c.file.Close()
	}
	return unix.Close(c.fd)
}

// SetReadDeadline is as net.Conn has it.
func (c *client) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil {
		return c.file.SetReadDeadline(t)
	}
	c.deadline = t
	return nil
}

// SetWriteDeadline is as net.Conn has it.
func (c *client) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil {
		return c.file.SetWriteDeadline(t)
	}
	c.until = t
	return nil
}

// SetDeadline is as net.Conn has it.
func (c *client) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// LocalAddr is as net.Conn has it.
func (c *client) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.own) }

// RemoteAddr is as net.Conn has it.
func (c *client) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.source) }
