package tap

import (
	"errors"
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"terroir"
)

// outgoing tells what this machine sends by UDP, on the interfaces that have own addresses. It is a socket apart from the
// ring's: for every packet that goes out the kernel makes a copy for whoever asks for those, before any filter.
type outgoing struct {
	fds map[int]int // by the interface's index
}

// sentBytes is what is kept of a packet that goes out: the longest header of IPv4 and that of UDP.
const sentBytes = 60 + 8

// sentFilter lets through what goes out by UDP, over IPv4 (first fragments) and IPv6 without extension headers.
func sentFilter() ([]bpf.RawInstruction, error) {
	const accept, drop = sentBytes, 0
	return bpf.Assemble([]bpf.Instruction{
		/*  0 */ bpf.LoadExtension{Num: bpf.ExtType},
		/*  1 */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 9},
		/*  2 */ bpf.LoadAbsolute{Off: 0, Size: 1},
		/*  3 */ bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
		/*  4 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: 3},
		/*  5 */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 4, SkipTrue: 5},
		/*  6 */ bpf.LoadAbsolute{Off: 9, Size: 1},
		/*  7 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 17, SkipTrue: 2, SkipFalse: 3},
		/*  8 */ bpf.LoadAbsolute{Off: 6, Size: 1},
		/*  9 */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 17, SkipTrue: 1},
		/* 10 */ bpf.RetConstant{Val: accept},
		/* 11 */ bpf.RetConstant{Val: drop},
	})
}

// follow opens a socket for each of the interfaces, and closes those of others.
func (o *outgoing) follow(links map[int]bool) error {
	if o.fds == nil {
		o.fds = map[int]int{}
	}
	for link, fd := range o.fds {
		if !links[link] {
			_ = unix.Close(fd)
			delete(o.fds, link)
		}
	}
	for link := range links {
		if _, open := o.fds[link]; open {
			continue
		}
		fd, err := openOutgoing(link)
		if errors.Is(err, unix.EPERM) {
			continue // A confined process cannot open more of them: an interface that came later is watched without.
		}
		if err != nil {
			return fmt.Errorf("tap: outgoing packets: %w", err)
		}
		o.fds[link] = fd
	}
	return nil
}

func openOutgoing(link int) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	raw, err := sentFilter()
	if err == nil {
		program := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
		err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
	}
	if err == nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: link})
	}
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// drain calls use for everything that was sent since it was called last.
func (o *outgoing) drain(use func(*packet)) {
	var b [sentBytes]byte
	for _, fd := range o.fds {
		for {
			n, _, err := unix.Recvfrom(fd, b[:], 0)
			if err != nil {
				break // EAGAIN: that is all. Whatever else there is comes again.
			}
			if p, ok := parse(b[:n]); ok && p.transport == terroir.UDP {
				use(&p)
			}
		}
	}
}

func (o *outgoing) close() {
	for link, fd := range o.fds {
		_ = unix.Close(fd)
		delete(o.fds, link)
	}
}

// ownLinks is the interfaces that are observed: the one that is named, or those with own addresses.
func (t *Tap) ownLinks() (map[int]bool, error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	links := map[int]bool{}
	for i := range list {
		if t.opt.Interface != "" {
			if list[i].Name == t.opt.Interface {
				links[list[i].Index] = true
			}
			continue
		}
		addrs, err := list[i].Addrs()
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			if prefix, ok := a.(*net.IPNet); ok && t.own.within(prefix) {
				links[list[i].Index] = true
			}
		}
	}
	return links, nil
}
