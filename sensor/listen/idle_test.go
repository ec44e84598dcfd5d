package listen

import (
	"bufio"
	"io"
	"testing"
	"time"

	"terroir"
)

// patient says something after a silence, and echoes.
type patient struct {
	silence time.Duration
	idled   int
}

func (p *patient) Greeting() terroir.Reply { return terroir.Reply{} }
func (p *patient) Silence() time.Duration  { return p.silence }
func (p *patient) Idle() terroir.Reply {
	p.idled++
	return terroir.Reply{Bytes: []byte("anybody there?\n")}
}
func (p *patient) Take(b []byte) []terroir.Reply { return []terroir.Reply{{Bytes: b}} }

// TestASilenceIsBrokenOnce lets a client be silent until the persona speaks; what it says then is answered, and it is
// only the client's bytes that count.
func TestASilenceIsBrokenOnce(t *testing.T) {
	p := &patient{silence: 50 * time.Millisecond}
	x := start(t, loopbacks["IPv4"], func(o *Options) {
		o.IdleBefore, o.IdleAfter = time.Minute, time.Minute
		o.Answer = func(terroir.ServedPort, uint64) terroir.Dialogue { return p }
	})
	c := x.dial(6379)
	in := bufio.NewReader(c)
	if line, err := in.ReadString('\n'); err != nil || line != "anybody there?\n" {
		t.Fatalf("%q %v", line, err)
	}
	time.Sleep(3 * p.silence)
	say(c, "yes\n")
	if line, err := in.ReadString('\n'); err != nil || line != "yes\n" {
		t.Fatalf("%q %v", line, err)
	}
	c.Close()
	if r := x.one(); string(r.Payload) != "yes\n" || r.Event.Kind != terroir.KindPayload || p.idled != 1 {
		t.Errorf("%+v %q, said %d times", r.Event, r.Payload, p.idled)
	}
}

// hesitant is a persona whose greeting takes a while.
type hesitant struct{ patient }

func (hesitant) Greeting() terroir.Reply {
	return terroir.Reply{Bytes: []byte("220 ready\n"), Delay: 500 * time.Millisecond}
}

// TestWhatHasArrivedIsReadBeforeASessionEnds shuts down while the sensor is not reading.
func TestWhatHasArrivedIsReadBeforeASessionEnds(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) {
		o.IdleBefore = time.Minute
		o.Answer = func(terroir.ServedPort, uint64) terroir.Dialogue { return &hesitant{} }
	})
	c := x.dial(6379)
	say(c, "HELLO\n")
	x.awaitSessions(1)
	time.Sleep(50 * time.Millisecond)
	x.shutdown()
	_, _ = io.Copy(io.Discard, c)
	if r := x.one(); string(r.Payload) != "HELLO\n" || r.Event.Kind != terroir.KindPayload || r.Event.Close != terroir.CloseShutdown {
		t.Errorf("%+v %q", r.Event, r.Payload)
	}
}

// TestWhatAllSessionsHoldIsBounded sends more than there is room for: the events say that something is missing.
func TestWhatAllSessionsHoldIsBounded(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.MaxHeld, o.KeepBytes = 1000, 1000 })
	held := x.dial(6379)
	say(held, string(make([]byte, 900)))
	time.Sleep(50 * time.Millisecond)
	c := x.dial(6379)
	say(c, string(make([]byte, 300)))
	c.Close()
	if r := x.one(); !r.Event.Truncated || len(r.Payload) != 0 || r.Event.SourceBytes != 300 || r.Event.Kind != terroir.KindPayload {
		t.Errorf("%+v, %d bytes", r.Event, len(r.Payload))
	}
	held.Close()
	x.awaitSessions(0)
	c = x.dial(6379)
	say(c, string(make([]byte, 300)))
	c.Close()
	x.awaitSessions(0)
	for _, r := range x.sink.records[1:] {
		if r.Event != nil && r.Event.Truncated {
			t.Errorf("there was room again: %+v", r.Event)
		}
	}
}

// TestWhoWaitsAtThePortIsServedBeforeItCloses shuts down right after many clients have connected: each of them is
// recorded with what it said.
func TestWhoWaitsAtThePortIsServedBeforeItCloses(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) { o.IdleBefore, o.IdleAfter = time.Minute, time.Minute })
	const clients = 200
	for range clients {
		say(x.dial(6379), "here\n")
	}
	x.shutdown()
	said := 0
	for _, r := range x.sink.records {
		switch {
		case r.Event != nil && string(r.Payload) == "here\n" && r.Event.Close == terroir.CloseShutdown:
			said++
		default:
			t.Errorf("%+v %+v", r.Event, r.Loss)
		}
	}
	if said != clients {
		t.Errorf("%d of %d are recorded", said, clients)
	}
}
