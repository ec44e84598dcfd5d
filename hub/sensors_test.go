package hub

import (
	"testing"
	"time"

	"terroir"
)

// TestWhatTheHubKnowsOfASensor follows one over what it says of itself.
func TestWhatTheHubKnowsOfASensor(t *testing.T) {
	s := &Sensor{Name: "paris-1"}
	for _, r := range []terroir.Record{
		{Announcement: &terroir.Announcement{Region: "eu-west-3", Version: "1", Configuration: terroir.Containers()}},
		{Heartbeat: &terroir.Heartbeat{Region: "eu-west-3", Interval: time.Minute, Revision: 1}},
		{Heartbeat: &terroir.Heartbeat{Region: "eu-west-3", Interval: time.Second, Revision: 1, Refusal: terroir.Refusal{Serial: 4, Reason: "taken"}}},
		{Event: &terroir.Event{Region: "eu-west-3", Revision: 1, Kind: terroir.KindPayload, Attempts: 1}},
		{Event: &terroir.Event{Region: "eu-west-3", Revision: 1, Kind: terroir.KindError, Attempts: 2}},
		{Loss: &terroir.Loss{Stage: "listen", Reason: "descriptors", Attempts: 5}},
		{Loss: &terroir.Loss{Stage: "listen", Reason: "shutdown", Attempts: 7}},
		{Loss: &terroir.Loss{Stage: "tap", Reason: "ring", Attempts: 7}},
	} {
		s.saw(&r, time.Now())
	}
	if s.Every != time.Minute || s.Beat.IsZero() || s.Announced.IsZero() || len(s.Serves.Ports) == 0 || s.Serial != 0 || s.Refusal.Serial != 4 {
		t.Errorf("%+v", s)
	}
	if s.Events != 3 || s.Errors != 2 || s.Limits != 5 {
		t.Errorf("%d events, %d errors, %d refused", s.Events, s.Errors, s.Limits)
	}
	s.saw(&terroir.Record{Announcement: &terroir.Announcement{Region: "eu-west-3", Serial: 5, Configuration: terroir.Configuration{Revision: 2}}}, time.Now())
	s.saw(&terroir.Record{Heartbeat: &terroir.Heartbeat{Region: "eu-west-3", Interval: time.Second, Revision: 2, Serial: 5}}, time.Now())
	if s.Serial != 5 || s.Revision != 2 || s.Refusal != (terroir.Refusal{}) || len(s.Serves.Ports) != 0 {
		t.Errorf("with a document: %+v", s)
	}
}
