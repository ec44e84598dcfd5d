package spool

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"
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

// shareFor is how long records wait for others to share a write with, when that is worth while: one comes after another.
const shareFor = 10 * time.Millisecond

// flush brings the group to disk; it returns false when there was nothing.
func (s *Spool) flush() bool {
	if wait := shareFor - time.Since(s.wrote); s.shared && wait > 0 {
		time.Sleep(wait)
	}
	s.mu.Lock()
	g := s.group
	if g.first == 0 {
		s.mu.Unlock()
		s.shared = false
		return false
	}
	s.group, s.writing = newGroup(), int64(len(g.frames))
	s.group.frames, s.buffer = s.buffer, nil
	close(g.taken)
	full := s.segments[len(s.segments)-1].size >= s.opt.SegmentBytes
	s.mu.Unlock()
	s.wrote, s.shared = time.Now(), g.records > 1
	if err := s.write(g, full); err != nil {
		s.fail(g, err)
		return true
	}
	s.commit(g)
	close(g.done)
	if cap(g.frames) <= groupBytes/4 {
		s.buffer = g.frames[:0]
	}
	return true
}

// commit notes that the group is on disk.
func (s *Spool) commit(g *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	active := &s.segments[len(s.segments)-1]
	active.last, active.size = g.last, active.size+int64(len(g.frames))
	s.size, s.writing = s.size+int64(len(g.frames)), 0
	s.durable = g.last
	if !s.closed {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

func (s *Spool) write(g *group, full bool) error {
	if full {
		err := s.rotateAt(g.first)
		if err != nil && !noDescriptor(err) { // A segment may be larger than wanted.
			return err
		}
	}
	if _, err := s.file.Write(g.frames); err != nil {
		return err
	}
	return syncData(s.file)
}

// noDescriptor says that the process, or the machine, has no descriptor left at the moment.
func noDescriptor(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
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
// left out. A full disk is the same to the caller as a full spool. Where even that fails nothing is appended any more:
// it would stand behind half of a record.
func (s *Spool) fail(g *group, err error) {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	s.mu.Lock()
	cut := s.file.Truncate(s.segments[len(s.segments)-1].size)
	if cut != nil {
		err = fmt.Errorf("the end of the spool cannot be mended: %w (after: %s)", cut, err)
		s.broken = err
	}
	behind := s.group
	s.group, s.writing = newGroup(), 0
	s.next = max(g.first, s.opened)
	s.mu.Unlock()
	close(behind.taken)
	for _, x := range []*group{g, behind} {
		x.err = err
		close(x.done)
		if x.queued > 0 && s.opt.Failed != nil {
			s.opt.Failed(err, x.weight)
		}
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
