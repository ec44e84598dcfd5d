package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"terroir"
)

func open(t *testing.T, dir string, opt Options) *Spool {
	t.Helper()
	s, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s *Spool, data string) uint64 {
	t.Helper()
	seq, err := s.Append(context.Background(), func(b []byte, _ uint64) []byte { return append(b, data...) })
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// all reads everything from the sequence on.
func all(t *testing.T, s *Spool, from uint64) []Entry {
	t.Helper()
	r := s.Reader(from)
	defer r.Close()
	var out []Entry
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		e, err := r.Next(ctx, 1000, 1<<20)
		cancel()
		if err != nil {
			return out
		}
		out = append(out, e...)
	}
}

func TestRecordsComeBackInOrder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 200})
	for i := range 50 {
		if seq := put(t, s, fmt.Sprint("record ", i)); seq != uint64(i+1) {
			t.Fatalf("record %d has sequence %d", i, seq)
		}
	}
	check := func(s *Spool) {
		got := all(t, s, 1)
		if len(got) != 50 {
			t.Fatalf("%d records came back", len(got))
		}
		for i, e := range got {
			if e.Seq != uint64(i+1) || string(e.Data) != fmt.Sprint("record ", i) {
				t.Fatalf("record %d: %d %q", i, e.Seq, e.Data)
			}
		}
	}
	check(s)
	epoch := s.Epoch()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{SegmentBytes: 200})
	if s.Epoch() != epoch {
		t.Error("the epoch changed")
	}
	check(s)
	if seq := put(t, s, "next"); seq != 51 {
		t.Errorf("after opening again the next sequence is %d", seq)
	}
}

func TestFreedSegmentsGoAndTheSequenceStays(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 100})
	for range 20 {
		put(t, s, "0123456789")
	}
	s.Free(20)
	for s.Size() > 0 {
		time.Sleep(time.Millisecond)
	}
	if s.Pending() != 0 {
		t.Errorf("%d records pending", s.Pending())
	}
	s.Close()
	files, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	if len(files) != 1 {
		t.Errorf("files left: %v", files)
	}
	s = open(t, dir, Options{})
	if seq := put(t, s, "x"); seq != 21 {
		t.Errorf("sequence %d after all was freed, want 21", seq)
	}
	if first, last := s.Skip(99); first != 21 || last != 21 { // The hub has another record 21.
		t.Errorf("records %d to %d have numbers of others, want the 21st", first, last)
	}
	if seq := put(t, s, "y"); seq != 100 {
		t.Errorf("sequence %d, the hub has 99 already", seq)
	}
	if first, last := s.Skip(99); first <= last {
		t.Errorf("records %d to %d have numbers of others again", first, last)
	}
}

// TestRecordsBehindThoseOfOthersKeepTheirNumbers: the hub's mark comes when more was appended than it has.
func TestRecordsBehindThoseOfOthersKeepTheirNumbers(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	for range 10 {
		put(t, s, "x")
	}
	if first, last := s.Skip(4); first != 1 || last != 4 {
		t.Errorf("records %d to %d have numbers of others, want 1 to 4", first, last)
	}
	if seq := put(t, s, "y"); seq != 11 {
		t.Errorf("sequence %d, want 11", seq)
	}
}

