package spool

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// TestManyAtOnceStayWithinTheBound counts what is being written, too, and holds back who comes faster than the disk.
func TestManyAtOnceStayWithinTheBound(t *testing.T) {
	const most = 24 << 20
	dir := t.TempDir()
	s := open(t, dir, Options{MaxBytes: most})
	var wg sync.WaitGroup
	for range 400 {
		wg.Go(func() {
			_, err := s.Append(context.Background(), func(b []byte, _ uint64) []byte { return append(b, make([]byte, 130<<10)...) })
			if err != nil && !errors.Is(err, ErrFull) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var size int64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, _ error) error {
		if info, err := e.Info(); err == nil && !e.IsDir() {
			size += info.Size()
		}
		return nil
	})
	if size > most || size < most/2 {
		t.Errorf("%d bytes on disk, at most %d were allowed", size, most)
	}
}

// TestWithoutDescriptorsTheSpoolGoesOn begins no new segment while there is no descriptor for it, and loses nothing.
func TestWithoutDescriptorsTheSpoolGoesOn(t *testing.T) {
	s := open(t, t.TempDir(), Options{SegmentBytes: 100})
	put(t, s, "before")
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	var held []*os.File
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: old.Max}); err != nil {
		t.Skip(err)
	}
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, f)
	}
	for range 20 {
		put(t, s, "a record that is longer than nothing")
	}
	for _, f := range held {
		f.Close()
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	put(t, s, "after")
	if got := all(t, s, 1); len(got) != 22 {
		t.Errorf("%d records, want 22", len(got))
	}
}
