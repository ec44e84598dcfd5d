package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"terroir"
)

const (
	floodFor = 4 * time.Second
	// sources and ports of the flood: so many rows an interval.
	floodSources, floodPorts = 500, 64
)

// caught is what an observer did with a flood.
type caught struct {
	name                      string
	sent, arrived, seen, lost int64
	took, cpu                 time.Duration
}

// syns floods unserved ports with SYNs, as fast as this machine sends them, in front of the sensor and of tcpdump in turn.
func syns(args []string) error {
	var all [2][]caught
	for range rounds {
		for i, observe := range []func(string) (caught, error){dumped, tapped} {
			c, err := observe(args[0])
			if err != nil {
				return err
			}
			all[i] = append(all[i], c)
		}
	}
	fmt.Printf("SYNs of %d sources to %d unserved ports, %s as fast as they are sent, %d rounds in turn; of each the median by SYNs seen a second\n", floodSources, floodPorts, floodFor, rounds)
	fmt.Printf("%-24s %10s %10s %10s %10s %12s %10s %7s %12s\n", "", "sent", "arrived", "seen", "lost", "unexplained", "seen/s", "ratio", "CPU µs each")
	rate := func(c caught) float64 { return float64(c.seen) / c.took.Seconds() }
	var first float64
	for i := range all {
		slices.SortFunc(all[i], func(a, b caught) int { return int(rate(a) - rate(b)) })
		c := all[i][len(all[i])/2]
		if i == 0 {
			first = rate(c)
		}
		fmt.Printf("%-24s %10d %10d %10d %10d %12d %10.0f %7.2f %12.2f\n", c.name, c.sent, c.arrived, c.seen, c.lost, c.arrived-c.seen-c.lost, rate(c), rate(c)/first,
			float64(c.cpu.Microseconds())/float64(c.seen))
	}
	return nil
}

// tapped lets the sensor observe.
func tapped(program string) (c caught, err error) {
	dir, err := os.MkdirTemp("", "terroir-bench-*")
	if err != nil {
		return c, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return c, err
	}
	file := filepath.Join(dir, "sensor.yaml")
	text := fmt.Sprintf("sensor: bench\ndir: %s\nhub: nats://127.0.0.1:1\ndrain: 1ms\ntheme: none\nlisten: {ports: [{port: 6379, transport: tcp}]}\n", filepath.Join(dir, "data"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return c, err
	}
	p, err := start(dir, server+":6379", program, "-c", file)
	if err != nil {
		return c, err
	}
	time.Sleep(500 * time.Millisecond)
	if c, err = flood(p); err != nil {
		return c, err
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		return c, err
	}
	c.name = "sensor"
	err = eachRecord(filepath.Join(dir, "data", "spool"), func(r *terroir.Record) {
		switch {
		case r.Event != nil && r.Event.Kind == terroir.KindUnserved:
			c.seen += r.Event.Attempts
		case r.Loss != nil && r.Loss.Stage == "tap" && r.Loss.Reason != "half_open":
			c.lost += r.Loss.Attempts
		}
	})
	return c, err
}

var dumpSays = regexp.MustCompile(`(\d+) packets? (captured|received by filter|dropped by kernel)`)

// dumped lets tcpdump observe, with the same filter, ring and length of packets.
func dumped(string) (c caught, err error) {
	dir, err := os.MkdirTemp("", "terroir-bench-*")
	if err != nil {
		return c, err
	}
	defer os.RemoveAll(dir)
	p, err := start(dir, "", "tcpdump", "-n", "-i", "cable", "-Q", "in", "-s", "256", "-B", "8192", "-w", "/dev/null",
		"tcp[13] & 0x17 = 2 or tcp[13] & 0x17 = 4 or udp or icmp[0] = 8")
	if err != nil {
		return c, err
	}
	time.Sleep(time.Second)
	if c, err = flood(p); err != nil {
		return c, err
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		return c, err
	}
	text, err := os.ReadFile(p.log)
	for _, m := range dumpSays.FindAllStringSubmatch(string(text), -1) {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		switch m[2] {
		case "captured":
			c.seen = n
		case "dropped by kernel":
			c.lost = n
		}
	}
	c.name = "tcpdump -w /dev/null"
	return c, err
}

// flood sends SYNs, each of them another one, and counts those that arrived.
func flood(p *process) (c caught, err error) {
	link, err := net.InterfaceByName("cable")
	if err != nil {
		return c, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return c, err
	}
	defer unix.Close(fd)
	to := &unix.SockaddrLinklayer{Ifindex: link.Index}
	before, err := received()
	if err != nil {
		return c, err
	}
	cpu, begun := p.cpu(), time.Now()
	for n := uint32(0); time.Since(begun) < floodFor; n++ {
		err := unix.Sendto(fd, frame(n), 0, to)
		if errors.Is(err, unix.ENOBUFS) {
			continue
		}
		if err != nil {
			return c, err
		}
		c.sent++
	}
	c.took = time.Since(begun)
	time.Sleep(500 * time.Millisecond)
	c.cpu = p.cpu() - cpu
	after, err := received()
	c.arrived = after - before
	return c, err
}

var template = func() []byte {
	b := append([]byte("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00"),
		"\x45\x00\x00\x2c\x00\x00\x40\x00\x40\x06\x00\x00\xc6\x12\x00\x00\xc0\x00\x02\x02"...)
	return append(b, "\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x60\x02\xfa\xf0\x00\x00\x00\x00\x02\x04\x05\xb4"...)
}()

// frame is the nth SYN. TCP's checksum is left out: nobody but the kernel, which would refuse the port, looks at it.
func frame(n uint32) []byte {
	b := template
	source := n % floodSources
	b[28], b[29] = byte(source/250), byte(1+source%250)
	binary.BigEndian.PutUint16(b[36:], uint16(10_000+n/floodSources%floodPorts))
	binary.BigEndian.PutUint32(b[38:], n)
	b[24], b[25] = 0, 0
	binary.BigEndian.PutUint16(b[24:], checksum(b[14:34]))
	return b
}

// checksum is that of IPv4 headers (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// received is how many packets have arrived at the servers' end of the cable.
func received() (int64, error) {
	out, err := exec.Command("ip", "netns", "exec", os.Getenv("TERROIR_BENCH_SERVERS"), "cat", "/proc/net/dev").Output()
	if err != nil {
		return 0, err
	}
	for _, l := range strings.Split(string(out), "\n") {
		if name, rest, ok := strings.Cut(strings.TrimSpace(l), ":"); ok && name == "cable" {
			return strconv.ParseInt(strings.Fields(rest)[1], 10, 64)
		}
	}
	return 0, errors.New("no cable")
}
