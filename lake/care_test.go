package lake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"terroir"
)

func openLake(t *testing.T, dir string) *Lake {
	t.Helper()
	l, err := Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// filled is a lake with events on three days, payloads, facts, a loss and a heartbeat.
func filled(t *testing.T) *Lake {
	t.Helper()
	l := openLake(t, t.TempDir())
	for day := range uint64(3) {
		b := Batch{Stream: day + 1}
		for n := day*10 + 1; n <= day*10+10; n++ {
			e := someEvent(n)
			e.Time = e.Time.AddDate(0, 0, int(day))
			payload := fmt.Appendf(nil, "payload %d", n)
			e.Payload = terroir.NewPayloadID(payload)
			b.Events = append(b.Events, &e)
			b.Payloads = append(b.Payloads, terroir.Payload{ID: e.Payload, Bytes: payload, FirstTime: e.Time, FirstSensor: "s"})
			b.Facts = append(b.Facts, terroir.PayloadFacts{Payload: e.Payload, Template: e.Payload, AppProto: "http", AnalyzerVersion: 1})
		}
		if _, err := l.Commit(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func damage(t *testing.T, l *Lake) (all []string) {
	t.Helper()
	found, err := l.Verify(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		for _, d := range v.Damage {
			all = append(all, v.Table+": "+d)
		}
		if v.Unrecorded > 0 {
			t.Errorf("%s: %d files without a sum", v.Table, v.Unrecorded)
		}
	}
	return all
}

func rowsIn(t *testing.T, l *Lake, name string) (files int, rows int64) {
	t.Helper()
	f, err := l.Files(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return len(f.Paths), f.Rows
}

func TestVerifyFindsWhateverIsWrongWithAFile(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"is not what was written": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)/3] ^= 1
			return os.WriteFile(path, b, 0o600)
		},
		"bytes, the metadata says": func(path string) error { return os.Truncate(path, 100) },
		"no such file":             os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			l := filled(t)
			if d := damage(t, l); d != nil {
				t.Fatalf("at first: %v", d)
			}
			f, err := l.Files(context.Background(), "events")
			if err != nil {
				t.Fatal(err)
			}
			if err := spoil(f.Paths[1]); err != nil {
				t.Fatal(err)
			}
			if d := damage(t, l); len(d) != 1 || !strings.Contains(d[0], name) || !strings.HasPrefix(d[0], "events: ") {
				t.Errorf("found %v", d)
			}
		})
	}
}

