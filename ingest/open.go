package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"terroir"
)

// File is an open input, decompressed.
type File struct {
	*bufio.Reader
	closers []func() error
	raw     meter
}

// meter counts what is read; decompression reads ahead in a goroutine of its own.
type meter struct {
	io.Reader
	done atomic.Int64
	size int64
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.done.Add(int64(n))
	return n, err
}

// Progress is how many bytes of the file, as it stands on the disk, were read, and how many it has; 0 where that is not
// known.
func (f *File) Progress() (done, total int64) { return f.raw.done.Load(), f.raw.size }

// Open opens a file, "-" being standard input, and decompresses gzip and zstd, which it knows by their first bytes.
//
// A file that cannot be opened yields an ENOTFOUND error.
func Open(name string) (*File, error) {
	f := &File{raw: meter{Reader: os.Stdin}}
	if name != "-" {
		file, err := OpenRaw(name)
		if err != nil {
			return nil, err
		}
		f.closers = append(f.closers, file.Close)
		f.raw.Reader = file
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			f.raw.size = info.Size()
		}
	}
	f.Reader = bufio.NewReaderSize(&f.raw, 1<<20)
	if err := f.decompress(name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// OpenRaw opens a file as it is. A file that cannot be opened yields an ENOTFOUND error.
func OpenRaw(name string) (*os.File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ENOTFOUND, Where: name, Message: "cannot open the file", Err: plainCause(err)}
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close()
		return nil, &terroir.Error{Code: terroir.ENOTFOUND, Where: name, Message: "this is a folder", Hint: "name the files in it"}
	}
	return file, nil
}

// plainCause is the cause without the path, which stands in front already.
func plainCause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (f *File) decompress(name string) error {
	head, _ := f.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(f.Reader)
		if err != nil {
			return &terroir.Error{Code: terroir.EINVALID, Where: name, Message: "not a gzip file", Err: err}
		}
		f.closers = append(f.closers, z.Close)
		f.Reader = bufio.NewReaderSize(z, 1<<20)
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(f.Reader, zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return &terroir.Error{Code: terroir.EINVALID, Where: name, Message: "not a zstd file", Err: err}
		}
		f.closers = append(f.closers, func() error { z.Close(); return nil })
		f.Reader = bufio.NewReaderSize(z, 1<<20)
	}
	return nil
}

// Close closes the input.
func (f *File) Close() error {
	var errs []error
	for i := len(f.closers) - 1; i >= 0; i-- {
		errs = append(errs, f.closers[i]())
	}
	f.closers = nil
	return errors.Join(errs...)
}

// Detect names the format of the input: "pcap" for captures of either kind, by their first bytes; "jsonl" where the first
// byte that is not blank opens an object, or the name ends in .jsonl or .ndjson, compressed or not; otherwise "csv".
func Detect(name string, f *File) string {
	head, _ := f.Peek(512)
	for _, magic := range []string{"\xa1\xb2\xc3\xd4", "\xd4\xc3\xb2\xa1", "\xa1\xb2\x3c\x4d", "\x4d\x3c\xb2\xa1", "\x0a\x0d\x0d\x0a"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return "pcap"
		}
	}
	plain := strings.ToLower(name)
	for _, ending := range []string{".gz", ".zst", ".zstd"} {
		plain = strings.TrimSuffix(plain, ending)
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	if bytes.HasPrefix(text, []byte("{")) || strings.HasSuffix(plain, ".jsonl") || strings.HasSuffix(plain, ".ndjson") {
		return "jsonl"
	}
	return "csv"
}
