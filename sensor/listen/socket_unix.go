//go:build unix

package listen

import "syscall"

// keepUrgent makes TCP's urgent byte a byte of the stream (RFC 6093 §4): it would else be missing from payloads.
func keepUrgent(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_OOBINLINE, 1) }); e != nil {
		return e
	}
	return err
}
