package listen

import "io"

// stream gives what a client sends, as it comes. The bytes are valid during the call of use.
type stream interface {
	next(use func([]byte)) error
}

// buffered is a stream over a reader that must have a buffer of its own.
type buffered struct {
	r   io.Reader
	buf []byte
}

// next implements stream.
func (b *buffered) next(use func([]byte)) error {
	if b.buf == nil {
		b.buf = make([]byte, 4096)
	}
	n, err := b.r.Read(b.buf)
	if n > 0 {
		use(b.buf[:n])
	}
	return err
}

// after is a stream that gives what was read before, and then the rest.
type after struct {
	head []byte
	rest stream
}

// next implements stream.
func (a *after) next(use func([]byte)) error {
	if len(a.head) > 0 {
		head := a.head
		a.head = nil
		use(head)
		return nil
	}
	return a.rest.next(use)
}

// reader makes a stream a reader.
type reader struct {
	stream
	left []byte
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	if len(r.left) == 0 {
		if err := r.next(func(got []byte) { r.left = append(r.left[:0], got...) }); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.left)
	r.left = r.left[n:]
	return n, nil
}
