package spool

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzReadFrame: what is read is no more than there was, and written again it is the same bytes.
func FuzzReadFrame(f *testing.F) {
	f.Add(frameOf(7, "seven"), uint8(0))
	f.Add(append(frameOf(7, "seven"), frameOf(9, "nine")...), uint8(3))
	f.Add([]byte("\xff\xff\xff\xff garbage"), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, mended uint8) {
		b = mend(b, mended)
		r := bytes.NewReader(b)
		for at := 0; ; at = len(b) - r.Len() {
			e, err := readFrame(r)
			same, size, again := parseFrame(b[at:])
			if err != again || same.Seq != e.Seq || !bytes.Equal(same.Data, e.Data) || size != len(b)-r.Len()-at {
				t.Fatalf("read as %v %v, parsed as %v %v", e, err, same, again)
			}
			if len(e.Data) > len(b) || (err == io.EOF) != (at == len(b)) {
				t.Fatalf("at %d of %d: %d bytes, %v", at, len(b), len(e.Data), err)
			}
			if err == nil && !bytes.Equal(frameOf(e.Seq, string(e.Data)), b[at:at+size]) {
				t.Fatalf("%d bytes at %d are not written as they were read", size, at)
			}
			if err != nil && !errors.Is(err, errDamaged) {
				return
			}
		}
	})
}

// FuzzOpen opens a spool whose segment holds any bytes: the records that come out are whole and of rising sequences, what
// is appended then comes behind them and has a number that none had, and opening it again changes nothing.
func FuzzOpen(f *testing.F) {
	var three []byte
	for seq := range uint64(3) {
		three = append(three, frameOf(seq+1, "a record")...)
	}
	f.Add(three, uint8(0), uint64(0))
	f.Add(slices.Concat(three[:20], []byte("garbage"), three[20:], three[:24]), uint8(0), uint64(0))
	f.Add(slices.Concat(three[:24], make([]byte, 64), three[48:]), uint8(0), uint64(0))
	f.Add(slices.Concat(three[:30], []byte("X"), three[31:]), uint8(0), uint64(0))
	f.Add(slices.Concat(three, frameOf(math.MaxUint64, "the last there can be")), uint8(0), uint64(0))
	f.Add(slices.Concat(frameOf(math.MaxInt64-1, "late"), []byte("\x01\x00\x00\x00badc\x00\x00\x00\x00\x00\x00\x00\x00x")), uint8(0), uint64(math.MaxInt64-3))
	f.Add(frameOf(2, "a later one"), uint8(0), uint64(5))
	real := realSegment(f)
	for i := 0; i < len(real); i += 97 { // cut and damaged here and there
		f.Add(real[:i], uint8(0), uint64(0))
		f.Add(slices.Concat(real[:i], []byte{^real[i]}, real[i+1:]), uint8(0), uint64(0))
	}
	loud := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	f.Cleanup(func() { slog.SetDefault(loud) })
	f.Fuzz(func(t *testing.T, b []byte, mended uint8, before uint64) {
		b = mend(b, mended)
		dir, first := t.TempDir(), before%math.MaxInt64+1
		if err := os.WriteFile(segmentPath(dir, 1, first), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := s.Damaged(); d < 0 || d > int64(len(b)) || s.Size() > int64(len(b)) {
			t.Fatalf("of %d bytes %d are damaged, %d stay", len(b), d, s.Size())
		}
		seq := put(t, s, "after")
		if least := given(b, first); seq <= least {
			t.Fatalf("sequence %d, but %d was given out before", seq, least)
		}
		if seq > maxSequence {
			s.Close()
			return // Only a forged segment ends so near the bound.
		}
		got := until(t, s, seq)
		last := first - 1
		for _, e := range got {
			if e.Seq <= last {
				t.Fatalf("sequence %d after %d", e.Seq, last)
			}
			if whole := frameOf(e.Seq, string(e.Data)); e.Seq != seq && !bytes.Contains(b, whole) {
				t.Fatalf("record %d of %d bytes was never there", e.Seq, len(e.Data))
			}
			last = e.Seq
		}
		if last != seq || string(got[len(got)-1].Data) != "after" {
			t.Fatalf("what was appended is %d, the last one that comes back %d", seq, last)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, Options{})
		if again := until(t, s, seq); !slices.EqualFunc(again, got, func(a, b Entry) bool { return a.Seq == b.Seq && bytes.Equal(a.Data, b.Data) }) {
			t.Fatalf("%d records, after opening again %d", len(got), len(again))
		}
		s.Close()
		if left, _ := filepath.Glob(filepath.Join(dir, ".mended-*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// given is the last sequence that the frames at the beginning, damaged or not, had for certain.
func given(b []byte, first uint64) uint64 {
	last := first - 1
	for r := bytes.NewReader(b); ; {
		switch e, err := readFrame(r); {
		case errors.Is(err, errDamaged):
			last++
		case err != nil || e.Seq <= last || e.Seq > maxSequence:
			return last
		default:
			last = e.Seq
		}
	}
}

// realSegment is one with some of the published UDP probes as its records; empty where those are not at hand.
func realSegment(f *testing.F) (b []byte) {
	f.Helper()
	files, _ := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", "zmap-udp-probes", "*.pkt"))
	for i, file := range files {
		probe, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if b = append(b, frameOf(uint64(i+1), string(probe))...); len(b) > 4<<10 {
			break
		}
	}
	return b
}

func frameOf(seq uint64, data string) []byte {
	return appendFrame(nil, seq, func(b []byte, _ uint64) []byte { return append(b, data...) })
}

// mend makes the checksums of some of the first frames right: no fuzzer finds them.
func mend(b []byte, which uint8) []byte {
	b = bytes.Clone(b)
	for at := 0; which > 0 && at+headerSize <= len(b); which >>= 1 {
		end := at + headerSize + int(binary.LittleEndian.Uint32(b[at:]))
		if end > len(b) {
			break
		}
		if which&1 > 0 {
			binary.LittleEndian.PutUint32(b[at+4:], crc32.Checksum(b[at+8:end], castagnoli))
		}
		at = end
	}
	return b
}

// until reads everything up to the sequence.
func until(t *testing.T, s *Spool, seq uint64) (list []Entry) {
	t.Helper()
	r := s.Reader(1)
	defer r.Close()
	for len(list) == 0 || list[len(list)-1].Seq < seq {
		e, err := r.Next(context.Background(), 1000, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e...)
	}
	return list
}
