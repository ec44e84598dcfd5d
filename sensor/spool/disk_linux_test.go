package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"terroir/sensor/confine"
)

// TestFullDiskIsAFullSpool runs itself in a mount namespace of its own, where a small disk can be made.
func TestFullDiskIsAFullSpool(t *testing.T) {
	if dir := os.Getenv("SPOOL_SMALL_DISK"); dir != "" {
		fillDisk(t, dir)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDiskIsAFullSpool$", "-test.v")
	cmd.Env = append(os.Environ(), "SPOOL_SMALL_DISK="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || bytes.Contains(out, []byte("no small disk")) {
		t.Skipf("this machine lets nobody make a mount namespace: %v %s", err, out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func fillDisk(t *testing.T, dir string) {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatalf("no small disk: %v", err)
	}
	// A sensor's process has only some of the system calls: what is half-written must be taken back with those.
	if err := confine.Calls(); err != nil && !errors.Is(err, confine.ErrMissing) {
		t.Fatal(err)
	}
	ballast := dir + "/ballast"
	if err := os.WriteFile(ballast, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir+"/spool", Options{SegmentBytes: 32 << 10})
	var kept uint64
	for {
		_, err := s.Append(context.Background(), record)
		if errors.Is(err, ErrFull) && errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kept++
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if seq := put(t, s, fmt.Sprintf("%01000d", kept+1)); seq != kept+1 {
		t.Errorf("sequence %d after %d records were kept", seq, kept)
	}
	check := func() {
		got := all(t, s, 1)
		for i, e := range got {
			if want := fmt.Sprintf("%01000d", i+1); e.Seq != uint64(i+1) || string(e.Data) != want {
				t.Fatalf("record %d is %d", i+1, e.Seq)
			}
		}
		if uint64(len(got)) != kept+1 {
			t.Errorf("%d records, want %d", len(got), kept+1)
		}
	}
	check()
	s.Close()
	s = open(t, dir+"/spool", Options{})
	check()
	if s.Damaged() != 0 {
		t.Errorf("%d bytes of a refused record were left", s.Damaged())
	}
}

func record(b []byte, seq uint64) []byte { return fmt.Appendf(b, "%01000d", seq) }
