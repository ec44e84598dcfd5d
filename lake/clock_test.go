package lake

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"terroir"
)

// TestAHistoryFromALaterClockDoesNotStopCommits: a hub whose clock was hours ahead wrote the tables.
func TestAHistoryFromALaterClockDoesNotStopCommits(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	l, err := Open(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	beat := func(seq uint64) *Batch {
		h := terroir.Heartbeat{Time: time.Now(), Region: "eu-west-3"}
		h.Sensor, h.Epoch, h.Sequence = "paris-1", 1, seq
		return &Batch{Stream: seq, Heartbeats: []terroir.Heartbeat{h}}
	}
	if _, err := l.Commit(ctx, beat(1)); err != nil {
		t.Fatal(err)
	}
	moveHistory(t, dir, 9*time.Hour)
	for seq := uint64(2); seq < 5; seq++ {
		m, err := l.Commit(ctx, beat(seq))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Last[Spool{"paris-1", 1}]; got != seq {
			t.Errorf("the mark is %d, want %d", got, seq)
		}
	}
	f, err := l.Files(ctx, "heartbeats")
	if err != nil || f.Rows != 4 {
		t.Errorf("%d rows, want 4 (%v)", f.Rows, err)
	}
}

// moveHistory rewrites the metadata of all tables as a clock that is ahead would have written it.
func moveHistory(t *testing.T, dir string, by time.Duration) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "metadata", "*.metadata.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no metadata: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		moved := historyTime.ReplaceAllStringFunc(string(text), func(field string) string {
			at := strings.LastIndexAny(field, ": ") + 1
			ms, err := strconv.ParseInt(field[at:], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return field[:at] + strconv.FormatInt(ms+by.Milliseconds(), 10)
		})
		if moved == string(text) {
			t.Fatalf("%s has no times", file)
		}
		if err := os.WriteFile(file, []byte(moved), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
