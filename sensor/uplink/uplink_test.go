package uplink

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"terroir"
	"terroir/bus"
	"terroir/bus/server"
	"terroir/sensor/spool"
	"terroir/wire"
)

// station is a bus with a stream, and somebody who sees all that is sent, also what the stream refuses.
type station struct {
	t      *testing.T
	srv    *server.Server
	js     jetstream.JetStream
	stream jetstream.Stream

	mu    sync.Mutex
	tries []time.Time
	ids   []string
}

func newStation(t *testing.T, waiting int64) *station {
	t.Helper()
	s := &station{t: t}
	var err error
	if s.srv, err = server.Start("127.0.0.1:0", t.TempDir(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.srv.Shutdown)
	nc, err := nats.Connect(s.srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if s.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	c := bus.Bounded(jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{bus.EventsSubject("*")}})
	c.MaxMsgsPerSubject = waiting
	if s.stream, err = s.js.CreateStream(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	// Nothing is sent before the hub's word about marks, which here is that there are none.
	if _, err := s.js.CreateKeyValue(context.Background(), jetstream.KeyValueConfig{Bucket: "terroir_marks"}); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Subscribe(bus.EventsSubject("*"), func(m *nats.Msg) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tries, s.ids = append(s.tries, time.Now()), append(s.ids, m.Header.Get(nats.MsgIdHdr))
	}); err != nil {
		t.Fatal(err)
	}
	_ = nc.Flush()
	return s
}

func (s *station) seen() ([]time.Time, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time{}, s.tries...), append([]string{}, s.ids...)
}

// sequences are those of the records that the stream holds.
func (s *station) sequences() (list []uint64) {
	s.t.Helper()
	info, err := s.stream.Info(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	for n := info.State.FirstSeq; n <= info.State.LastSeq; n++ {
		m, err := s.stream.GetMsg(context.Background(), n)
		if err != nil {
			continue // It was removed.
		}
		b, err := wire.DecodeBatch(m.Data)
		if err != nil {
			s.t.Fatal(err)
		}
		for i := range b.Records {
			list = append(list, b.Records[i].Position().Sequence)
		}
	}
	return list
}

func put(t *testing.T, s *spool.Spool, n int) {
	t.Helper()
	for i := range n {
		_, err := s.Append(context.Background(), func(b []byte, seq uint64) []byte {
			l := &terroir.Loss{Time: time.Now(), Stage: "tap", Reason: fmt.Sprint(i), Attempts: 1}
			l.Sequence = seq
			return wire.AppendRecord(b, &terroir.Record{Loss: l})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// start runs an uplink until the returned function is called.
func (s *station) start(sp *spool.Spool) (stop func()) {
	s.t.Helper()
	return s.startThat(Options{Spool: sp})
}

// startThat is start with options.
func (s *station) startThat(opt Options) (stop func()) {
	s.t.Helper()
	b, err := bus.Connect(s.srv.URL(), "sensor")
	if err != nil {
		s.t.Fatal(err)
	}
	opt.Sensor, opt.Bus = "paris-1", b
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, opt) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
		b.Close()
	}
}

// TestWhatIsRefusedIsKeptAndTriedLessAndLessOften: the stream has room for one message.
func TestWhatIsRefusedIsKeptAndTriedLessAndLessOften(t *testing.T) {
	s := newStation(t, 1)
	sp, err := spool.Open(filepath.Join(t.TempDir(), "spool"), spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	stop := s.start(sp)
	defer stop()
	put(t, sp, 1)
	s.await(1)
	put(t, sp, 9)
	time.Sleep(4 * time.Second)
	if got := s.sequences(); len(got) != 1 || sp.Pending() != 10 {
		t.Fatalf("%v on the bus, %d in the spool", got, sp.Pending())
	}
	tries, _ := s.seen()
	if n := len(tries); n < 4 || n > 8 {
		t.Fatalf("%d tries in four seconds", n)
	}
	for i := 3; i < len(tries); i++ {
		if before, gap := tries[i-1].Sub(tries[i-2]), tries[i].Sub(tries[i-1]); gap < before {
			t.Errorf("try %d came after %s, the one before after %s", i, gap, before)
		}
	}
	room := bus.Bounded(s.stream.CachedInfo().Config)
	if s.stream, err = s.js.UpdateStream(context.Background(), room); err != nil {
		t.Fatal(err)
	}
	s.await(10)
	for i, n := range s.sequences() {
		if n != uint64(i+1) {
			t.Errorf("record %d is %d", i+1, n)
		}
	}
}

func (s *station) await(n int) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); len(s.sequences()) < n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%v of %d records are on the bus", s.sequences(), n)
		}
	}
}

// TestNobodyCanTellTheNameOfABatch: who could would have the bus take the sensor's batch for one that it has.
func TestNobodyCanTellTheNameOfABatch(t *testing.T) {
	s := newStation(t, bus.MaxWaiting)
	dir := filepath.Join(t.TempDir(), "spool")
	for run := range 2 {
		sp, err := spool.Open(dir, spool.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if run == 0 {
			put(t, sp, 1)
		}
		stop := s.start(sp)
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, ids := s.seen(); len(ids) > run {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("nothing was sent")
			}
		}
		stop()
		sp.Close()
	}
	if _, ids := s.seen(); ids[0] == ids[1] {
		t.Errorf("the same batch has the name %q each time", ids[0])
	}
}

func TestTheHonestKeepTheirPace(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPace(now)
	end := now.Add(time.Minute)
	messages := 0
	for now.Before(end) {
		now = now.Add(p.take(now, 100))
		messages++
	}
	if most := bus.PaceMessagesAtOnce + 60*bus.PaceMessages + 1; messages > most || messages < most*9/10 {
		t.Errorf("%d messages in a minute, want about %d", messages, most)
	}
	p, bytes := newPace(now), 0
	for end := now.Add(time.Minute); now.Before(end); bytes += 2 << 20 {
		now = now.Add(p.take(now, 2<<20))
	}
	if most := bus.PaceBytesAtOnce + 60*bus.PaceBytes + 4<<20; bytes > most || bytes < most*9/10 {
		t.Errorf("%d bytes in a minute, want about %d", bytes, most)
	}
}

// TestWhatTheBusLostIsSentAgainThoughTheSensorGoesOn: heartbeats follow each other more often than what is not confirmed is sent
// again, and the hub, which waits for what was lost, confirms none of them.
func TestWhatTheBusLostIsSentAgainThoughTheSensorGoesOn(t *testing.T) {
	s := newStation(t, bus.MaxWaiting)
	sp, err := spool.Open(filepath.Join(t.TempDir(), "spool"), spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	stop := s.startThat(Options{Spool: sp, ResendAfter: 2 * time.Second})
	defer stop()
	put(t, sp, 1)
	s.await(1)
	if err := s.stream.Purge(context.Background()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); !slices.Contains(s.sequences(), 1); time.Sleep(100 * time.Millisecond) {
		put(t, sp, 1)
		if time.Now().After(deadline) {
			t.Fatalf("on the bus are %v", s.sequences())
		}
	}
}
