package lake

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"iter"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	icebergio "github.com/apache/iceberg-go/io"
	"golang.org/x/sync/errgroup"
)

// syncWorkers bounds how many files are synced at once: enough to let the disk order the writes.
const syncWorkers = 16

// syncFS is iceberg-go's local file system with the promise that it lacks: when a metadata file is written, every file
// that it could point to is on the disk, with its folder. Data files are not synced one by one as they close but all
// together before the metadata, which costs the disk one flush instead of hundreds.
type syncFS struct {
	icebergio.LocalFS

	mu sync.Mutex
	// pending are files written since the last metadata file, with what is to be remembered of them; folders hold them.
	pending map[string]fileSum
	folders map[string]struct{}
	// ledgers remember the sums of files below a folder, for Verify.
	ledgers map[*Lake]struct{}
}

// fileSum is what a file held when it was written.
type fileSum struct {
	bytes  int64
	sha256 [sha256.Size]byte
}

// local is the file system of all lakes in this process.
var local = &syncFS{pending: map[string]fileSum{}, folders: map[string]struct{}{}, ledgers: map[*Lake]struct{}{}}

func init() {
	fs := local
	factory := func(context.Context, *url.URL, map[string]string) (icebergio.IO, error) { return fs, nil }
	icebergio.Unregister("file")
	icebergio.Register("file", factory)
	icebergio.Unregister("")
	icebergio.Register("", factory)
}

// Create opens the named file for writing; its Close makes it part of the next flush.
func (s *syncFS) Create(name string) (icebergio.FileWriter, error) {
	w, err := s.LocalFS.Create(name)
	if err != nil {
		return nil, err
	}
	return &syncedFile{w: w, sum: sha256.New(), fs: s, path: plainPath(name)}, nil
}

// WriteFile writes the file and makes it part of the next flush.
func (s *syncFS) WriteFile(name string, b []byte) error {
	if err := s.LocalFS.WriteFile(name, b); err != nil {
		return err
	}
	return s.written(plainPath(name), fileSum{int64(len(b)), sha256.Sum256(b)})
}

// Remove removes the file, and forgets it if it was waiting to be synced.
func (s *syncFS) Remove(name string) error {
	s.mu.Lock()
	delete(s.pending, plainPath(name))
	s.mu.Unlock()
	return s.LocalFS.Remove(name)
}

func (s *syncFS) written(path string, sum fileSum) error {
	s.mu.Lock()
	s.pending[path] = sum
	s.folders[filepath.Dir(path)] = struct{}{}
	s.folders[filepath.Dir(filepath.Dir(path))] = struct{}{}
	s.mu.Unlock()
	if strings.HasSuffix(path, ".metadata.json") {
		return s.flush()
	}
	return nil
}

// flush syncs all that is pending, and has it remembered.
func (s *syncFS) flush() error {
	s.mu.Lock()
	files, folders := s.pending, s.folders
	s.pending, s.folders = map[string]fileSum{}, map[string]struct{}{}
	ledgers := slices.Collect(maps.Keys(s.ledgers))
	s.mu.Unlock()
	err := syncAll(maps.Keys(files))
	if err == nil {
		err = syncAll(maps.Keys(folders))
	}
	for _, l := range ledgers {
		if err == nil {
			err = l.remember(files)
		}
	}
	if err != nil {
		s.mu.Lock()
		for p, sum := range files {
			s.pending[p] = sum
		}
		for p := range folders {
			s.folders[p] = struct{}{}
		}
		s.mu.Unlock()
	}
	return err
}

func syncAll(paths iter.Seq[string]) error {
	var g errgroup.Group
	g.SetLimit(syncWorkers)
	for p := range paths {
		g.Go(func() error { return syncPath(p) })
	}
	return g.Wait()
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // Removed since: a failed commit cleans up after itself.
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// plainPath is the path of a file named as a path or as a file: URI.
func plainPath(name string) string {
	if u, err := url.Parse(name); err == nil && u.Scheme == "file" {
		return filepath.FromSlash(u.Path)
	}
	return name
}

// syncedFile sums up what is written.
type syncedFile struct {
	w    icebergio.FileWriter
	sum  hash.Hash
	size int64
	fs   *syncFS
	path string
}

// Write implements io.Writer.
func (f *syncedFile) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	f.sum.Write(b[:n])
	f.size += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (f *syncedFile) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{f}, r)
}

// Close closes the file, which is on disk for sure after the next flush.
func (f *syncedFile) Close() error {
	if err := f.w.Close(); err != nil {
		return err
	}
	return f.fs.written(f.path, fileSum{f.size, [sha256.Size]byte(f.sum.Sum(nil))})
}
