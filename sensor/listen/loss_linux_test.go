package listen

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"terroir"
)

func TestShutdownTellsThatAnEventWasNotRecorded(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.IdleBefore = time.Minute })
	x.dial(6379)
	x.awaitSessions(1)
	x.sink.mu.Lock()
	x.sink.err = errors.New("disk on fire")
	x.sink.mu.Unlock()
	if err := x.s.Shutdown(context.Background()); !errors.Is(err, x.sink.err) {
		t.Errorf("got %v", err)
	}
}

// TestWithoutDescriptorsClientsAreTurnedAwayAndCounted takes the descriptors of the process away for a moment.
func TestWithoutDescriptorsClientsAreTurnedAwayAndCounted(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.IdleBefore = time.Minute })
	to := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	for _, b := range x.s.Bound() {
		if b.Port.Port == 6379 && b.Port.Transport == terroir.TCP {
			to.Port = int(b.Addr.Port())
		}
	}
	const clients = 4 // More than descriptors can become free meanwhile: the runtime holds some now and then.
	var fds [clients]int
	for i := range fds {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		fds[i] = fd
	}
	time.Sleep(50 * time.Millisecond) // Every loop waits for clients, rather than for descriptors.
	giveBack := exhaust(t)
	for _, fd := range fds {
		_ = syscall.Connect(fd, to) // It may see the reset while it connects.
	}
	known := func() int64 {
		return x.refused("descriptors") + int64(x.s.guests.len()+len(x.sink.all()))
	}
	for end := time.Now().Add(10 * time.Second); (known() < clients || x.refused("descriptors") == 0) && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	giveBack()
	if n := x.refused("descriptors"); n == 0 || known() != clients {
		t.Errorf("%d of %d clients are known, %d as turned away", known(), clients, n)
	}
}

// exhaust opens files until there are no descriptors left below a low limit, and returns what undoes that.
func exhaust(t *testing.T) func() {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	low := syscall.Rlimit{Cur: min(512, old.Cur), Max: old.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var held []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, f)
	}
	return func() {
		for _, f := range held {
			f.Close()
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
			t.Error(err)
		}
	}
}
