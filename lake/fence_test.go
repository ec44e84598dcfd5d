//go:build !nofence

package lake

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/apache/iceberg-go"

	"terroir"
)

// TestACommitWithoutRowsDoesNotTakeAMarkBack: of two writers that loaded the table at the same time, the second one
// brings no events, and its marks are older.
func TestACommitWithoutRowsDoesNotTakeAMarkBack(t *testing.T) {
	ctx := context.Background()
	l, err := Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	loaded, err := l.cat.LoadTable(ctx, identifier("events"))
	if err != nil {
		t.Fatal(err)
	}
	h := terroir.Heartbeat{Time: time.Now(), Region: "eu-west-3"}
	h.Sensor, h.Epoch, h.Sequence = "paris-1", 1, 60
	if _, err := l.Commit(ctx, &Batch{Stream: 6, Heartbeats: []terroir.Heartbeat{h}}); err != nil {
		t.Fatal(err)
	}
	if _, err := commitRows(ctx, guarded(loaded, l.cat), l.events, nil, iceberg.Properties{markPrefix + "paris-1.1": "55"}); !errors.Is(err, errMarksMoved) {
		t.Errorf("the older mark was committed: %v", err)
	}
	m, err := l.Marks(ctx)
	if got := m.Last[Spool{"paris-1", 1}]; err != nil || got != 60 {
		t.Errorf("the mark is %d, want 60 (%v)", got, err)
	}
}
