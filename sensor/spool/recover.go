package spool

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
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
// passed over and keeps its sequence: the hub may have it, and would take another record of that number for it. What
// follows a frame that is not whole is cut off in the last segment, and passed over in the others: bytes cannot be
// found again behind a broken length.
func (s *Spool) scan(seg *segment, isLast bool) error {
	f, err := os.Open(seg.path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		e, err := readFrame(r)
		if errors.Is(err, errDamaged) {
			s.passOver(seg, &e)
			continue
		}
		if err == nil && e.Seq <= seg.last {
			err = errTorn
		}
		if err == io.EOF {
			return nil
		}
		if errors.Is(err, errTorn) {
			return s.torn(seg, isLast)
		}
		if err != nil {
			return err
		}
		seg.last = e.Seq
		seg.size += headerSize + int64(len(e.Data))
	}
}

// passOver counts a damaged frame. Sequences in a segment have no gaps, so its own is known.
func (s *Spool) passOver(seg *segment, e *Entry) {
	size := headerSize + int64(len(e.Data))
	slog.Warn("spool: a damaged record", "file", seg.path, "offset", seg.size, "bytes", size, "sequence", seg.last+1)
	s.damaged += size
	seg.size += size
	seg.last++
}

func (s *Spool) torn(seg *segment, isLast bool) error {
	info, err := os.Stat(seg.path)
	if err != nil {
		return err
	}
	s.damaged += info.Size() - seg.size
	slog.Warn("spool: bytes that are no whole record", "file", seg.path, "offset", seg.size, "bytes", info.Size()-seg.size, "cut", isLast)
	if !isLast {
		return nil
	}
	return os.Truncate(seg.path, seg.size)
}

// rotate begins a new segment, which will start with the next sequence. The old one stays until it is freed.
func (s *Spool) rotate() error {
	seg := segment{path: segmentPath(s.dir, s.epoch, s.next), epoch: s.epoch, first: s.next, last: s.next - 1}
	f, err := os.OpenFile(seg.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if err := syncDir(s.dir); err != nil {
		return errors.Join(err, f.Close())
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
