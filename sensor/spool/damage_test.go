package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"terroir"
)

// onlySegment is the one segment of a spool that was closed, and its bytes.
func onlySegment(t *testing.T, dir string) (string, []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(files) != 1 {
		t.Fatalf("segments %v, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return files[0], b
}

func sequences(entries []Entry) []uint64 {
	var list []uint64
	for _, e := range entries {
		list = append(list, e.Seq)
	}
	return list
}

// A sequence that was given out is never given out again: the hub would take the second record for the first one.
func TestDamagedRecordKeepsItsSequence(t *testing.T) {
	for broken := range 5 {
		t.Run(fmt.Sprint("record ", broken+1), func(t *testing.T) { survives(t, broken, headerSize, 1) })
	}
}

// Bytes cannot be found again by a broken length, but the next whole record can.
func TestABrokenLengthLosesOneRecord(t *testing.T) {
	for broken := range 4 { // The last one cannot be told from a write that was never acknowledged.
		for _, at := range []int{0, 1, 3} {
			t.Run(fmt.Sprintf("record %d, byte %d", broken+1, at), func(t *testing.T) { survives(t, broken, at, 0x7f) })
		}
	}
}

// survives breaks a byte of one of five records, and expects the others, and that writing goes on behind all of them.
func survives(t *testing.T, broken, at int, mask byte) {
	const size = headerSize + len("record 0")
	dir := t.TempDir()
	s := open(t, dir, Options{})
	var want []uint64
	for i := range 5 {
		if seq := put(t, s, fmt.Sprint("record ", i)); i != broken {
			want = append(want, seq)
		}
	}
	s.Close()
	file, b := onlySegment(t, dir)
	b[broken*size+at] ^= mask
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	if s.Damaged() != int64(size) {
		t.Errorf("%d bytes damaged, want %d", s.Damaged(), size)
	}
	if got := sequences(all(t, s, 1)); !slices.Equal(got, want) {
		t.Errorf("records %v, want %v", got, want)
	}
	if seq := put(t, s, "after"); seq != 6 {
		t.Errorf("next sequence %d, want 6", seq)
	}
	if got := sequences(all(t, s, 1)); !slices.Equal(got, append(want, 6)) {
		t.Errorf("records %v, want %v and 6", got, want)
	}
}

// A disk that lost power leaves zeros where the last write was to be.
func TestZerosAtTheEndAreCut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	put(t, s, "first")
	s.Close()
	file, b := onlySegment(t, dir)
	if err := os.WriteFile(file, append(b, make([]byte, 4096)...), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	if seq := put(t, s, "second"); seq != 2 {
		t.Errorf("next sequence %d, want 2", seq)
	}
	if got := sequences(all(t, s, 1)); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("records %v", got)
	}
}

func TestDamageWhileOpenIsSaidWithItsPlace(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	put(t, s, "first")
	file, b := onlySegment(t, dir)
	copy(b, "\xff\xff\xff\xff")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.Reader(1)
	defer r.Close()
	_, err := r.Next(context.Background(), 1, 1)
	var e *terroir.Error
	if !errors.As(err, &e) || e.Where != file {
		t.Errorf("got %v, want an error about %s", err, file)
	}
}

// What a reader that is behind has not read may be freed under it: the hub has it by another way.
func TestReaderBehindWhatWasFreedGoesOn(t *testing.T) {
	for _, reopen := range []bool{false, true} {
		for _, read := range []int{0, 1} {
			t.Run(fmt.Sprintf("reopen %v read %d", reopen, read), func(t *testing.T) {
				dir := t.TempDir()
				s := open(t, dir, Options{SegmentBytes: 60})
				for i := range 5 {
					put(t, s, fmt.Sprint("record ", i))
				}
				r := s.Reader(1)
				for range read {
					if _, err := r.Next(context.Background(), 1, 1); err != nil {
						t.Fatal(err)
					}
				}
				s.Free(5)
				for s.Size() > 0 {
					time.Sleep(time.Millisecond)
				}
				if reopen {
					r.Close()
					s.Close()
					s = open(t, dir, Options{})
					r = s.Reader(1)
				}
				defer r.Close()
				// Whatever was buffered may still come; then the reader waits for what is new.
				for {
					ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
					_, err := r.Next(ctx, 10, 1<<20)
					cancel()
					if errors.Is(err, context.DeadlineExceeded) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				put(t, s, "new")
				got, err := r.Next(context.Background(), 10, 1<<20)
				if err != nil || len(got) != 1 || got[0].Seq != 6 || string(got[0].Data) != "new" {
					t.Errorf("got %v, %v", got, err)
				}
			})
		}
	}
}
