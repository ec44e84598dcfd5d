package monitor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// answering is a client whose monitor has sent the bytes, with so many descriptors, and ended.
func answering(t *testing.T, sent []byte, descriptors int) (c *Client, given *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	given, err = os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	var rights []byte
	if descriptors > 0 && len(sent) > 0 {
		rights = unix.UnixRights(bytesOf(int(given.Fd()), descriptors)...)
	}
	if _, err := unix.SendmsgN(fds[1], sent, rights, nil, unix.MSG_DONTWAIT); err != nil {
		t.Fatal(err)
	}
	// The monitor's side stays open for what is asked; it says nothing more.
	_ = unix.Shutdown(fds[1], unix.SHUT_WR)
	own, other := os.NewFile(uintptr(fds[0]), "monitor"), os.NewFile(uintptr(fds[1]), "sensor")
	conn, err := net.FileConn(own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(own.Close(), other.Close(), conn.Close(), given.Close()) })
	return &Client{conn: conn.(*net.UnixConn)}, given
}

func bytesOf(fd, n int) (list []int) {
	for range n {
		list = append(list, fd)
	}
	return list
}

// FuzzAsk: an answer is taken if it is what was asked for, whole, and with a descriptor where there must be one; after
// any other the monitor is not asked again; and no descriptor stays open.
func FuzzAsk(f *testing.F) {
	answer := func(what, status byte, text string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{what, status}, uint32(len(text))), text...)
	}
	f.Add(answer(wantConnection, statusDone, ""), byte(1), true)
	f.Add(answer(wantConnection, statusDone, ""), byte(2), true)
	f.Add(answer(wantConnection, statusFailed, "connection refused"), byte(0), true)
	f.Add(answer(wantConfiguration, statusDone, "sensor: a\n"), byte(0), false)
	f.Add(answer(wantConnection, statusFailed, "of another request"), byte(0), false)
	f.Add(answer(wantConfiguration, statusDone, "sensor: a\n"), byte(1), false)
	f.Add([]byte{wantConfiguration, statusDone, 0xff, 0xff, 0xff, 0xff}, byte(0), false)
	f.Fuzz(func(t *testing.T, sent []byte, descriptors byte, connect bool) {
		if len(sent) > 64<<10 {
			return // More than the kernel keeps of one that nobody reads.
		}
		n, what := int(descriptors%4), byte(wantConfiguration)
		if connect {
			what = wantConnection
		}
		c, given := answering(t, sent, n)
		if len(sent) == 0 {
			n = 0
		}
		before := opened(t, given)
		text, fd, err := c.ask(what)
		whole := len(sent) >= headSize && sent[0] == what && int(binary.BigEndian.Uint32(sent[2:])) <= len(sent)-headSize
		done := whole && sent[1] == statusDone
		if whole = whole && (n > 0) == (done && connect); !whole {
			if err != ErrEnded || text != nil || fd >= 0 {
				t.Errorf("%q with %d descriptors is an answer to %q: %q %d %v", sent, n, what, text, fd, err)
			}
		} else {
			want := sent[headSize:][:binary.BigEndian.Uint32(sent[2:])]
			if done && (err != nil || !bytes.Equal(text, want) || (fd >= 0) != connect) || !done && (err == nil || err.Error() != string(want)) {
				t.Errorf("the answer %q with %d descriptors to %q is %q %d %v", sent, n, what, text, fd, err)
			}
		}
		if fd >= 0 {
			_ = unix.Close(fd)
		}
		if err == ErrEnded {
			if _, _, again := c.ask(what); again != ErrEnded {
				t.Errorf("asked again: %v", again)
			}
		}
		if after := opened(t, given); after != before {
			t.Errorf("%d descriptors stay open of %d", after-before, n)
		}
	})
}

// opened is how many descriptors this process has of the file.
func opened(t *testing.T, f *os.File) (n int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && to == f.Name() {
			n++
		}
	}
	return n
}
