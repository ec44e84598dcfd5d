package tap

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// refreshEvery is how often the machine's addresses and interfaces are read anew, socketsEvery how often its UDP ports;
// socketsAgain is how soon for a port that was not among them.
const (
	refreshEvery = 5 * time.Second
	socketsEvery = 2 * time.Second
	socketsAgain = 20 * time.Millisecond
)

// own are the addresses that are observed: those that the options name, or else all of the machine that others can reach.
type own struct {
	addrs map[netip.Addr]bool
	asked time.Time
}

func (o *own) has(a netip.Addr) bool { return o.addrs[a] }

// within says whether one of them is an address of the interface, or in its network as all of 127.0.0.0/8 is.
func (o *own) within(prefix *net.IPNet) bool {
	for a := range o.addrs {
		if prefix.Contains(a.AsSlice()) {
			return true
		}
	}
	return false
}

func (o *own) read(opt *Options) error {
	addrs := map[netip.Addr]bool{}
	for _, a := range opt.Addresses {
		addrs[a.Unmap()] = true
	}
	if len(addrs) == 0 {
		list, err := net.InterfaceAddrs()
		if err != nil {
			return err
		}
		for _, a := range list {
			if n, ok := a.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(n.IP); ok && !ip.Unmap().IsLoopback() {
					addrs[ip.Unmap()] = true
				}
			}
		}
	}
	o.addrs, o.asked = addrs, time.Now()
	return nil
}

// refresh follows a machine whose addresses change, and says whether it was time to look. While they cannot be read,
// those of before stay.
func (o *own) refresh(now time.Time, opt *Options) bool {
	if now.Sub(o.asked) < refreshEvery {
		return false
	}
	if o.read(opt) != nil {
		o.asked = now
	}
	return true
}

// sockets are the UDP ports that sockets of this machine have: what arrives there answers somebody. The kernel's tables
// stay open: a confined process could not open them again.
type sockets struct {
	files []*os.File
	ports map[uint16]bool
	asked time.Time
}

func (s *sockets) open() {
	for _, name := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		if f, err := os.Open(name); err == nil { // A machine without IPv6 has no udp6.
			s.files = append(s.files, f)
		}
	}
}

func (s *sockets) close() {
	for _, f := range s.files {
		_ = f.Close()
	}
}

func (s *sockets) has(now time.Time, port uint16) bool {
	if age := now.Sub(s.asked); age > socketsEvery || age < 0 || age > socketsAgain && !s.ports[port] {
		s.ports, s.asked = map[uint16]bool{}, now
		for _, f := range s.files {
			if _, err := f.Seek(0, io.SeekStart); err == nil {
				readSockets(f, s.ports)
			}
		}
	}
	return s.ports[port]
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
