package spool

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
)

// flusher is the only one that writes: it brings one group after the other to disk and removes what was freed.
func (s *Spool) flusher() {
	defer close(s.stopped)
	for range s.wake {
		for s.flush() {
		}
		s.sweep()
		s.mu.Lock()
		end := s.closed && len(s.group.frames) == 0
		s.mu.Unlock()
		if end {
			return
		}
	}
}

// flush brings the group to disk; it returns false when there was nothing.
func (s *Spool) flush() bool {
	s.mu.Lock()
	g := s.group
	if g.first == 0 {
		s.mu.Unlock()
		return false
	}
	s.group = newGroup()
	active := &s.segments[len(s.segments)-1]
	full := active.size >= s.opt.SegmentBytes
	s.mu.Unlock()
	err := s.write(g, full)
	if err != nil {
		s.fail(g, err)
		return true
	}
	s.mu.Lock()
	active = &s.segments[len(s.segments)-1]
	active.last, active.size = g.last, active.size+int64(len(g.frames))
	s.size += int64(len(g.frames))
	s.durable = g.last
	if !s.closed {
		close(s.changed)
		s.changed = make(chan struct{})
	}
	s.mu.Unlock()
	close(g.done)
	return true
}

func (s *Spool) write(g *group, full bool) error {
	if full {
		if err := s.rotateAt(g.first); err != nil {
			return err
		}
	}
	if _, err := s.file.Write(g.frames); err != nil {
		return err
	}
	return syscall.Fdatasync(int(s.file.Fd()))
}

// rotateAt begins a segment whose first record will be first.
func (s *Spool) rotateAt(first uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next
	s.next = first
	err := s.rotate()
	s.next = next
	return err
}

// fail takes back a group that did not reach the disk, and the one that was being filled behind it: no sequence is
// left out. A full disk is the same to the caller as a full spool.
func (s *Spool) fail(g *group, err error) {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	s.mu.Lock()
	active := &s.segments[len(s.segments)-1]
	if cut := os.Truncate(active.path, active.size); cut != nil {
		err = errors.Join(err, cut)
	}
	behind := s.group
	s.group = newGroup()
	s.next = g.first
	s.mu.Unlock()
	for _, x := range []*group{g, behind} {
		x.err = err
		close(x.done)
	}
}

// sweep removes segments of which every record is freed. When that is all of them, a new empty one keeps the sequence.
func (s *Spool) sweep() {
	s.mu.Lock()
	active := s.segments[len(s.segments)-1]
	renew := s.freed >= active.last && active.size > 0 && s.group.first == 0
	s.mu.Unlock()
	if renew {
		// Only the flusher writes, and it is here: what is appended meanwhile goes into the new segment.
		if err := s.rotateAt(active.last + 1); err != nil {
			slog.Warn("spool: cannot begin a segment; the old one is kept", "error", err)
		}
	}
	for {
		s.mu.Lock()
		if len(s.segments) < 2 || s.segments[0].last > s.freed {
			s.mu.Unlock()
			return
		}
		old := s.segments[0]
		s.segments = append([]segment(nil), s.segments[1:]...)
		s.size -= old.size
		s.mu.Unlock()
		if err := os.Remove(old.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			slog.Warn("spool: cannot remove a freed segment", "error", err)
		}
	}
}
