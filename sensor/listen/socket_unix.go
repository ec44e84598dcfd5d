//go:build unix

package listen

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// keepUrgent makes TCP's urgent byte a byte of the stream (RFC 6093 §4): it would else be missing from payloads.
func keepUrgent(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_OOBINLINE, 1) }); e != nil {
		return e
	}
	return err
}

// buffers are lent for one read each: a silent connection holds none.
var buffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// plain reads from a TCP connection.
type plain struct{ raw syscall.RawConn }

func newPlain(c *net.TCPConn) (stream, error) {
	raw, err := c.SyscallConn()
	return plain{raw}, err
}

// next implements stream.
func (p plain) next(use func([]byte)) error {
	var n int
	var err error
	var buf *[16 << 10]byte
	if e := p.raw.Read(func(fd uintptr) bool {
		buf = buffers.Get().(*[16 << 10]byte)
		for {
			n, err = syscall.Read(int(fd), buf[:])
			if !errors.Is(err, syscall.EINTR) {
				break
			}
		}
		if errors.Is(err, syscall.EAGAIN) {
			buffers.Put(buf)
			return false
		}
		return true
	}); e != nil {
		return e
	}
	defer buffers.Put(buf)
	if err != nil {
		return os.NewSyscallError("read", err)
	}
	if n == 0 {
		return io.EOF
	}
	use(buf[:n])
	return nil
}
