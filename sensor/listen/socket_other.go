//go:build !unix

package listen

import (
	"net"
	"syscall"
)

func keepUrgent(string, string, syscall.RawConn) error { return nil }

func newPlain(c *net.TCPConn) (stream, error) { return &buffered{r: c}, nil }
