package listen

import (
	"os"
	"sync"
	"time"
)

// spare holds a descriptor in reserve. A process that has used up its own cannot accept, and clients would wait in the
// kernel's queue until it overflows unseen.
type spare struct {
	mu   sync.Mutex
	file *os.File
}

// hold takes the descriptor, if it is not held.
func (s *spare) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reopen()
}

func (s *spare) reopen() {
	if s.file == nil {
		if f, err := os.Open(os.DevNull); err == nil { // Without it, clients wait.
			s.file = f
		}
	}
}

// turnAway accepts one client with the spare descriptor and resets it. It says whether there was one, and a
// descriptor for it. The listener has no deadline afterwards.
func (s *spare) turnAway(l *listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reopen(); s.file == nil {
		return false // Another listener took it for a client of its own.
	}
	_ = s.file.Close()
	s.file = nil
	defer s.reopen()
	_ = l.SetDeadline(time.Now().Add(10 * time.Millisecond))
	c, err := l.accept()
	_ = l.SetDeadline(time.Time{})
	if err != nil {
		return false
	}
	c.reset()
	_ = c.Close()
	return true
}

func (s *spare) held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file != nil
}

func (s *spare) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
}
