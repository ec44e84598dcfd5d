package tap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is a packet socket whose packets the kernel writes into memory that it shares with the process (TPACKET_V3,
// the kernel's Documentation/networking/packet_mmap.rst): one system call for a block of them, and no copy.
type ring struct {
	fd   int
	mem  []byte
	next int
	// link is the index of the interface that it is bound to; 0 means all.
	link int
}

const (
	blockSize = 1 << 18
	// frameSize only has to be valid: in this version frames are as long as their packets.
	frameSize = 1 << 11
	// retireAfter is how long the kernel waits for a block to be full, and so how late a packet is seen.
	retireAfter = 40 * time.Millisecond
	// wakeEvery bounds how long a read waits, and so how late an interval ends.
	wakeEvery = 200 * time.Millisecond
)

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// openRing opens a packet socket that gives packets without their link header. The filter is set before the socket
// is bound, so that nothing passes it by.
func openRing(name string, size int) (*ring, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return nil, ErrNoCapability
	}
	if err != nil {
		return nil, fmt.Errorf("tap: packet socket: %w", err)
	}
	r := &ring{fd: fd}
	if err := r.prepare(name, size); err != nil {
		return nil, errors.Join(fmt.Errorf("tap: %w", err), r.close())
	}
	return r, nil
}

func (r *ring) prepare(name string, size int) error {
	raw, err := filter()
	if err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
	if err := unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	// Since Linux 4.20; before, what goes out comes here, too, and is passed over.
	_ = unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	blocks := max(size/blockSize, 2)
	request := unix.TpacketReq3{Block_size: blockSize, Block_nr: uint32(blocks), Frame_size: frameSize,
		Frame_nr: uint32(blocks * (blockSize / frameSize)), Retire_blk_tov: uint32(retireAfter.Milliseconds())}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return fmt.Errorf("ring of %d bytes: %w", blocks*blockSize, err)
	}
	if r.mem, err = unix.Mmap(r.fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	index := 0
	if name != "" {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return fmt.Errorf("interface %s: %w", name, err)
		}
		index = i.Index
	}
	return r.bind(index)
}

func (r *ring) bind(link int) error {
	r.link = link
	return unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: link})
}

func (r *ring) close() error {
	var err error
	if r.mem != nil {
		err = unix.Munmap(r.mem)
		r.mem = nil
	}
	return errors.Join(err, unix.Close(r.fd))
}

// header is that of a block (struct tpacket_hdr_v1, after version and offset to private data).
func (r *ring) header(block []byte) *unix.TpacketHdrV1 {
	return (*unix.TpacketHdrV1)(unsafe.Pointer(&block[8]))
}

// captured is one packet of a block. Its bytes are valid during the call that gives it.
type captured struct {
	at   time.Time
	kind uint8
	// link is the index of the interface, vlan the number of the VLAN of which the interface is not, or 0.
	link int32
	vlan uint16
	data []byte
}

// read calls use for each packet of the next block, once the kernel gave it, and begin before the first of them. It says
// false when none came in time.
func (r *ring) read(wait time.Duration, begin func(), use func(captured)) (bool, error) {
	block := r.mem[r.next*blockSize : (r.next+1)*blockSize]
	h := r.header(block)
	if atomic.LoadUint32(&h.Block_status)&unix.TP_STATUS_USER == 0 {
		if err := r.poll(wait); err != nil {
			return false, err
		}
		if atomic.LoadUint32(&h.Block_status)&unix.TP_STATUS_USER == 0 {
			return false, nil
		}
	}
	begin()
	offset := h.Offset_to_first_pkt
	for range h.Num_pkts {
		frame := block[offset:]
		p := (*unix.Tpacket3Hdr)(unsafe.Pointer(&frame[0]))
		address := frame[unix.SizeofTpacket3Hdr:] // struct sockaddr_ll: the interface is at 4, the kind at 10
		c := captured{at: time.Unix(int64(p.Sec), int64(p.Nsec)), kind: address[10], link: int32(binary.NativeEndian.Uint32(address[4:])),
			data: frame[p.Net : uint32(p.Net)+p.Snaplen]}
		if p.Status&unix.TP_STATUS_VLAN_VALID != 0 {
			c.vlan = uint16(p.Hv1.Vlan_tci & 0xfff)
		}
		use(c)
		offset += p.Next_offset
	}
	atomic.StoreUint32(&h.Block_status, unix.TP_STATUS_KERNEL)
	r.next = (r.next + 1) % (len(r.mem) / blockSize)
	return true, nil
}

func (r *ring) poll(wait time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN | unix.POLLERR}}
	_, err := unix.Poll(fds, int(wait.Milliseconds()))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("tap: %w", err)
	}
	if fds[0].Revents&unix.POLLERR != 0 {
		// The interface went down, or something like it; reading the error clears it (socket(7)).
		no, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && no != 0 && syscall.Errno(no) != unix.ENETDOWN {
			return fmt.Errorf("tap: %w", syscall.Errno(no))
		}
	}
	return nil
}

// dropped is how many packets the kernel had no room for since the last call: its counters begin anew with each reading
// (packet(7)).
func (r *ring) dropped() (int64, error) {
	stats, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, fmt.Errorf("tap: counters: %w", err)
	}
	return int64(stats.Drops), nil
}

// Check says whether a tap could be started on the interface: ErrNoCapability, or what else is in the way.
func Check(name string) error {
	r, err := openRing(name, 0)
	if err != nil {
		return err
	}
	return r.close()
}

// The sizes below are the kernel's (linux/if_packet.h); a change of the library's structures would not go unseen.
var _ = [1]struct{}{}[unix.SizeofTpacket3Hdr-48]
var _ = [1]struct{}{}[unsafe.Sizeof(unix.Tpacket3Hdr{})-48]
