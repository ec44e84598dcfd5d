package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestChaosFindsWhatTheFencePrevents lets two processes commit the same numbered payloads at once, with the fence of
// package lake and, in another build, without: the comparison of TestChaos finds nothing and, without the fence,
// payloads that are there twice.
func TestChaosFindsWhatTheFencePrevents(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs")
	}
	const rows = 20
	for name, flags := range map[string][]string{"fenced": nil, "not fenced": {"-tags", "nofence"}} {
		t.Run(name, func(t *testing.T) {
			batches := 25
			if name != "fenced" {
				batches = 75 // On a busy machine one writer may be done with a few before the other has begun.
			}
			dir := t.TempDir()
			program := filepath.Join(dir, "writer")
			build(t, program, "./testdata/writer", flags...)
			c := &chaos{t: t, home: dir, sensors: []*part{{}}, book: newLedger()}
			for range batches * rows {
				_, s := c.book.number(0, time.Now())
				c.book.end(s)
			}
			c.writeTwice(program, batches, rows)
			f, err := c.compare()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("sent %d, in the table %d, of them twice %d", c.book.size(), len(f.rows), len(f.twice))
			if name == "fenced" {
				c.judge(f)
			} else if len(f.twice) == 0 {
				t.Error("without the fence nothing is there twice: the comparison would not find it, or the fence is not what prevents it")
			}
		})
	}
}

// writeTwice runs two writers at once.
func (c *chaos) writeTwice(program string, batches, rows int) {
	c.t.Helper()
	if out, err := exec.Command(program, c.lakeDir(), "0", "0").CombinedOutput(); err != nil { // makes the tables
		c.t.Fatalf("%v %s", err, out)
	}
	ended := make(chan error, 2)
	for range 2 {
		cmd := exec.Command(program, c.lakeDir(), strconv.Itoa(batches), strconv.Itoa(rows))
		cmd.Stderr = os.Stderr
		go func() { ended <- cmd.Run() }()
	}
	for range 2 {
		if err := <-ended; err != nil {
			c.t.Error(err)
		}
	}
}
