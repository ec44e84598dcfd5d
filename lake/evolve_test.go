package lake

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"terroir"
)

func someEvent(n uint64) terroir.Event {
	e := terroir.Event{Time: time.Date(2022, 6, 14, 10, 0, int(n%60), 0, time.UTC), Region: "r", Kind: terroir.KindUnserved,
		Transport: terroir.TCP, Source: netip.MustParseAddrPort("198.51.100.7:1"), Attempts: 1, Tool: "zmap"}
	e.Sensor, e.Epoch, e.Sequence = "s", 1, n
	return e
}

func commitEvents(t *testing.T, l *Lake, first, last uint64) {
	t.Helper()
	var b Batch
	for n := first; n <= last; n++ {
		e := someEvent(n)
		b.Events = append(b.Events, &e)
	}
	if _, err := l.Commit(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
}

// openWith opens the lake in dir with a table of events that has these columns, as an older or newer terroir would.
func openWith(t *testing.T, dir string, change func([]column[event]) []column[event]) *Lake {
	t.Helper()
	events := eventsTable()
	events.columns = change(events.columns)
	l, err := openAs(context.Background(), Options{Dir: dir}, events)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func without(name string) func([]column[event]) []column[event] {
	return func(all []column[event]) []column[event] {
		return slices.DeleteFunc(all, func(c column[event]) bool { return c.name == name })
	}
}

func asItIs(all []column[event]) []column[event] { return all }

// TestColumnsComeAndStay has an older terroir make the table, a newer one add to it, and the older one write again.
func TestColumnsComeAndStay(t *testing.T) {
	dir := t.TempDir()
	step := func(change func([]column[event]) []column[event], first, last uint64, wantFiles int) {
		t.Helper()
		l := openWith(t, dir, change)
		defer l.Close()
		commitEvents(t, l, first, last)
		f, err := l.Files(context.Background(), "events")
		if err != nil || len(f.Paths) != wantFiles || f.Rows != int64(last) {
			t.Fatalf("%d files with %d rows, %v; want %d with %d", len(f.Paths), f.Rows, err, wantFiles, last)
		}
	}
	step(without("tool"), 1, 10, 1)
	step(asItIs, 11, 20, 2)
	step(without("tool"), 21, 30, 3)

	l := openWith(t, dir, asItIs)
	defer l.Close()
	tbl, err := l.cat.LoadTable(context.Background(), identifier("events"))
	if err != nil {
		t.Fatal(err)
	}
	_, records, err := tbl.Scan().ToArrowRecords(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	tools, rows := 0, 0
	for r, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		i := r.Schema().FieldIndices("tool")[0]
		rows += int(r.NumRows())
		tools += int(r.NumRows()) - r.Column(i).NullN()
		r.Release()
	}
	if rows != 30 || tools != 10 {
		t.Errorf("%d rows, %d with a tool; want 30 and 10", rows, tools)
	}
}
