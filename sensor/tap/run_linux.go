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

	done chan struct{}
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
	buf := make([]byte, 2048)
	end := time.Now().Add(t.opt.Interval)
	for {
		select {
		case <-t.done:
			t.report(ctx)
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
		if now.After(end) {
			t.report(ctx)
			end = now.Add(t.opt.Interval)
		}
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
	if !ok || ll.Pkttype == unix.PACKET_OUTGOING {
		return
	}
	p, ok := parse(b)
	if !ok || !t.own[p.dst.Addr()] {
		return
	}
	if p.transport == terroir.UDP && t.answers(now, p.dst.Port()) {
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

// report records the rows of the interval, and what was lost in it.
func (t *Tap) report(ctx context.Context) {
	rows, lost := t.table.take()
	for _, r := range rows {
		t.put(ctx, r)
	}
	t.lost(ctx, "table", lost)
	// The counters of the kernel begin anew with each reading (packet(7)).
	if stats, err := unix.GetsockoptTpacketStats(t.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		t.lost(ctx, "kernel", int64(stats.Drops))
	}
}

func (t *Tap) lost(ctx context.Context, reason string, n int64) {
	if n == 0 {
		return
	}
	l := &terroir.Loss{Time: time.Now().UTC(), Stage: "tap", Reason: reason, Attempts: n}
	l.Sensor = t.opt.Sensor
	t.put(ctx, terroir.Record{Loss: l})
}

func (t *Tap) put(ctx context.Context, r terroir.Record) {
	if err := t.sink.Put(ctx, r); err != nil {
		t.fail(fmt.Errorf("tap: event not recorded: %w", err))
	}
}

// Err gives the first error: from then on attempts go unrecorded.
func (t *Tap) Err() <-chan error { return t.errs }

// Close records what was counted so far and stops.
func (t *Tap) Close() error {
	close(t.done)
	t.wg.Wait()
	return unix.Close(t.fd)
}
