//go:build unix

package listen

import (
	"net"
	"syscall"
	"testing"
)

// urgent sends a byte out of band (MSG_OOB).
func urgent(t *testing.T, c *net.TCPConn, b string) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Control(func(fd uintptr) { err = syscall.Sendto(int(fd), []byte(b), syscall.MSG_OOB, nil) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
}
