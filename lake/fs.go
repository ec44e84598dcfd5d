package lake

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
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
	// pending are files written since the last metadata file, and the folders that hold them.
	pending, folders map[string]struct{}
}

func init() {
	fs := &syncFS{pending: map[string]struct{}{}, folders: map[string]struct{}{}}
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
	return &syncedFile{FileWriter: w, fs: s, path: plainPath(name)}, nil
}

// WriteFile writes the file and makes it part of the next flush.
func (s *syncFS) WriteFile(name string, b []byte) error {
	if err := s.LocalFS.WriteFile(name, b); err != nil {
		return err
	}
	return s.written(plainPath(name))
}

// Remove removes the file, and forgets it if it was waiting to be synced.
func (s *syncFS) Remove(name string) error {
	s.mu.Lock()
	delete(s.pending, plainPath(name))
	s.mu.Unlock()
	return s.LocalFS.Remove(name)
}

func (s *syncFS) written(path string) error {
	s.mu.Lock()
	s.pending[path] = struct{}{}
	s.folders[filepath.Dir(path)] = struct{}{}
	s.folders[filepath.Dir(filepath.Dir(path))] = struct{}{}
	s.mu.Unlock()
	if strings.HasSuffix(path, ".metadata.json") {
		return s.flush()
	}
	return nil
}

// flush syncs all that is pending. What could not be synced stays pending.
func (s *syncFS) flush() error {
	s.mu.Lock()
	files, folders := s.pending, s.folders
	s.pending, s.folders = map[string]struct{}{}, map[string]struct{}{}
	s.mu.Unlock()
	err := syncAll(files)
	if err == nil {
		err = syncAll(folders)
	}
	if err != nil {
		s.mu.Lock()
		for p := range files {
			s.pending[p] = struct{}{}
		}
		for p := range folders {
			s.folders[p] = struct{}{}
		}
		s.mu.Unlock()
	}
	return err
}

func syncAll(paths map[string]struct{}) error {
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

type syncedFile struct {
	icebergio.FileWriter
	fs   *syncFS
	path string
}

// Close closes the file and makes it part of the next flush.
func (f *syncedFile) Close() error {
	if err := f.FileWriter.Close(); err != nil {
		return err
	}
	return f.fs.written(f.path)
}
