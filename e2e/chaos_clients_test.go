package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// session is one numbered payload. ended is when the client saw the sensor end the session; zero if it never did.
type session struct {
	sensor       int
	begun, ended time.Time
}

// ledger is what clients sent, by payload.
type ledger struct {
	mu       sync.Mutex
	sessions map[string]*session
	padding  string // behind each payload
}

func newLedger() *ledger { return &ledger{sessions: map[string]*session{}} }

// number gives the session the next payload, once the sensor's kernel has accepted it.
func (l *ledger) number(sensor int, begun time.Time) (string, *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := fmt.Sprintf("payload %d of sensor %d\n", len(l.sessions)+1, sensor) + l.padding
	s := &session{sensor: sensor, begun: begun}
	l.sessions[text] = s
	return text, s
}

func (l *ledger) end(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.ended = time.Now()
}

func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sessions)
}

// patience is how long a client waits for anything.
const patience = 5 * time.Second

// say sends one numbered payload to the sensor, if that can be reached.
func (l *ledger) say(sensor int, at string) error {
	begun := time.Now()
	c, err := net.DialTimeout("tcp", at, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	text, s := l.number(sensor, begun)
	_ = c.SetDeadline(begun.Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		return err
	}
	l.end(s)
	return nil
}

// talk says one payload after the other, about one every pause, until ctx ends.
func (l *ledger) talk(ctx context.Context, sensor int, at string, pause time.Duration) {
	for ctx.Err() == nil {
		_ = l.say(sensor, at) // A sensor that is away hears nothing: the session counts as far as it came.
		time.Sleep(pause)
	}
}

// settle is how long before a sensor's SIGKILL a session must have ended to be on its disk for certain: the sensor
// writes records 10 ms after the session, and this machine is busy.
const settle = 250 * time.Millisecond

// certain reports whether the session was recorded: it ended, and no kill of its sensor came near.
func (s *session) certain(kills []span) bool {
	if s.ended.IsZero() {
		return false
	}
	for _, k := range kills {
		if s.begun.Before(k.to) && s.ended.Add(settle).After(k.from) {
			return false
		}
	}
	return true
}
