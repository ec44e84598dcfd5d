package jsonlfile

import (
	"bufio"
	"io"
)

// lines cuts a stream into lines of at most max bytes; of a longer one it keeps the first bytes only.
type lines struct {
	r   *bufio.Reader
	max int
	buf []byte
	// number of the line that was read last, from 1.
	number int
}

// keptOfLong is how much of a line that is too long is kept, in bytes.
const keptOfLong = 1 << 10

func newLines(r io.Reader, max int) *lines {
	return &lines{r: bufio.NewReaderSize(r, 256<<10), max: max}
}

// next returns the next line without its end, valid until the next call, and whether it is whole. io.EOF ends the stream;
// with any other error, what was read of the last line is dropped.
func (l *lines) next() (line []byte, whole bool, err error) {
	l.buf, whole = l.buf[:0], true
	l.number++
	for {
		part, err := l.r.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return nil, false, err
		}
		if err == nil {
			part = part[:len(part)-1]
		}
		switch {
		case !whole:
		case len(l.buf)+len(part) > l.max:
			whole = false
			l.buf = append(l.buf, part...)
			l.buf = l.buf[:min(len(l.buf), keptOfLong)]
		case len(l.buf) == 0 && err == nil:
			return part, true, nil // The usual line: nothing is copied.
		default:
			l.buf = append(l.buf, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF && len(l.buf) == 0 {
			return nil, false, io.EOF
		}
		return l.buf, whole, nil
	}
}
