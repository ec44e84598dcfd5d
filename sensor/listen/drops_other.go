//go:build !linux

package listen

import "net"

// socketDrops is not to be known on this system.
func socketDrops(*net.UDPConn) (n uint32, ok bool) { return 0, false }
