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
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	giveBack := exhaust(t)
	err = syscall.Connect(fd, to)
	if err == nil {
		_, _ = syscall.Read(fd, make([]byte, 1)) // Returns when it is reset.
	}
	giveBack()
	if err != nil {
		t.Fatal(err)
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if n := x.s.refused["descriptors"]; n != 1 || len(x.s.refused) != 1 {
		t.Errorf("one client was turned away; counted: %v", x.s.refused)
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
