package listen

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/pcapfile"
	"terroir/payload/tlshello"
)

// realSeeds are some of what the clients of the captures sent, of at most 4 KiB each; none where those are not at hand.
func realSeeds(f *testing.F, folders ...string) (list [][]byte) {
	f.Helper()
	for _, folder := range folders {
		files, _ := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", folder, "*.pcap*"))
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			sink := &memory{}
			if len(b) > 64<<10 || strings.HasSuffix(file, ".json") {
				continue
			}
			if _, err := pcapfile.Read(context.Background(), ingest.Source{Reader: bytes.NewReader(b)}, pcapfile.Options{}, sink); err != nil {
				f.Fatal(err)
			}
			for _, r := range sink.records[:min(len(sink.records), 4)] {
				list = append(list, r.Payload[:min(len(r.Payload), 4<<10)])
			}
		}
	}
	return list
}

// sends is a stream of bytes that come in pieces of the size.
type sends struct {
	b     []byte
	piece int
	conn  *client
}

func (s *sends) next(use func([]byte)) error {
	if len(s.b) == 0 {
		return s.conn.next(use) // Its other end is closed: this gives what the kernel says of that.
	}
	n := min(s.piece, len(s.b))
	b := s.b[:n]
	s.b = s.b[n:]
	use(b)
	return nil
}

// sizeOf is the size of the pieces for a byte of a target: up to more than what reads a header has room for.
func sizeOf(piece byte) int { return int(piece)*8 + 1 }

// newSession is one of a client that sends the bytes and then ends its side.
func newSession(t *testing.T, sent []byte, piece byte) *session {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(fds[1])
	conn := &client{fd: fds[0]}
	t.Cleanup(func() { _ = conn.Close() })
	opt := Options{Hello: tlshello.Parse, Need: tlshello.Need}
	opt.defaults()
	s := &Server{opt: opt, guests: newGuests(&opt)}
	serves := &service{ServedPort: terroir.ServedPort{Transport: terroir.TCP, Port: 8080, Proxy: true}}
	x := &session{s: s, conn: conn, in: &sends{sent, sizeOf(piece), conn}, serves: serves, begun: time.Now(), event: &terroir.Event{Source: proxy}}
	x.guest = s.guests.admit(conn, proxy.Addr(), true)
	return x
}

var proxy = netip.MustParseAddrPort("192.0.2.9:999")

// rest reads what is left of the session's stream.
func (x *session) rest() (b []byte) {
	for x.in.next(func(got []byte) { b = append(b, got...) }) == nil {
	}
	return b
}

// FuzzBehindProxy: whatever a proxy sends, its header is taken as the format's description has it and what stands behind
// it is left as it is; what is no header is left whole.
func FuzzBehindProxy(f *testing.F) {
	const get = "GET / HTTP/1.0\r\n\r\n"
	for i, sent := range []string{get, "", "PROXY", "PROXY UNKNOWN\r\n" + get, "PROXY TCP4 198.51.100.7 192.0.2.80 4711 80\r\n" + get, "PROXY TCP4 1.2.3.4 x\r\n",
		"PROXY TCP6 2001:db8::7 2001:db8::80 4711 80\r\n" + get, "PROXY TCP4 198.51.100.7 192.0.2.80 0 80\r\n" + get, version2 + "\x20\x00\x00\x00",
		version2 + "\x21\x11\x00\x0c\xc6\x33\x64\x07\xc0\x00\x02\x50\x12\x67\x00\x50" + get,
		version2 + "\x21\x11\x00\x0f\xc6\x33\x64\x07\xc0\x00\x02\x50\x12\x67\x00\x50\x04\x00\x00" + get,
		version2 + "\x21\x21\x00\x24 \x01\r\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07 \x01\r\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x50\x12\x67\x00\x50" + get,
		version2 + "\x21\x31\x00\xd8" + strings.Repeat("\x00", 216)} {
		f.Add([]byte(sent), byte(255))
		f.Add([]byte(sent), byte(i))
		f.Add([]byte(sent+strings.Repeat("x", 1<<10)), byte(255))
	}
	for _, b := range realSeeds(f, "pcap/http", "pcap/socks") {
		f.Add(b, byte(99))
		f.Add(append([]byte("PROXY TCP4 198.51.100.7 192.0.2.80 4711 80\r\n"), b...), byte(255))
	}
	f.Fuzz(func(t *testing.T, sent []byte, piece byte) {
		x := newSession(t, sent, piece)
		goes := x.behindProxy()
		source := x.event.Source
		if !goes {
			if n := x.s.guests.refused["proxy_check"]; n != 1 || len(sent) > 0 && !bytes.HasPrefix(sent, []byte(version2+"\x20")) {
				t.Errorf("%q is a proxy's check: %d", sent, n)
			}
			return
		}
		rest := x.rest()
		if !bytes.HasSuffix(sent, rest) {
			t.Fatalf("of %q this is left: %q", sent, rest)
		}
		header := sent[:len(sent)-len(rest)]
		want, named := readHeader(header)
		if source != want || len(header) > 0 && !named {
			t.Errorf("%q was taken for the header of %s, want %s", header, source, want)
		}
		if a := x.event.Destination; a.IsValid() && (source == proxy || a.Port() != 8080) {
			t.Errorf("%s → %s", source, a)
		}
		// A header that comes whole is not missed.
		if size := headerSize(sent); len(header) == 0 && size > 0 && size <= sizeOf(piece) {
			if client, ok := readHeader(sent[:size]); ok {
				t.Errorf("%q of %s was not taken for a header", sent[:size], client)
			}
		}
	})
}

