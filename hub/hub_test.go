package hub

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/bus/server"
	"terroir/lake"
	"terroir/query"
	"terroir/wire"
)

type noEnricher struct{}

func (noEnricher) Enrich(*terroir.Event) error { return nil }

func factsOf(b []byte, _ terroir.Transport, _ []netip.Addr) terroir.Analysis {
	id := terroir.NewPayloadID(b)
	return terroir.Analysis{Facts: terroir.PayloadFacts{Payload: id, Template: id, AnalyzerVersion: 1}, Template: terroir.Template{ID: id, Text: b}}
}

// station is a bus, a lake, and hubs that come and go.
type station struct {
	t    *testing.T
	bus  *bus.Bus
	srv  *server.Server
	lake *lake.Lake
	// kept is what the bus has on disk.
	kept string
}

func newStation(t *testing.T) *station {
	t.Helper()
	s := &station{t: t, kept: t.TempDir()}
	var err error
	if s.srv, err = server.Start("127.0.0.1:0", s.kept, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.srv.Shutdown)
	if s.bus, err = s.srv.Connect("test"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.bus.Close)
	if s.lake, err = lake.Open(context.Background(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.lake.Close() })
	if err := s.bus.Setup(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	return s
}

// hub runs a hub until the returned function is called.
func (s *station) hub() (*Hub, func()) {
	h := New(s.lake, s.bus, Options{Interval: 20 * time.Millisecond, Enricher: noEnricher{}, Analyzer: factsOf})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	return h, func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	}
}

func event(seq uint64) terroir.Record {
	e := &terroir.Event{Time: time.Now().UTC(), Region: "eu-west-3", Kind: terroir.KindPayload, Transport: terroir.TCP, Attempts: 1,
		Source: netip.MustParseAddrPort("100.64.0.1:1"), Destination: netip.MustParseAddrPort("100.64.0.2:6379")}
	e.Sequence = seq
	return terroir.Record{Event: e, Payload: fmt.Appendf(nil, "payload %d", seq)}
}

// send publishes records first..last of the sensor's epoch under an id of its own.
func (s *station) send(id string, epoch, oldest, first, last uint64) {
	s.t.Helper()
	b := wire.Batch{Sensor: "paris-1", Epoch: epoch}
	for n := first; n <= last; n++ {
		b.Records = append(b.Records, event(n))
	}
	if err := s.bus.Publish(context.Background(), b.Sensor, id, oldest, wire.AppendBatch(nil, &b)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *station) waitMark(epoch, want uint64) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		m, err := s.lake.Marks(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		if m.Last[lake.Spool{Sensor: "paris-1", Epoch: epoch}] >= want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// count returns rows, distinct event ids and distinct payload rows.
func (s *station) count() (rows, ids, payloads int64) {
	s.t.Helper()
	e, err := query.Open(s.lake, query.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer e.Close()
	r, err := e.Query(context.Background(), "SELECT count(*), count(DISTINCT event_id), (SELECT count(*) FROM payloads) FROM events")
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Rows[0][0].(int64), r.Rows[0][1].(int64), r.Rows[0][2].(int64)
}

func (s *station) want(n int64) {
	s.t.Helper()
	if rows, ids, payloads := s.count(); rows != n || ids != n || payloads != n {
		s.t.Errorf("%d rows, %d event ids, %d payloads, want %d of each", rows, ids, payloads, n)
	}
}

func TestEachRecordOnceWhateverIsSentAgain(t *testing.T) {
	s := newStation(t)
	_, stop := s.hub()
	s.send("a", 7, 1, 1, 5)
	s.send("b", 7, 1, 3, 8) // overlaps
	s.send("c", 7, 1, 1, 8) // all again
	s.waitMark(7, 8)
	stop()
	s.want(8)

	// Another hub on the same lake, and a replay of everything.
	h, stop := s.hub()
	s.send("d", 7, 1, 1, 10)
	s.waitMark(7, 10)
	// The 8 of "d"; and those of the earlier messages that the first hub committed, and did not free on the bus before it ended: "c" alone, with
	// "b", or all.
	if got := h.Status().Duplicates; !slices.Contains([]int64{8, 8 + 8, 8 + 8 + 6, 8 + 8 + 6 + 5}, got) {
		t.Errorf("%d duplicates were counted, want 8, 16, 22 or 27", got)
	}
	stop()
	s.want(10)
}

func TestRecordsWaitForThoseBeforeThem(t *testing.T) {
	s := newStation(t)
	h, stop := s.hub()
	defer stop()
	s.send("late", 7, 1, 4, 6) // 1 to 3 are still with the sensor
	s.send("first", 7, 1, 1, 3)
	s.waitMark(7, 3)
	if got := h.Status().Rejected; got != 3 {
		t.Errorf("%d records were rejected, want the 3 early ones", got)
	}
	s.want(3)
	s.send("late again", 7, 1, 4, 6)
	s.waitMark(7, 6)
	s.want(6)
}

func TestWhatASensorLostIsCounted(t *testing.T) {
	s := newStation(t)
	_, stop := s.hub()
	s.send("a", 7, 1, 1, 2)
	s.send("b", 7, 5, 5, 6) // the sensor has nothing before 5
	s.waitMark(7, 6)
	stop()
	s.want(4)
	e, err := query.Open(s.lake, query.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r, err := e.Query(context.Background(), "SELECT sensor, stage, reason, attempts FROM losses")
	if err != nil || len(r.Rows) != 1 || fmt.Sprint(r.Rows[0]) != "[paris-1 spool missing 2]" {
		t.Errorf("losses: %v %v", r, err)
	}
}

func TestANewEpochIsANewNumbering(t *testing.T) {
	s := newStation(t)
	_, stop := s.hub()
	s.send("a", 7, 1, 1, 3)
	s.send("b", 8, 1, 1, 2)
	s.waitMark(7, 3)
	s.waitMark(8, 2)
	stop()
	if rows, ids, _ := s.count(); rows != 5 || ids != 5 {
		t.Errorf("%d rows, %d ids", rows, ids)
	}
}

func TestASensorCannotSpeakForAnother(t *testing.T) {
	s := newStation(t)
	h, stop := s.hub()
	defer stop()
	b := wire.Batch{Sensor: "tokyo-1", Epoch: 7, Records: []terroir.Record{event(1)}}
	if err := s.bus.Publish(context.Background(), "paris-1", "x", 1, wire.AppendBatch(nil, &b)); err != nil {
		t.Fatal(err)
	}
	if err := s.bus.Publish(context.Background(), "paris-1", "y", 1, []byte("not a batch")); err != nil {
		t.Fatal(err)
	}
	s.send("good", 7, 1, 1, 1)
	s.waitMark(7, 1)
	if got := h.Status().Rejected; got != 2 {
		t.Errorf("%d rejected, want 2", got)
	}
	s.want(1)
}

func TestTheSensorLearnsWhatIsCommitted(t *testing.T) {
	s := newStation(t)
	_, stop := s.hub()
	defer stop()
	s.send("a", 7, 1, 1, 3)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	got := make(chan bus.Mark, 10)
	go func() { _ = s.bus.WatchMarks(ctx, "paris-1", func(m bus.Mark) { got <- m }) }()
	for {
		select {
		case m := <-got:
			if m == (bus.Mark{Epoch: 7, Sequence: 3}) {
				return
			}
		case <-ctx.Done():
			t.Fatal("no mark came")
		}
	}
}

func TestASecondHubIsKeptOut(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); terroir.ErrorCode(err) != terroir.EUNREACHABLE {
		t.Errorf("second lock: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
