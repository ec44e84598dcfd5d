package uplink_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"terroir"
	"terroir/bus"
	"terroir/bus/server"
	"terroir/sensor/spool"
	"terroir/sensor/uplink"
	"terroir/wire"
)

// beat appends a heartbeat with the revision, by which it is known again.
func beat(t *testing.T, s *spool.Spool, revision int32) {
	t.Helper()
	_, err := s.Append(context.Background(), func(b []byte, seq uint64) []byte {
		h := &terroir.Heartbeat{Time: time.Now(), Region: "eu-west-3", Revision: revision}
		h.Sensor, h.Sequence = "paris-1", seq
		return wire.AppendRecord(b, &terroir.Record{Heartbeat: h})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsRecordedBeforeTheMarkIsHeardIsNotLost starts a sensor on a folder that was put back: the hub has other
// records under its first numbers, fewer or more than were recorded before the sensor heard of it.
func TestWhatIsRecordedBeforeTheMarkIsHeardIsNotLost(t *testing.T) {
	for _, mark := range []uint64{2, 3, 50} {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		b := newBus(t)
		s, err := spool.Open(t.TempDir(), spool.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for n := range int32(4) {
			beat(t, s, n+1)
		}
		if err := b.PublishMark(ctx, "paris-1", bus.Mark{Epoch: s.Epoch(), Sequence: mark}); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		sending, stop := context.WithCancel(ctx)
		go func() {
			ended <- uplink.Run(sending, uplink.Options{Sensor: "paris-1", Spool: s, Bus: b, Lost: func(why string, n int64) { t.Errorf("lost %d: %s", n, why) }})
		}()
		got := map[int32]int{}
		err = b.Consume(ctx, bus.PartitionOf("paris-1"), func(m bus.Message) error {
			batch, err := wire.DecodeBatch(m.Data)
			if err != nil {
				return err
			}
			for _, r := range batch.Records {
				if r.Position().Sequence > mark { // The hub drops the others.
					got[r.Heartbeat.Revision]++
				}
			}
			if len(got) == 4 {
				return context.Canceled
			}
			return nil
		})
		if err != context.Canceled {
			t.Errorf("mark %d: %v; records %v came", mark, err, got)
		}
		for revision, times := range got {
			if times != 1 || !slices.Contains([]int32{1, 2, 3, 4}, revision) {
				t.Errorf("mark %d: record %d came %d times under numbers that are its own", mark, revision, times)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func newBus(t *testing.T) *bus.Bus {
	t.Helper()
	srv, err := server.Start("127.0.0.1:0", t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	b, err := srv.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := b.Setup(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	return b
}