func TestFullSpoolRefusesAndRecovers(t *testing.T) {
	s := open(t, t.TempDir(), Options{MaxBytes: 1000, SegmentBytes: 300})
	var n uint64
	for {
		_, err := s.Append(context.Background(), func(b []byte, _ uint64) []byte { return append(b, make([]byte, 84)...) })
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 9 {
		t.Errorf("%d records of 100 bytes fit in 1000, of which a tenth is reserved", n)
	}
	if _, err := s.AppendReserved(context.Background(), func(b []byte, _ uint64) []byte { return append(b, make([]byte, 84)...) }); err != nil {
		t.Errorf("what is reserved is not there: %v", err)
	}
	n++
	s.Free(6)
	for s.Size() > 800 {
		time.Sleep(time.Millisecond)
	}
	if seq := put(t, s, "again"); seq != n+1 {
		t.Errorf("sequence %d after %d: a refused record took one", seq, n)
	}
}

func TestTornEndIsCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	put(t, s, "first")
	put(t, s, "second")
	whole := s.Size()
	put(t, s, "third, which is torn")
	s.Close()
	files, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for cut := whole; cut < int64(len(text)); cut++ {
		if err := os.WriteFile(files[0], text[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, Options{})
		got := all(t, s, 1)
		if len(got) != 2 || string(got[1].Data) != "second" {
			t.Fatalf("cut at %d: %v", cut, got)
		}
		if seq := put(t, s, "third again"); seq != 3 {
			t.Fatalf("cut at %d: next sequence %d", cut, seq)
		}
		s.Close()
	}
}

func TestDamageInTheMiddleIsReportedAndPassedOver(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 60})
	for i := range 9 {
		put(t, s, fmt.Sprint("record ", i))
	}
	s.Close()
	files, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	text, _ := os.ReadFile(files[1])
	text[len(text)-1] ^= 1
	if err := os.WriteFile(files[1], text, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{SegmentBytes: 60})
	if s.Damaged() == 0 {
		t.Error("the damage is not reported")
	}
	if got := all(t, s, 1); len(got) != 8 || got[len(got)-1].Seq != 9 {
		t.Errorf("got %d records up to %d, want 8 up to 9", len(got), got[len(got)-1].Seq)
	}
}

func TestSecondProcessIsKeptOut(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Options{})
	_, err := Open(dir, Options{})
	if terroir.ErrorCode(err) != terroir.EUNREACHABLE {
		t.Errorf("second opening: %v", err)
	}
}

func TestManyAppendersShareWrites(t *testing.T) {
	s := open(t, t.TempDir(), Options{SegmentBytes: 4096})
	var wg sync.WaitGroup
	for a := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 50 {
				if _, err := s.Append(context.Background(), func(b []byte, seq uint64) []byte {
					return fmt.Appendf(b, "%d %d %d", a, i, seq)
				}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	seen := map[string]bool{}
	for i, e := range all(t, s, 1) {
		var a, n int
		var seq uint64
		if _, err := fmt.Sscan(string(e.Data), &a, &n, &seq); err != nil || seq != e.Seq || e.Seq != uint64(i+1) {
			t.Fatalf("record %d: %d %q", i, e.Seq, e.Data)
		}
		seen[fmt.Sprint(a, n)] = true
	}
	if len(seen) != 800 {
		t.Errorf("%d of 800 records", len(seen))
	}
}

// TestKilledWriterKeepsWhatItAcknowledged kills a writing process at different moments and compares what it said was
// on disk with what is there.
func TestKilledWriterKeepsWhatItAcknowledged(t *testing.T) {
	if dir := os.Getenv("SPOOL_WRITER"); dir != "" {
		writeForever(dir)
	}
	dir := t.TempDir()
	last := uint64(0)
	for round := range 8 {
		cmd := exec.Command(os.Args[0], "-test.run=TestKilledWriterKeepsWhatItAcknowledged")
		cmd.Env = append(os.Environ(), "SPOOL_WRITER="+dir)
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(60+23*round) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		acknowledged := last
		for _, line := range bytes.Split(out.Bytes(), []byte("\n")) {
			if n, err := strconv.ParseUint(string(line), 10, 64); err == nil {
				acknowledged = max(acknowledged, n)
			}
		}
		s := open(t, dir, Options{SegmentBytes: 4096})
		got := all(t, s, 1)
		for i, e := range got {
			if e.Seq != uint64(i+1) || string(e.Data) != fmt.Sprint("record ", e.Seq) {
				t.Fatalf("round %d: record %d is %d %q", round, i, e.Seq, e.Data)
			}
		}
		if uint64(len(got)) < acknowledged {
			t.Fatalf("round %d: %d records, %d were acknowledged", round, len(got), acknowledged)
		}
		last = uint64(len(got))
		s.Close()
	}
	if last == 0 {
		t.Error("nothing was ever written")
	}
}

func writeForever(dir string) {
	s, err := Open(dir, Options{SegmentBytes: 4096})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			for {
				seq, err := s.Append(context.Background(), func(b []byte, seq uint64) []byte { return fmt.Appendf(b, "record %d", seq) })
				if err != nil {
					os.Exit(1)
				}
				// One write of a short line is not torn by a kill.
				_, _ = os.Stdout.WriteString("\n" + strconv.FormatUint(seq, 10) + "\n")
			}
		}()
	}
	wg.Wait()
}
