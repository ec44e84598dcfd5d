package query

import (
	"context"
	"sync"
	"testing"
	"time"

	"terroir/views"
)

// counting counts what it is asked.
type counting struct {
	Engine
	mu    sync.Mutex
	asked int
	slow  time.Duration
}

// Query implements Engine.
func (c *counting) Query(ctx context.Context, statement string) (*views.Result, error) {
	c.mu.Lock()
	c.asked++
	c.mu.Unlock()
	time.Sleep(c.slow)
	return c.Engine.Query(ctx, statement)
}

func TestWhatWasAskedIsNotRunAgainUntilACommit(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 10)
	c := &counting{Engine: d}
	m := Remember(c, l)
	count := func(want int64, asked int) {
		t.Helper()
		r, err := m.Query(context.Background(), "SELECT count(*) AS n FROM events")
		if err != nil || r.Rows[0][0] != want || c.asked != asked {
			t.Fatalf("%v, %v after %d questions; want %d after %d", r, err, c.asked, want, asked)
		}
		r.Rows[0][0], r.Columns[0].Name = "spoiled", "spoiled" // It is the caller's.
	}
	count(10, 1)
	count(10, 1)
	commit(t, l, 11, 20)
	count(20, 2)
	count(20, 2)
	if _, err := m.Query(context.Background(), "SELECT nothing"); err == nil {
		t.Error("an error was remembered as an answer")
	}
}

func TestThoseWhoAskTogetherAreAnsweredTogether(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 10)
	c := &counting{Engine: d, slow: 300 * time.Millisecond}
	m := Remember(c, l)
	var wg sync.WaitGroup
	gone, leave := context.WithCancel(context.Background())
	wg.Go(func() { _, _ = m.Query(gone, "SELECT count(*) FROM events") })
	time.Sleep(50 * time.Millisecond)
	for range 5 {
		wg.Go(func() {
			if r, err := m.Query(context.Background(), "SELECT count(*) FROM events"); err != nil || r.Rows[0][0] != int64(10) {
				t.Errorf("%v, %v", r, err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	leave() // The first one goes; the others wait on.
	wg.Wait()
	if c.asked != 1 {
		t.Errorf("it was run %d times", c.asked)
	}
}

func TestALargeResultIsNotRemembered(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 1)
	c := &counting{Engine: d}
	m := Remember(c, l)
	for range 2 {
		if _, err := m.Query(context.Background(), "SELECT * FROM range(70000)"); err != nil {
			t.Fatal(err)
		}
	}
	if c.asked != 2 || len(m.results) != 0 {
		t.Errorf("%d questions, %d results kept", c.asked, len(m.results))
	}
}

func TestWhatTheClockChangesIsNotRemembered(t *testing.T) {
	l, d := open(t)
	commit(t, l, 1, 1)
	c := &counting{Engine: d}
	m := Remember(c, l)
	for range 2 {
		if _, err := m.Query(context.Background(), "SELECT count(*) FROM events WHERE ts < NOW()"); err != nil {
			t.Fatal(err)
		}
	}
	if c.asked != 2 {
		t.Errorf("it was run %d times", c.asked)
	}
}
