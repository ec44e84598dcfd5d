package spool

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"terroir"
)

// ErrFull says that the spool, or the disk below it, has no space: the record was not kept.
var ErrFull = errors.New("the spool is full")

// errClosed ends what waits when the spool is closed.
var errClosed = errors.New("the spool is closed")

// Options of a spool.
type Options struct {
	// MaxBytes bounds what the segments hold; default 1 GiB.
	MaxBytes int64
	// Failed is told what was queued and did not reach the disk: why (ErrFull, or the disk fails), and its weight. It may be
	// nil, and must not wait for the spool.
	Failed func(err error, weight int64)
	// SegmentBytes is the size from which a new segment is begun; default 8 MiB.
	SegmentBytes int64
}

// Entry is a record as it lies in the spool.
type Entry struct {
	Seq  uint64
	Data []byte
}

// Spool is an open log. Its methods may be called concurrently.
type Spool struct {
	dir  string
	opt  Options
	lock *os.File
	// epoch and damaged do not change after Open.
	epoch   uint64
	damaged int64

	mu sync.Mutex
	// segments are all files, the last being the one that is written; size is the sum of theirs, writing that of what is
	// being added.
	segments      []segment
	size, writing int64
	// next is the sequence of the next record, durable that of the last one on disk, freed that of the last one that is
	// not needed any more. opened is the first that was to be given since Open, or since Skip.
	next, durable, freed, opened uint64
	// group takes the records that the next write brings to disk.
	group *group
	// changed is closed, and made anew, when durable grows or the spool is closed.
	changed chan struct{}
	closed  bool
	// broken is why nothing can be appended any more: the end of the log is not known.
	broken error

	// file, and what is below, belong to the flusher: a buffer to use again, when it wrote last, and whether that was for
	// several records.
	file    *os.File
	buffer  []byte
	wrote   time.Time
	shared  bool
	wake    chan struct{}
	stopped chan struct{}
}

// group is the records of one write; all of them wait for it together. taken is closed when it is to be written, done
// when that is done.
type group struct {
	frames  []byte
	records int
	// queued is how many nobody waits for, weight theirs.
	queued      int
	weight      int64
	first, last uint64
	taken, done chan struct{}
	err         error
}

// groupBytes is the size from which a group takes no more records: who comes then waits for the next one.
const groupBytes = 8 << 20

func newGroup() *group { return &group{taken: make(chan struct{}), done: make(chan struct{})} }

// Open opens the spool in the folder, which it makes where there is none.
//
// A folder that another process has open, or that cannot be used, yields an EUNREACHABLE error.
func Open(dir string, opt Options) (*Spool, error) {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 1 << 30
	}
	if opt.SegmentBytes == 0 {
		opt.SegmentBytes = 8 << 20
	}
	s := &Spool{dir: dir, opt: opt, group: newGroup(), changed: make(chan struct{}), wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	if err := s.open(); err != nil {
		if s.lock != nil {
			s.lock.Close()
		}
		if terroir.ErrorCode(err) != terroir.EINTERNAL {
			return nil, err
		}
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "cannot use the spool", Err: err}
	}
	go s.flusher()
	return s, nil
}

func (s *Spool) open() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s.lock = lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return &terroir.Error{Code: terroir.EUNREACHABLE, Where: s.dir, Message: "another sensor uses this spool",
			Hint: "stop it, or give each sensor a folder of its own"}
	}
	if err := s.recoverSegments(); err != nil {
		return err
	}
	s.opened = s.next
	return nil
}

// reserved is the part of the spool that only AppendReserved uses: 64 KiB, or a tenth of a small one.
func (s *Spool) reserved() int64 { return min(64<<10, s.opt.MaxBytes/10) }

// Append gives the record that encode appends to a buffer the next sequence, and returns when it is on disk. Records
// that are appended at the same time share one write.
//
// ErrFull says that there was no space; the sequence is then given to another record. Any other error means that the
// disk fails.
func (s *Spool) Append(ctx context.Context, encode func(b []byte, seq uint64) []byte) (uint64, error) {
	return s.append(ctx, s.opt.MaxBytes-s.reserved(), encode)
}

