package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	headerSize = 16
	// maxRecord bounds a record: payload and transcript of the greatest size, and what is around them.
	maxRecord = 4 << 20
	// maxSequence bounds the sequences that are believed. No sensor gets there, and behind the greatest number there is
	// nothing could be appended.
	maxSequence = math.MaxInt64
	suffix      = ".seg"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	// errTorn is a frame that is not whole: nothing behind it can be found.
	errTorn = errors.New("the frame is not whole")
	// errDamaged is a frame whose checksum does not fit. Its length was read, so that the next one can be.
	errDamaged = errors.New("the checksum of the frame does not fit")
)

// appendFrame appends a frame with what encode appends.
func appendFrame(b []byte, seq uint64, encode func([]byte, uint64) []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, headerSize)...)
	binary.LittleEndian.PutUint64(b[start+8:], seq)
	b = encode(b, seq)
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-headerSize))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(b[start+8:], castagnoli))
	return b
}

// readFrame reads the next frame; io.EOF at the end, errTorn for anything that is not a whole frame, errDamaged (with
// the entry as it lies there) when its checksum does not fit. Frames of no bytes are not written for records, but a disk
// that lost power leaves zeros: those are torn.
func readFrame(r io.Reader) (Entry, error) {
	var head [headerSize]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		if n == 0 && err == io.EOF {
			return Entry{}, io.EOF
		}
		return Entry{}, tornOr(err)
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size > maxRecord {
		return Entry{}, errTorn
	}
	e := Entry{Seq: binary.LittleEndian.Uint64(head[8:]), Data: make([]byte, size)}
	if _, err := io.ReadFull(r, e.Data); err != nil {
		return Entry{}, tornOr(err)
	}
	sum := crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, e.Data)
	if sum != binary.LittleEndian.Uint32(head[4:]) {
		if size == 0 {
			return Entry{}, errTorn
		}
		return e, errDamaged
	}
	return e, nil
}

// parseFrame is readFrame for bytes that begin with a frame; size is the frame's.
func parseFrame(b []byte) (e Entry, size int, err error) {
	r := bytes.NewReader(b)
	e, err = readFrame(r)
	return e, len(b) - r.Len(), err
}

// findFrame is the offset, from at on, of the next frame that is whole and comes after the sequence; the end of b when
// there is none.
func findFrame(b []byte, at int, after uint64) int {
	for ; at+headerSize < len(b); at++ {
		size, seq := binary.LittleEndian.Uint32(b[at:]), binary.LittleEndian.Uint64(b[at+8:])
		// As many records as there are bytes could have been lost before it.
		if size == 0 || size > maxRecord || int(size) > len(b)-at-headerSize || seq <= after || seq-after > uint64(len(b)) {
			continue
		}
		// Nothing is copied: what a stranger sent may look like the beginnings of many large frames.
		if crc32.Checksum(b[at+8:at+headerSize+int(size)], castagnoli) == binary.LittleEndian.Uint32(b[at+4:]) {
			return at
		}
	}
	return len(b)
}

func tornOr(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errTorn
	}
	return err
}

// segment is one file of the log.
type segment struct {
	path        string
	epoch       uint64
	first, last uint64 // last is first-1 for an empty segment
	size        int64
}

func segmentPath(dir string, epoch, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x-%020d%s", epoch, first, suffix))
}

// listSegments returns the segments of the folder by their first sequence, without having looked into them.
func listSegments(dir string) ([]segment, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []segment
	for _, n := range names {
		name, ok := strings.CutSuffix(n.Name(), suffix)
		if !ok {
			continue
		}
		epoch, first, ok := strings.Cut(name, "-")
		s := segment{path: filepath.Join(dir, n.Name())}
		var err1, err2 error
		s.epoch, err1 = strconv.ParseUint(epoch, 16, 64)
		s.first, err2 = strconv.ParseUint(first, 10, 64)
		if !ok || err1 != nil || err2 != nil || s.first == 0 {
			return nil, fmt.Errorf("%s: not the name of a segment", s.path)
		}
		s.last = s.first - 1
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b segment) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	return list, nil
}
