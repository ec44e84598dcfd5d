package query

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"terroir"
	"terroir/lake"
)

func openTrino(t *testing.T, l *lake.Lake, opt TrinoOptions) *Trino {
	t.Helper()
	e, err := OpenTrino(l, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// TestTrinoIsAskedForTheSnapshots looks at what is sent; e2e asks a Trino.
func TestTrinoIsAskedForTheSnapshots(t *testing.T) {
	l, _ := open(t)
	commit(t, l, 1, 3)
	id, err := l.Snapshot(context.Background(), "events")
	if err != nil {
		t.Fatal(err)
	}
	e := openTrino(t, l, TrinoOptions{URL: "http://127.0.0.1:1", Catalog: "a-lake"})
	events := fmt.Sprintf(`events AS (SELECT * FROM "a-lake".terroir.events FOR VERSION AS OF %d)`, id)
	losses := `losses AS (SELECT * FROM "a-lake".terroir.losses WHERE false)`
	for statement, want := range map[string]string{
		"SELECT 1":             "SELECT 1",
		"SELECT * FROM events": "WITH " + events + " SELECT * FROM events",
		"SELECT * FROM Losses": "WITH " + losses + " SELECT * FROM Losses",
		"-- a\n WITH\n x AS (SELECT 1 FROM events) SELECT * FROM x, losses": "WITH " + events + ", " + losses + ", x AS (SELECT 1 FROM events) SELECT * FROM x, losses",
		"with recursive x(n) AS (SELECT 1 FROM events) SELECT * FROM x":     "WITH RECURSIVE " + events + ",  x(n) AS (SELECT 1 FROM events) SELECT * FROM x",
		"WITH events AS (SELECT 1) SELECT * FROM events":                    "WITH events AS (SELECT 1) SELECT * FROM events",
		"SELECT * FROM events WHERE tool = 'events as (' -- events as (":    "WITH " + events + " SELECT * FROM events WHERE tool = 'events as (' -- events as (",
		`WITH "events" AS (SELECT 1) SELECT * FROM events`:                  `WITH "events" AS (SELECT 1) SELECT * FROM events`,
		"(SELECT 1 FROM events)":                                            "WITH " + events + " (SELECT 1 FROM events)",
	} {
		got, snapshot, err := e.pin(context.Background(), statement)
		if err != nil || got != want || snapshot != id {
			t.Errorf("%s is sent as\n%s, want\n%s (%d, %v)", statement, got, want, snapshot, err)
		}
	}
}

func TestATrinoThatCannotBeAsked(t *testing.T) {
	l, _ := open(t)
	for _, opt := range []TrinoOptions{{URL: "http://127.0.0.1:1"}, {URL: "https://u@127.0.0.1:1", Password: "p4ssw0rd"}} {
		e := openTrino(t, l, opt)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		_, err := e.Query(ctx, "SELECT count(*) FROM events")
		cancel()
		if terroir.ErrorCode(err) != terroir.EUNREACHABLE || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "p4ssw0rd") {
			t.Errorf("%v", err)
		}
	}
	for _, opt := range []TrinoOptions{{URL: "nonsense"}, {URL: "http://u@127.0.0.1:1", Password: "p4ssw0rd"}} {
		if _, err := OpenTrino(l, opt); terroir.ErrorCode(err) != terroir.ECONFIG || strings.Contains(err.Error(), "p4ssw0rd") {
			t.Errorf("%v", err)
		}
	}
}
