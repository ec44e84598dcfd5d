package lake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	icebergio "github.com/apache/iceberg-go/io"

	"terroir"
)

// countingFS counts how often a file is read from far away, here a folder.
type countingFS struct {
	icebergio.LocalFS
	mu    sync.Mutex
	opens map[string]int
}

func (f *countingFS) Open(name string) (icebergio.File, error) {
	f.mu.Lock()
	f.opens[filepath.Base(name)]++
	f.mu.Unlock()
	return f.LocalFS.Open(name)
}

// far makes n files of the size.
func far(t *testing.T, n, size int) (*countingFS, []remoteFile) {
	t.Helper()
	dir := t.TempDir()
	var files []remoteFile
	for i := range n {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, []byte(strings.Repeat(fmt.Sprint(i%10), size)), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, remoteFile{path, int64(size)})
	}
	return &countingFS{opens: map[string]int{}}, files
}

func newCache(t *testing.T, dir string, bound int64) *cache {
	t.Helper()
	c, err := openCache(dir, bound)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.close() })
	return c
}

func mustFetch(t *testing.T, c *cache, fs icebergio.IO, files ...remoteFile) []string {
	t.Helper()
	paths, err := c.fetch(context.Background(), fs, files)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range paths {
		got, err := os.ReadFile(p)
		want, _ := os.ReadFile(files[i].path)
		if err != nil || string(got) != string(want) {
			t.Fatalf("the copy of %s is not the file: %v", files[i].path, err)
		}
	}
	return paths
}

// kept is the number of bytes of copies in the cache.
func kept(t *testing.T, c *cache) (bytes int64) {
	t.Helper()
	entries, err := os.ReadDir(c.files())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}

func TestTheCacheFetchesAFileOnce(t *testing.T) {
	fs, files := far(t, 3, 100)
	dir := t.TempDir()
	one := newCache(t, dir, 1000)
	one.release(mustFetch(t, one, fs, files...))
	mustFetch(t, one, fs, files...)
	other := newCache(t, dir, 1000) // as another process would
	mustFetch(t, other, fs, files[1])
	for name, n := range fs.opens {
		if n != 1 {
			t.Errorf("file %s was fetched %d times", name, n)
		}
	}
}

func TestTheCacheStaysWithinItsBound(t *testing.T) {
	fs, files := far(t, 10, 100)
	c := newCache(t, t.TempDir(), 300)
	for i, f := range files {
		c.release(mustFetch(t, c, fs, f))
		if n := kept(t, c); n > 300 {
			t.Fatalf("%d bytes after file %d", n, i)
		}
		if i > 0 { // File 0 is the one used last, again and again: it is not the one to go.
			c.release(mustFetch(t, c, fs, files[0]))
		}
		time.Sleep(5 * time.Millisecond)
	}
	if fs.opens["0"] != 1 {
		t.Errorf("the file that was used last was fetched %d times", fs.opens["0"])
	}
	held := mustFetch(t, c, fs, files[:2]...)
	if _, err := c.fetch(context.Background(), fs, files[1:4]); terroir.ErrorCode(err) != terroir.EUNREACHABLE {
		t.Errorf("more than fits beside what is read: %v", err)
	}
	c.release(mustFetch(t, c, fs, files[:3]...))
	c.release(held)
	_, err := c.fetch(context.Background(), fs, files)
	if terroir.ErrorCode(err) != terroir.EUNREACHABLE || strings.Contains(err.Error(), "\n") {
		t.Errorf("more than fits at all: %v", err)
	}
}

func TestWhatIsReadIsNotTakenAway(t *testing.T) {
	fs, files := far(t, 4, 100)
	dir := t.TempDir()
	reader, other := newCache(t, dir, 200), newCache(t, dir, 200)
	inUse := mustFetch(t, reader, fs, files[:2]...)
	other.release(mustFetch(t, other, fs, files[2]))
	other.release(mustFetch(t, other, fs, files[3]))
	for _, p := range inUse {
		if !whole(p, 100) {
			t.Errorf("%s is gone while it is read", p)
		}
	}
	again := mustFetch(t, reader, fs, files[0])
	reader.release(inUse)
	if !whole(again[0], 100) {
		t.Error("a file went though one of two readers goes on")
	}
	reader.release(again)
	if whole(again[0], 100) {
		t.Error("a file stays in use though nobody reads it")
	}
}

func TestWhatAProcessLeftInTheCacheIsCleared(t *testing.T) {
	fs, files := far(t, 2, 100)
	dir := t.TempDir()
	killed := newCache(t, dir, 100)
	mustFetch(t, killed, fs, files[0])
	killed.lock.Close() // what the kernel does for a process that is killed
	c := newCache(t, dir, 100)
	if _, err := os.Stat(killed.own); !os.IsNotExist(err) {
		t.Errorf("its files are still held: %v", err)
	}
	c.release(mustFetch(t, c, fs, files[1]))
	if n := kept(t, c); n != 100 {
		t.Errorf("%d bytes are kept", n)
	}
}

func TestACopyThatIsNotWholeIsFetchedAgain(t *testing.T) {
	fs, files := far(t, 1, 100)
	c := newCache(t, t.TempDir(), 1000)
	c.release(mustFetch(t, c, fs, files...))
	if err := os.Truncate(filepath.Join(c.files(), copyName(files[0].path)), 10); err != nil {
		t.Fatal(err)
	}
	mustFetch(t, c, fs, files...)
	files[0].size = 101 // as the table has it: the file far away is short
	if _, err := c.fetch(context.Background(), fs, []remoteFile{{files[0].path + "x", 1}}); err == nil {
		t.Error("a file that is not there was fetched")
	}
	if _, err := newCache(t, t.TempDir(), 1000).fetch(context.Background(), fs, files); err == nil {
		t.Error("half a file was taken for a whole one")
	}
}

func TestReadersOfTheCacheDoNotDisturbEachOther(t *testing.T) {
	fs, files := far(t, 12, 50)
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 3 {
		c := newCache(t, dir, 300)
		for r := range 3 {
			wg.Go(func() {
				for i := range 40 {
					some := []remoteFile{files[(i+r)%12], files[(i*5+r)%12]}
					paths, err := c.fetch(context.Background(), fs, some)
					if err != nil {
						t.Error(err)
						return
					}
					for _, p := range paths {
						if !whole(p, 50) {
							t.Errorf("%s is not whole", p)
						}
					}
					c.release(paths)
				}
			})
		}
	}
	wg.Wait()
}
