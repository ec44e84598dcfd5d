package sensor

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"terroir"
	"terroir/wire"
)

// TestWhatAFullSpoolRefusesIsCountedForTheHub fills a spool, ends, and adds up what is on disk: every attempt is there,
// or in a loss. What was to be announced is there, too.
func TestWhatAFullSpoolRefusesIsCountedForTheHub(t *testing.T) {
	rec, err := newRecorder(t.TempDir(), "full", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	s := rec.spool
	defer s.Close()
	const sent = 40
	for range sent {
		e := &terroir.Event{Time: time.Now(), Kind: terroir.KindPayload, Transport: terroir.TCP, Attempts: 1,
			Source: netip.MustParseAddrPort("192.0.2.1:1"), Destination: netip.MustParseAddrPort("192.0.2.2:2")}
		if err := rec.Put(context.Background(), terroir.Record{Event: e, Payload: make([]byte, 60<<10)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := rec.Put(context.Background(), terroir.Record{Announcement: &terroir.Announcement{Region: "r"}}); err != nil {
		t.Fatal(err)
	}
	rec.ending.Store(true)
	if err := rec.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	var events, lost, announced int64
	r := s.Reader(1)
	defer r.Close()
	for left := s.Pending(); left > 0; {
		entries, err := r.Next(context.Background(), 100, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		left -= uint64(len(entries))
		for _, e := range entries {
			var record terroir.Record
			if err := wire.DecodeRecord(e.Data, &record); err != nil {
				t.Fatal(err)
			}
			switch {
			case record.Event != nil:
				events++
			case record.Loss != nil:
				lost += record.Loss.Attempts
			case record.Announcement != nil:
				announced++
			}
		}
	}
	if events+lost != sent || events == 0 || lost == 0 || announced != 1 {
		t.Errorf("%d events, %d lost, %d announcements; %d were sent", events, lost, announced, sent)
	}
}
