package spool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"terroir"
)

// Reader reads the records in order, also those that come while it reads. It is used by one goroutine.
type Reader struct {
	s    *Spool
	next uint64 // the least sequence to return
	seg  segment
	file *os.File
	src  *durableFile
	r    *bufio.Reader
}

// Reader begins at the sequence, or at the oldest record behind it that is still there.
func (s *Spool) Reader(from uint64) *Reader { return &Reader{s: s, next: from} }

// Close closes the reader.
func (r *Reader) Close() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}

// Next waits until there is a record and returns up to max records, of together about maxBytes bytes (at least one).
// Entries are in the order of their sequences; those that were freed or damaged are left out. It returns the context's
// error when that ends first, and an EINTERNAL error with file and offset when a segment cannot be read any more.
func (r *Reader) Next(ctx context.Context, max, maxBytes int) ([]Entry, error) {
	var entries []Entry
	for len(entries) == 0 {
		durable, err := r.wait(ctx)
		if err != nil {
			return nil, err
		}
		for size := 0; len(entries) < max && size < maxBytes && r.next <= durable; {
			e, err := r.read()
			if err == io.EOF {
				// What is durable was freed or damaged. What comes later is read when it is there.
				r.next = durable + 1
				break
			}
			if noDescriptor(err) {
				if err := pause(ctx, 100*time.Millisecond); err != nil {
					return entries, err
				}
				continue
			}
			if err != nil {
				return entries, err
			}
			if e.Seq < r.next {
				continue
			}
			r.next = e.Seq + 1
			entries = append(entries, e)
			size += len(e.Data)
		}
	}
	return entries, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (r *Reader) wait(ctx context.Context) (durable uint64, err error) {
	for {
		r.s.mu.Lock()
		durable, changed, closed := r.s.durable, r.s.changed, r.s.closed
		r.s.mu.Unlock()
		if durable >= r.next {
			return durable, nil
		}
		if closed {
			return 0, errClosed
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-changed:
		}
	}
}

// read returns the next frame of the log, whatever its sequence, and io.EOF when there is none now. Damaged frames are
// passed over: Open has reported them.
func (r *Reader) read() (Entry, error) {
	for {
		if r.file != nil {
			e, err := readFrame(r.r)
			switch {
			case err == nil:
				return e, nil
			case errors.Is(err, errDamaged):
				continue
			case errors.Is(err, errTorn) && r.listed() != nil:
				// Open has cut or left out what was torn then, so this happened since.
				return Entry{}, &terroir.Error{Code: terroir.EINTERNAL, Where: r.seg.path, Err: err,
					Message: fmt.Sprintf("the segment is damaged before offset %d", r.src.off)}
			case err != io.EOF && !errors.Is(err, errTorn):
				return Entry{}, err
			}
		}
		if err := r.advance(); err != nil {
			return Entry{}, err
		}
	}
}

// listed is the segment that is read as the spool knows it now, or nil when it was freed.
func (r *Reader) listed() *segment {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for i := range r.s.segments {
		if r.s.segments[i].first == r.seg.first {
			seg := r.s.segments[i]
			return &seg
		}
	}
	return nil
}

// advance opens the next segment that holds what is wanted. When there is none it leaves the open one open, which may
// grow, and returns io.EOF.
func (r *Reader) advance() error {
	for {
		if seg := r.listed(); r.file != nil && seg != nil && seg.size > r.src.off {
			return nil // It grew since its end was seen.
		}
		seg, ok := r.following()
		if !ok {
			return io.EOF
		}
		f, err := os.Open(seg.path)
		if again, ok := r.following(); errors.Is(err, os.ErrNotExist) && (!ok || again.first != seg.first) {
			continue // Freed meanwhile: a segment is taken off the list before its file is removed.
		}
		if err != nil {
			return err
		}
		r.Close()
		r.src = &durableFile{s: r.s, f: f, first: seg.first}
		r.seg, r.file, r.r = seg, f, bufio.NewReaderSize(r.src, 256<<10)
		return nil
	}
}

// following is the first segment behind the one that was read with a record that is wanted.
func (r *Reader) following() (segment, bool) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, seg := range r.s.segments {
		if seg.first > r.seg.first && seg.last >= max(seg.first, r.next) {
			return seg, true
		}
	}
	return segment{}, false
}

// durableFile reads a segment up to what is on disk for certain: what lies behind may yet be taken back.
type durableFile struct {
	s     *Spool
	f     *os.File
	first uint64
	off   int64
}

// Read implements io.Reader.
func (d *durableFile) Read(p []byte) (int, error) {
	left := d.size() - d.off
	if left <= 0 {
		return 0, io.EOF
	}
	n, err := d.f.ReadAt(p[:min(int64(len(p)), left)], d.off)
	d.off += int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// size is the durable size; a segment that is gone from the list was whole.
func (d *durableFile) size() int64 {
	d.s.mu.Lock()
	for _, seg := range d.s.segments {
		if seg.first == d.first {
			d.s.mu.Unlock()
			return seg.size
		}
	}
	d.s.mu.Unlock()
	info, err := d.f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}