// AppendReserved is Append for the few records that tell what there was no space for: they find some in a full spool.
func (s *Spool) AppendReserved(ctx context.Context, encode func(b []byte, seq uint64) []byte) (uint64, error) {
	return s.append(ctx, s.opt.MaxBytes, encode)
}

func (s *Spool) append(ctx context.Context, limit int64, encode func(b []byte, seq uint64) []byte) (uint64, error) {
	g, seq, err := s.add(ctx, limit, nil, encode)
	if err != nil {
		return 0, err
	}
	<-g.done
	return seq, g.err
}

// Queue is Append for who does not wait: it returns when the record is to be written with the next ones. If it does not
// reach the disk, Failed is told the weight.
func (s *Spool) Queue(ctx context.Context, weight int64, encode func(b []byte, seq uint64) []byte) error {
	_, _, err := s.add(ctx, s.opt.MaxBytes-s.reserved(), &weight, encode)
	return err
}

// add puts a record into the group that is written next. weight is nil where the caller waits.
func (s *Spool) add(ctx context.Context, limit int64, weight *int64, encode func(b []byte, seq uint64) []byte) (*group, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if err := s.lockForRoom(ctx); err != nil {
		return nil, 0, err
	}
	g, seq := s.group, s.next
	before := len(g.frames)
	g.frames = appendFrame(g.frames, seq, encode)
	size := len(g.frames) - before
	if s.size+s.writing+int64(len(g.frames)) > limit || size > headerSize+maxRecord {
		g.frames = g.frames[:before]
		s.mu.Unlock()
		return nil, 0, ErrFull
	}
	if g.first == 0 {
		g.first = seq
	}
	g.last = seq
	g.records++
	if weight != nil {
		g.queued++
		g.weight += *weight
	}
	s.next++
	s.mu.Unlock()
	s.signal()
	return g, seq, nil
}

// lockForRoom takes the lock when the group takes a record.
func (s *Spool) lockForRoom(ctx context.Context) error {
	for {
		s.mu.Lock()
		switch {
		case s.closed:
			s.mu.Unlock()
			return errClosed
		case s.broken != nil:
			s.mu.Unlock()
			return s.broken
		case len(s.group.frames) < groupBytes:
			return nil
		}
		taken := s.group.taken
		s.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// signal wakes the flusher.
func (s *Spool) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Free says that the records up to and including seq are not needed any more. Their segments go away soon.
func (s *Spool) Free(seq uint64) {
	s.mu.Lock()
	s.freed = max(s.freed, min(seq, s.next-1))
	s.mu.Unlock()
	s.signal()
}

// Skip says that the hub has records up to seq which are not those of the folder: it was damaged, or put back. Numbers
// go on behind it. What was appended since Open under numbers that the hub has for others, from first to last if there
// is any, stays until it is freed: append it again.
func (s *Spool) Skip(seq uint64) (first, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq < s.opened {
		return 1, 0
	}
	slog.Warn("spool: the hub has later records than the folder; was it damaged, or put back?", "folder", s.dir, "hub", seq, "folder's last", s.opened-1)
	first, last = max(s.opened, s.freed+1), min(seq, s.next-1)
	s.next, s.opened = max(s.next, seq+1), seq+1
	return first, last
}

// Next is the sequence of the next record.
func (s *Spool) Next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// Epoch names this life of the spool.
func (s *Spool) Epoch() uint64 { return s.epoch }

// Damaged is the number of bytes that Open found to be no whole records.
func (s *Spool) Damaged() int64 { return s.damaged }

// Pending is the number of records that are not freed yet.
func (s *Spool) Pending() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := s.segments[0].first
	return s.next - 1 - max(s.freed, oldest-1)
}

// Size is the number of bytes in the segments.
func (s *Spool) Size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

// Close brings to disk what is being appended and closes the spool.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.changed)
	s.mu.Unlock()
	s.signal()
	<-s.stopped
	return errors.Join(s.file.Close(), s.lock.Close())
}