func TestVerifyNamesOrphans(t *testing.T) {
	l := filled(t)
	f, err := l.Files(context.Background(), "events")
	if err != nil {
		t.Fatal(err)
	}
	orphan := filepath.Join(filepath.Dir(f.Paths[0]), "left-behind.parquet")
	if err := os.WriteFile(orphan, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(orphan, old, old); err != nil {
		t.Fatal(err)
	}
	found, err := l.Verify(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	events := found[len(found)-2]
	if events.Table != "events" || len(events.Orphans) != 1 || !strings.HasSuffix(events.Orphans[0], "left-behind.parquet") || events.Damage != nil {
		t.Fatalf("%+v", events)
	}
	done, err := l.Expire(context.Background(), ExpireOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if e := done[len(done)-1]; e.Orphans != 1 {
		t.Errorf("%+v", e)
	}
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Errorf("it is there still: %v", err)
	}
	if d := damage(t, l); d != nil {
		t.Error(d)
	}
}

func TestOldDaysGoAndMarksStay(t *testing.T) {
	l := filled(t)
	// The second day began so long ago; what is older goes.
	keep := time.Since(time.Date(2022, 6, 15, 12, 0, 0, 0, time.UTC))
	done, err := l.Expire(context.Background(), ExpireOptions{Older: time.Nanosecond, Keep: map[string]time.Duration{"events": keep}})
	if err != nil {
		t.Fatal(err)
	}
	if e := done[len(done)-1]; e.Rows != 10 || e.Snapshots < 3 {
		t.Errorf("%+v", e)
	}
	if files, rows := rowsIn(t, l, "events"); files != 2 || rows != 20 {
		t.Errorf("%d files, %d rows", files, rows)
	}
	if d := damage(t, l); d != nil {
		t.Error(d)
	}
	paths, _ := filepath.Glob(filepath.Join(l.Dir(), Namespace, "events", "data", "*", "*.parquet"))
	if len(paths) != 2 {
		t.Errorf("%d files are on the disk", len(paths))
	}
	commitEvents(t, l, 1, 30) // What was removed does not come back.
	if _, rows := rowsIn(t, l, "events"); rows != 20 {
		t.Errorf("%d rows after all was sent again", rows)
	}
	if _, err := l.Expire(context.Background(), ExpireOptions{Keep: map[string]time.Duration{"payloads": time.Hour}}); err == nil {
		t.Error("a table without an age was accepted")
	}
}

func TestABackupIsRestoredElsewhere(t *testing.T) {
	l, dir := filled(t), t.TempDir()
	first, err := l.Backup(context.Background(), dir)
	if err != nil || first.Copied != first.Files {
		t.Fatalf("%+v, %v", first, err)
	}
	commitEvents(t, l, 31, 40)
	second, err := l.Backup(context.Background(), dir)
	if err != nil || second.Copied != 1 || second.Files != first.Files+1 {
		t.Fatalf("%+v, %v", second, err)
	}
	to := openLake(t, t.TempDir())
	r, err := to.Restore(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows != second.Rows {
		t.Errorf("%+v, of %+v", r, second)
	}
	if _, rows := rowsIn(t, to, "events"); rows != 40 {
		t.Errorf("%d events", rows)
	}
	if d := damage(t, to); d != nil {
		t.Error(d)
	}
	want, err := l.Marks(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got, err := to.Marks(context.Background())
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("marks %v, %v, want %v", got, err, want)
	}
	commitEvents(t, to, 31, 50) // Sensors go on.
	if _, rows := rowsIn(t, to, "events"); rows != 50 {
		t.Errorf("%d events after 10 more", rows)
	}
	if _, err := to.Restore(context.Background(), dir); terroir.ErrorCode(err) != terroir.EINVALID {
		t.Errorf("into a lake with rows: %v", err)
	}
}

func TestADamagedBackupRestoresNothing(t *testing.T) {
	l, dir := filled(t), t.TempDir()
	if _, err := l.Backup(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "events", "*.parquet"))
	if err := os.Truncate(files[0], 10); err != nil {
		t.Fatal(err)
	}
	to := openLake(t, t.TempDir())
	if _, err := to.Restore(context.Background(), dir); terroir.ErrorCode(err) != terroir.EINVALID {
		t.Errorf("%v", err)
	}
	for _, name := range Tables() {
		if _, rows := rowsIn(t, to, name); rows != 0 {
			t.Errorf("%s has %d rows", name, rows)
		}
	}
}

// spoil changes a byte in the middle of a file.
func spoil(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 0xff
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// What is damaged since is copied again, not vouched for.
func TestASecondBackupMendsTheFirst(t *testing.T) {
	l, dir := filled(t), t.TempDir()
	if _, err := l.Backup(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "events", "*.parquet"))
	spoil(t, files[0])
	if r, err := l.Backup(context.Background(), dir); err != nil || r.Copied != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := openLake(t, t.TempDir()).Restore(context.Background(), dir); err != nil {
		t.Error(err)
	}
}

func TestADamagedLakeIsNotBackedUp(t *testing.T) {
	l, dir := filled(t), t.TempDir()
	f, err := l.Files(context.Background(), "events")
	if err != nil {
		t.Fatal(err)
	}
	spoil(t, f.Paths[0])
	if _, err := l.Backup(context.Background(), dir); err == nil || !strings.Contains(err.Error(), "is not what was written") {
		t.Errorf("%v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", "*.new")); left != nil {
		t.Errorf("%v was left behind", left)
	}
}

// The list of a backup may come from anywhere.
func TestABackupOfOtherTablesRestoresNothing(t *testing.T) {
	for _, list := range []string{
		`{"tables": [{"name": "x'; CREATE TABLE planted (x); --", "files": []}]}`, `{"tables": [{"name": "../events", "files": []}]}`,
		`{"tables": [{"name": "events"}, {"name": "events"}]}`, `{"tables": [{"name": ""}]}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "backup.json"), []byte(list), 0o644); err != nil {
			t.Fatal(err)
		}
		l := openLake(t, t.TempDir())
		if _, err := l.Restore(context.Background(), dir); terroir.ErrorCode(err) != terroir.EINVALID {
			t.Errorf("%s: %v", list, err)
		}
		var n int
		if err := l.db.QueryRow("SELECT count(*) FROM sqlite_master WHERE name = 'planted'").Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d tables were planted, %v", list, n, err)
		}
	}
}

func TestFactsAreRebuiltWithoutTouchingEvents(t *testing.T) {
	l := filled(t)
	before, err := l.Files(context.Background(), "events")
	if err != nil {
		t.Fatal(err)
	}
	n, err := l.Rebuild(context.Background(), func(id terroir.PayloadID, b []byte) terroir.Analysis {
		if terroir.NewPayloadID(b) != id {
			t.Errorf("%q is given as %s", b, id)
		}
		return terroir.Analysis{Facts: terroir.PayloadFacts{Payload: id, Template: id, AppProto: "redis", AnalyzerVersion: 2}, Template: terroir.Template{ID: id, Text: b}}
	}, nil)
	if err != nil || n != 30 {
		t.Fatalf("%d, %v", n, err)
	}
	if _, rows := rowsIn(t, l, "payload_facts"); rows != 30 {
		t.Errorf("%d facts", rows)
	}
	after, err := l.Files(context.Background(), "events")
	if err != nil || after.Snapshot != before.Snapshot {
		t.Errorf("events went from snapshot %d to %d, %v", before.Snapshot, after.Snapshot, err)
	}
	// What is known is known still, what is new is added.
	b := Batch{Facts: []terroir.PayloadFacts{{Payload: terroir.NewPayloadID([]byte("payload 1")), AnalyzerVersion: 2},
		{Payload: terroir.NewPayloadID([]byte("payload 31")), AnalyzerVersion: 2}}}
	if _, err := l.Commit(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if _, rows := rowsIn(t, l, "payload_facts"); rows != 31 {
		t.Errorf("%d facts afterwards", rows)
	}
}