const version2 = "\r\n\r\n\x00\r\nQUIT\n"

// headerSize is the size of the header with which b would begin; 0 when it is not whole.
func headerSize(b []byte) int {
	size := bytes.IndexByte(b, '\n') + 1
	if bytes.HasPrefix(b, []byte(version2)) && len(b) >= 16 {
		size = 16 + int(binary.BigEndian.Uint16(b[14:]))
	}
	if size > len(b) {
		return 0
	}
	return size
}

// readHeader reads a whole header and no more, by its description and without the library: the client that it names, or
// the proxy where it names none. ok is false for what is no header of this host's.
func readHeader(b []byte) (client netip.AddrPort, ok bool) {
	if v2 := []byte(version2); bytes.HasPrefix(b, v2) && len(b) >= 16 {
		b = b[12:]
		size, known := map[byte]int{0x11: 4, 0x12: 4, 0x21: 16, 0x22: 16, 0x31: 106, 0x32: 106}[b[1]] // of an address, without the port
		if b[0] != 0x21 || int(binary.BigEndian.Uint16(b[2:])) != len(b)-4 || len(b) > 4<<10 || !known || len(b) < 4+2*(size+2) {
			return proxy, false
		}
		if b[1] != 0x11 && b[1] != 0x21 {
			return proxy, true // It names nothing of TCP.
		}
		a, _ := netip.AddrFromSlice(b[4 : 4+size])
		return named(a, binary.BigEndian.Uint16(b[4+2*size:])), true
	}
	line, whole := strings.CutSuffix(string(b), "\r\n")
	words := strings.Split(line, " ")
	if !whole || len(b) > 107 || len(words) < 2 || words[0] != "PROXY" {
		return proxy, false
	}
	if words[1] == "UNKNOWN" {
		return proxy, true
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return proxy, false
	}
	from, err1 := netip.ParseAddrPort("[" + words[2] + "]:" + words[4])
	to, err2 := netip.ParseAddrPort("[" + words[3] + "]:" + words[5])
	if words[1] == "TCP4" {
		from, err1 = netip.ParseAddrPort(words[2] + ":" + words[4])
		to, err2 = netip.ParseAddrPort(words[3] + ":" + words[5])
	}
	if err1 != nil || err2 != nil || from.Addr().Zone()+to.Addr().Zone() != "" || from.Addr().Is4() != to.Addr().Is4() {
		return proxy, false
	}
	return named(from.Addr(), from.Port()), true
}

// named is the client of a header; one without a port is none.
func named(a netip.Addr, port uint16) netip.AddrPort {
	if port == 0 {
		return proxy
	}
	return netip.AddrPortFrom(a.Unmap(), port)
}

// FuzzPeek: on a port with TLS, of what a client sends no more is read ahead than its ClientHello needs, or than came with
// the last piece, and nothing of it gets lost.
func FuzzPeek(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.0\r\n\r\n"), byte(255))
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), byte(1))
	for i, b := range realSeeds(f, "ja4", "pcap/tls") {
		f.Add(b, byte(i*37))
	}
	f.Fuzz(func(t *testing.T, sent []byte, piece byte) {
		x := newSession(t, sent, piece)
		head, why := x.peek()
		rest := x.rest()
		if !bytes.Equal(append(bytes.Clone(head), rest...), sent) {
			t.Fatalf("of %d bytes %d and %d are left", len(sent), len(head), len(rest))
		}
		if (why == 0) != (len(head) > 0 && tlshello.Need(head) == 0) || why != 0 && len(rest) > 0 {
			t.Errorf("%q before %d bytes: it ended as %v, and %d bytes are missing", head, len(rest), why, tlshello.Need(head))
		}
		if before := len(head) - sizeOf(piece); why == 0 && before > 0 && tlshello.Need(head[:before]) == 0 {
			t.Errorf("%d bytes of %d would have done", before, len(head))
		}
	})
}
