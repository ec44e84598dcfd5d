package tap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"terroir"
)

// Tap observes until Close.
type Tap struct {
	opt   Options
	sink  Sink
	fd    int
	own   map[netip.Addr]bool
	table *table
	// sockets are the UDP ports of this machine, as of asked.
	sockets map[uint16]bool
	asked   time.Time
	sent    sent

	done chan struct{}
	once sync.Once
	wg   sync.WaitGroup
	errs chan error
}

// wakeEvery bounds how long a read blocks, and so how late an interval ends.
const wakeEvery = 200 * time.Millisecond

// Start begins to observe. Without the right to read packets it returns ErrNoCapability.
func Start(ctx context.Context, opt Options, sink Sink) (*Tap, error) {
	opt.defaults()
	own, err := ownAddresses(&opt)
	if err != nil {
		return nil, fmt.Errorf("tap: %w", err)
	}
	fd, err := openSocket(opt.Interface)
	if err != nil {
		return nil, err
	}
	t := &Tap{opt: opt, sink: sink, fd: fd, own: own, done: make(chan struct{}), errs: make(chan error, 1)}
	t.table = newTable(&t.opt)
	t.wg.Go(func() { t.run(context.WithoutCancel(ctx)) })
	return t, nil
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// openSocket opens a packet socket that gives packets without their link header. The filter is set before the socket
// is bound, so that nothing passes it by.
func openSocket(name string) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return -1, ErrNoCapability
	}
	if err != nil {
		return -1, fmt.Errorf("tap: packet socket: %w", err)
	}
	if err := prepare(fd, name); err != nil {
		return -1, errors.Join(fmt.Errorf("tap: %w", err), unix.Close(fd))
	}
	return fd, nil
}

// Check says whether a tap could be started on the interface: ErrNoCapability, or what else is in the way.
func Check(name string) error {
	fd, err := openSocket(name)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func prepare(fd int, name string) error {
	raw, err := filter()
	if err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	// A burst of a scanner fits; beyond that the kernel counts what it drops.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20); err != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<20); err != nil {
			return fmt.Errorf("buffer: %w", err)
		}
	}
	wait := unix.NsecToTimeval(int64(wakeEvery))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return fmt.Errorf("timeout: %w", err)
	}
	index := 0
	if name != "" {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return fmt.Errorf("interface %s: %w", name, err)
		}
		index = i.Index
	}
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: index})
}

func (t *Tap) run(ctx context.Context) {
	full := make(chan []terroir.Record)
	t.wg.Go(func() {
		for records := range full {
			if err := putAll(ctx, t.sink, records); err != nil {
				t.fail(err)
			}
		}
	})
	defer close(full)
	defer func() { full <- t.take() }()
	buf := make([]byte, 2048)
	end := time.Now().Add(t.opt.Interval)
	var pending []terroir.Record
	for {
		select {
		case <-t.done:
			t.drain(buf)
			if len(pending) > 0 {
				full <- pending
			}
			return
		default:
		}
		n, from, err := unix.Recvfrom(t.fd, buf, 0)
		now := time.Now()
		if err == nil {
			t.packet(now, buf[:n], from)
		} else if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ENETDOWN) {
			t.fail(fmt.Errorf("tap: %w", err))
			return
		}
		if pending == nil && now.After(end) {
			pending, end = t.take(), now.Add(t.opt.Interval)
		}
		if pending != nil {
			select { // Reading goes on while the sink is busy; an interval is then longer.
			case full <- pending:
				pending = nil
			default:
			}
		}
	}
}

// drainWithin bounds how long the end takes when packets go on coming.
const drainWithin = 200 * time.Millisecond

// drain takes what the socket has already.
func (t *Tap) drain(buf []byte) {
	for end := time.Now().Add(drainWithin); time.Now().Before(end); {
		n, from, err := unix.Recvfrom(t.fd, buf, unix.MSG_DONTWAIT)
		if err != nil {
			return
		}
		t.packet(time.Now(), buf[:n], from)
	}
}

func (t *Tap) fail(err error) {
	select {
	case t.errs <- err:
	default:
	}
}

// packet counts one packet. On loopback each is seen twice, going out and coming in; only the second counts.
func (t *Tap) packet(now time.Time, b []byte, from unix.Sockaddr) {
	ll, ok := from.(*unix.SockaddrLinklayer)
	if !ok {
		return
	}
	p, ok := parse(b)
	if ok && ll.Pkttype == unix.PACKET_OUTGOING && p.transport == terroir.UDP {
		t.sent.add(now, exchange{own: p.src, peer: p.dst})
	}
	if !ok || ll.Pkttype == unix.PACKET_OUTGOING || !t.own[p.dst.Addr()] {
		return
	}
	if p.transport == terroir.UDP && (t.sent.has(now, exchange{own: p.dst, peer: p.src}) || t.answers(now, p.dst.Port())) {
		return
	}
	t.table.add(now, &p)
}

// answers reports whether a socket of this machine has the port. The kernel's table is read anew when it is old.
func (t *Tap) answers(now time.Time, port uint16) bool {
	if t.opt.Served(terroir.UDP, port) {
		return true
	}
	if now.Sub(t.asked) > 2*time.Second {
		t.sockets, t.asked = udpSockets(), now
	}
	return t.sockets[port]
}

// take returns the rows and losses of the interval, never nil.
func (t *Tap) take() []terroir.Record {
	rows, lost := t.table.take()
	records := appendLoss(append([]terroir.Record{}, rows...), t.opt.Sensor, "table", lost)
	// The counters of the kernel begin anew with each reading (packet(7)).
	if stats, err := unix.GetsockoptTpacketStats(t.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		records = appendLoss(records, t.opt.Sensor, "kernel", int64(stats.Drops))
	}
	return records
}

// Err gives the first error: from then on attempts go unrecorded.
func (t *Tap) Err() <-chan error { return t.errs }

// Close records what was counted so far and stops. It returns an error of the sink that Err has not given yet.
func (t *Tap) Close() (err error) {
	t.once.Do(func() {
		close(t.done)
		t.wg.Wait()
		err = unix.Close(t.fd)
		select {
		case failed := <-t.errs:
			err = errors.Join(failed, err)
		default:
		}
	})
	return err
}
