package e2e

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// programs are the processes that are killed, built from this tree.
type programs struct{ sensor, hub, bus string }

// buildPrograms builds them with a wall clock that the test moves: static programs take no library that would do so, so
// the standard library's time.Now is replaced at compile time (go build -overlay). Nothing in the tree knows of it.
func buildPrograms(t *testing.T) programs {
	t.Helper()
	dir := t.TempDir()
	overlay := clockOverlay(t, dir)
	p := programs{filepath.Join(dir, "terroir-sensor"), filepath.Join(dir, "terroir"), filepath.Join(dir, "bus")}
	build(t, p.sensor, "../cmd/terroir-sensor", "-overlay", overlay)
	build(t, p.bus, "./testdata/bus", "-overlay", overlay)
	build(t, p.hub, "../cmd/terroir", "-overlay", overlay)
	return p
}

func build(t *testing.T, to, folder string, flags ...string) {
	t.Helper()
	begun := time.Now()
	args := append(append([]string{"build", "-o", to}, flags...), folder)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	t.Logf("built %s in %s", filepath.Base(to), time.Since(begun).Round(time.Second))
}

// clockOverlay writes what the standard library's package time is overlaid with, and returns the list of it.
func clockOverlay(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	std := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	const was, is = "sec, nsec, mono := runtimeNow()", "sec, nsec, mono := shifted()"
	text := read(t, filepath.Join(std, "time.go"))
	if strings.Count(text, was) != 1 {
		t.Fatalf("time.Now of %s is not as this test knows it", runtime.Version())
	}
	now, shift, list := filepath.Join(dir, "time.go"), filepath.Join(dir, "shift.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(std, "time.go"): now, filepath.Join(std, "terroir_shift.go"): shift}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, now, strings.Replace(text, was, is, 1))
	write(t, shift, read(t, filepath.Join("testdata", "clock", "shift.go.txt")))
	write(t, list, string(replace))
	return list
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// clock is the file that a process's wall clock follows, while it runs.
type clock string

// move sets how far the clock is from the right time.
func (c clock) move(by time.Duration) error {
	f, err := os.OpenFile(string(c), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], uint64(int64(by/time.Second)))
	_, err = f.WriteAt(b[:], 0)
	return err
}
