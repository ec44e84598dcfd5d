package listen

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketDrops is how many datagrams the kernel has dropped since the port was opened, because nobody read them in time
// or because they were damaged (SO_MEMINFO, linux/sock_diag.h: SK_MEMINFO_DROPS). It wraps.
func socketDrops(c *net.UDPConn) (n uint32, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	const drops = 8 // SK_MEMINFO_DROPS
	var info [drops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	err = raw.Control(func(fd uintptr) {
		_, _, no := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		ok = no == 0 && size == uint32(unsafe.Sizeof(info))
	})
	return info[drops], ok && err == nil
}
