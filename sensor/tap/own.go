package tap

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// ownAddresses are those that the options name, or else all of the machine.
func ownAddresses(opt *Options) (map[netip.Addr]bool, error) {
	own := map[netip.Addr]bool{}
	for _, a := range opt.Addresses {
		own[a.Unmap()] = true
	}
	if len(own) > 0 {
		return own, nil
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				own[ip.Unmap()] = true
			}
		}
	}
	return own, nil
}

// udpSockets returns the UDP ports that sockets of this machine have: what arrives there answers somebody.
func udpSockets() map[uint16]bool {
	ports := map[uint16]bool{}
	for _, file := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		f, err := os.Open(file)
		if err != nil {
			continue // A machine without IPv6 has no udp6.
		}
		readSockets(f, ports)
		f.Close()
	}
	return ports
}

// readSockets reads the kernel's table: the second field is the local address and port in hexadecimal.
func readSockets(r io.Reader, ports map[uint16]bool) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		_, port, ok := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(port, 16, 16); ok && err == nil {
			ports[uint16(n)] = true
		}
	}
}
