package spool

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"slices"
)

// Reader reads the records in order, also those that come while it reads. It is used by one goroutine.
type Reader struct {
	s    *Spool
	next uint64 // the least sequence to return
	seg  segment
	file *os.File
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
// Entries are in the order of their sequences. It returns the context's error when that ends first.
func (r *Reader) Next(ctx context.Context, max, maxBytes int) ([]Entry, error) {
	durable, err := r.wait(ctx)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for size := 0; len(entries) < max && size < maxBytes && r.next <= durable; {
		e, err := r.read()
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
	return entries, nil
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

// read returns the next frame of the log, whatever its sequence. A segment's damaged end is passed over: Open has
// reported it.
func (r *Reader) read() (Entry, error) {
	for {
		if r.file == nil {
			if err := r.open(); err != nil {
				return Entry{}, err
			}
		}
		e, err := readFrame(r.r)
		if err == nil {
			return e, nil
		}
		if err != io.EOF && !errors.Is(err, errTorn) {
			return Entry{}, err
		}
		// The end of this segment; what is wanted is durable, so it is in a later one.
		r.Close()
	}
}

// open opens the segment behind the one that was read, or the first that holds what is wanted.
func (r *Reader) open() error {
	r.s.mu.Lock()
	segments := slices.Clone(r.s.segments)
	r.s.mu.Unlock()
	for _, seg := range segments {
		if seg.last < r.next || seg.first <= r.seg.first {
			continue
		}
		f, err := os.Open(seg.path)
		if errors.Is(err, os.ErrNotExist) {
			continue // Freed meanwhile.
		}
		if err != nil {
			return err
		}
		r.seg, r.file, r.r = seg, f, bufio.NewReaderSize(&durableFile{s: r.s, f: f, first: seg.first}, 256<<10)
		return nil
	}
	return errClosed
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
