package spool

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// recoverSegments reads what is in the folder, cuts a torn end off, and opens the segment to write to.
func (s *Spool) recoverSegments() error {
	list, err := listSegments(s.dir)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return s.begin()
	}
	s.epoch = list[len(list)-1].epoch
	for i := range list {
		seg := &list[i]
		if seg.epoch != s.epoch {
			return fmt.Errorf("%s: belongs to another epoch than %016x; move one of them away", seg.path, s.epoch)
		}
		if err := s.scan(seg, i == len(list)-1); err != nil {
			return err
		}
		s.size += seg.size
	}
	s.segments = list
	active := &s.segments[len(list)-1]
	s.next, s.durable = active.last+1, active.last
	s.file, err = os.OpenFile(active.path, os.O_WRONLY|os.O_APPEND, 0)
	return err
}

// begin makes the first segment of a new epoch.
func (s *Spool) begin() error {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	s.epoch, s.next = binary.LittleEndian.Uint64(random[:])|1, 1 // never 0
	return s.rotate()
}

// scan finds the last sequence and the size of what is whole in the segment. A frame whose checksum does not fit is
// passed over and keeps its sequence: the hub may have it, and would take another record of that number for it. Bytes
// that are no frame are cut out, up to the next frame that is whole: at the end of the last segment they are a write that
// was never acknowledged, anywhere else damage.
func (s *Spool) scan(seg *segment, isLast bool) error {
	text, err := os.ReadFile(seg.path)
	if err != nil {
		return err
	}
	var whole []byte // what stays, once something was cut out
	cut := false
	for at := 0; at < len(text); {
		e, size, err := parseFrame(text[at:])
		if err == nil && (e.Seq <= seg.last || e.Seq > maxSequence) {
			err = errTorn
		}
		switch {
		case errors.Is(err, errTorn):
			next := findFrame(text, at+1, seg.last)
			s.damaged += int64(next - at)
			slog.Warn("spool: bytes that are no whole record", "file", seg.path, "offset", at, "bytes", next-at, "records behind", next < len(text))
			if !cut {
				whole, cut = append(make([]byte, 0, len(text)), text[:at]...), true
			}
			at = next
			continue
		case errors.Is(err, errDamaged): // Frames follow each other by number, so its own is known.
			slog.Warn("spool: a damaged record", "file", seg.path, "offset", at, "bytes", size, "sequence", seg.last+1)
			s.damaged += int64(size)
			seg.last++
		default:
			seg.last = e.Seq
		}
		if cut {
			whole = append(whole, text[at:at+size]...)
		}
		seg.size += int64(size)
		at += size
	}
	switch {
	case !cut:
		return nil
	case isLast && bytes.HasPrefix(text, whole):
		return os.Truncate(seg.path, seg.size)
	}
	return replaceFile(seg.path, whole)
}

// replaceFile puts the text in the place of a file's, at once.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".mended-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// rotate begins a new segment, which will start with the next sequence. The old one stays until it is freed.
func (s *Spool) rotate() error {
	seg := segment{path: segmentPath(s.dir, s.epoch, s.next), epoch: s.epoch, first: s.next, last: s.next - 1}
	f, err := os.OpenFile(seg.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if err := syncDir(s.dir); err != nil {
		return errors.Join(err, f.Close(), os.Remove(seg.path))
	}
	if s.file != nil {
		err = s.file.Close()
	}
	s.file = f
	if n := len(s.segments); n == 0 || s.segments[n-1].path != seg.path {
		s.segments = append(s.segments, seg)
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
