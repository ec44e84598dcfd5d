package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	icebergio "github.com/apache/iceberg-go/io"
	"golang.org/x/sync/errgroup"

	"terroir"
)

const (
	// defaultCacheBytes bounds the cache where the options do not.
	defaultCacheBytes = 10 << 30
	// fetchWorkers bounds how many files are fetched at once.
	fetchWorkers = 8
)

// cache holds copies of files that are on S3. The files never change, so that a copy is good as long as it is whole.
// Several processes share the folder:
//
//	files/KEY.parquet        the copies, KEY from the file's address; the time of the file is that of its last use
//	use/RANDOM/KEY.parquet   hard links to what one process reads; it holds a lock on use/RANDOM/lock while it lives
//
// A copy to which no process has a link may go when room is needed, the one longest unused first. What a process that is
// gone had in use is given up by the next one that opens the cache.
type cache struct {
	dir   string
	bound int64

	mu   sync.Mutex
	own  string
	lock *os.File
	// own links, by their paths, and the bytes in them.
	links map[string]*ownLink
	held  int64
}

// ownLink is a file that this process reads.
type ownLink struct {
	users int
	size  int64
}

// remoteFile is a file of a table on S3.
type remoteFile struct {
	path string
	size int64
}

func openCache(dir string, bound int64) (*cache, error) {
	if bound == 0 {
		bound = defaultCacheBytes
	}
	c := &cache{dir: dir, bound: bound, links: map[string]*ownLink{}}
	for _, d := range []string{c.files(), c.uses()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	if err := c.sweep(); err != nil {
		return nil, err
	}
	return c, c.begin()
}

func (c *cache) files() string { return filepath.Join(c.dir, "files") }
func (c *cache) uses() string  { return filepath.Join(c.dir, "use") }

// begin makes the process's own folder. It gets its name once it is locked, so that nobody takes it for one left over.
func (c *cache) begin() error {
	made, err := os.MkdirTemp(c.dir, "new-")
	if err != nil {
		return err
	}
	lock, err := os.Create(filepath.Join(made, "lock"))
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(err, lock.Close())
	}
	c.own, c.lock = filepath.Join(c.uses(), filepath.Base(made)[len("new-"):]), lock
	return os.Rename(made, c.own)
}

// sweep removes the folders of processes that are gone.
func (c *cache) sweep() error {
	old, err := os.ReadDir(c.uses())
	if err != nil {
		return err
	}
	for _, e := range old {
		dir := filepath.Join(c.uses(), e.Name())
		lock, err := os.Open(filepath.Join(dir, "lock"))
		if err != nil {
			continue // Its process, or another sweep, is removing it.
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			err = os.RemoveAll(dir)
		}
		if err := errors.Join(err, lock.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (c *cache) close() error {
	if c.lock == nil {
		return nil
	}
	return errors.Join(os.RemoveAll(c.own), c.lock.Close())
}

// fetch returns the paths of copies of the files, in order. They stay until release. More than the bound is not held.
func (c *cache) fetch(ctx context.Context, fs icebergio.IO, files []remoteFile) ([]string, error) {
	links, err := c.hold(files)
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchWorkers)
	for i, f := range files {
		g.Go(func() error { return c.fetchOne(ctx, fs, f, links[i]) })
	}
	err = g.Wait()
	if err == nil {
		err = c.evict()
	}
	if err != nil {
		c.release(links)
		return nil, err
	}
	return links, nil
}

// hold counts a user of each file.
func (c *cache) hold(files []remoteFile) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	links, need := make([]string, len(files)), c.held
	for i, f := range files {
		links[i] = filepath.Join(c.own, copyName(f.path))
		if c.links[links[i]] == nil {
			need += f.size
		}
	}
	if need > c.bound {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: c.dir,
			Message: fmt.Sprintf("the tables asked for have %d MiB, and the cache may hold %d MiB", need>>20, c.bound>>20),
			Hint:    "raise lake.cache, or let Trino answer (query.engine: trino)"}
	}
	for i, f := range files {
		if c.links[links[i]] == nil {
			c.links[links[i]] = &ownLink{size: f.size}
			c.held += f.size
		}
		c.links[links[i]].users++
	}
	return links, nil
}

// release gives up copies that fetch returned.
func (c *cache) release(links []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, path := range links {
		l := c.links[path]
		if l.users--; l.users == 0 {
			delete(c.links, path)
			c.held -= l.size
			_ = os.Remove(path) // A link that stays goes with the folder.
		}
	}
}

func copyName(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:]) + ".parquet"
}

// fetchOne makes link a link to a whole copy of the file.
func (c *cache) fetchOne(ctx context.Context, fs icebergio.IO, f remoteFile, link string) error {
	kept := filepath.Join(c.files(), filepath.Base(link))
	if whole(link, f.size) || (whole(kept, f.size) && linked(kept, link)) {
		now := time.Now()
		_ = os.Chtimes(link, now, now) // Only the order of eviction depends on it.
		return nil
	}
	made, err := download(ctx, fs, f, c.dir)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", f.path, err)
	}
	if !linked(made, link) {
		return errors.Join(fmt.Errorf("fetch %s: cannot link the copy", f.path), os.Remove(made))
	}
	return os.Rename(made, kept)
}

// whole reports whether the copy has all bytes: after a power failure it may not.
func whole(path string, size int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() == size
}

// linked makes link a link to the file, or finds that another reader of this process did.
func linked(file, link string) bool {
	err := os.Link(file, link)
	return err == nil || errors.Is(err, os.ErrExist)
}

// download copies the file into a new one in dir.
func download(ctx context.Context, fs icebergio.IO, f remoteFile, dir string) (path string, err error) {
	src, err := fs.Open(f.path)
	if err != nil {
		return "", err
	}
	defer src.Close()
	dst, err := os.CreateTemp(dir, "fetch-")
	if err != nil {
		return "", err
	}
	n, err := io.Copy(dst, contextReader{ctx, src})
	if err = errors.Join(err, dst.Close()); err == nil && n != f.size {
		err = fmt.Errorf("%d bytes came, %d are expected", n, f.size)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(dst.Name()))
	}
	return dst.Name(), nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read reads unless the context has ended.
func (r contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// evict removes copies that nobody has in use until the rest is within the bound.
func (c *cache) evict() error {
	entries, err := os.ReadDir(c.files())
	if err != nil {
		return err
	}
	var idle []os.FileInfo
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // Another process removed it.
		}
		total += info.Size()
		if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Nlink == 1 {
			idle = append(idle, info)
		}
	}
	slices.SortFunc(idle, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range idle {
		if total <= c.bound {
			break
		}
		if err := os.Remove(filepath.Join(c.files(), info.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		total -= info.Size()
	}
	return c.leftOver()
}

// leftOver removes what processes that were killed did not finish.
func (c *cache) leftOver() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || e.Name() == "files" || e.Name() == "use" || time.Since(info.ModTime()) < time.Hour {
			continue
		}
		if err := os.RemoveAll(filepath.Join(c.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
