package listen

import (
	"net"
	"net/netip"
	"time"

	"terroir"
)

// reportEvery is the interval in which refused clients are recorded.
const reportEvery = 10 * time.Second

// admit makes room for a session, or counts why there is none. A server that is closing admits nobody.
func (s *Server) admit(c net.Conn, source netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		s.refused["shutdown"]++
	case len(s.sessions) >= s.opt.MaxSessions:
		s.refused["sessions"]++
	case s.sources[source] >= s.opt.MaxPerSource:
		s.refused["per_source"]++
	default:
		s.sessions[c] = struct{}{}
		s.sources[source]++
		return true
	}
	return false
}

func (s *Server) dismiss(c net.Conn, source netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, c)
	if s.sources[source]--; s.sources[source] == 0 {
		delete(s.sources, source)
	}
}

// lose counts attempts that were not recorded.
func (s *Server) lose(reason string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[reason] += n
}

// reportRefused records how many clients were refused, every interval and at the end.
func (s *Server) reportRefused() {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		var last bool
		select {
		case <-s.stop:
			last = true
		case <-tick.C:
		}
		s.mu.Lock()
		refused := s.refused
		s.refused = map[string]int64{}
		s.mu.Unlock()
		for reason, n := range refused {
			l := &terroir.Loss{Time: time.Now().UTC(), Stage: "listen", Reason: reason, Attempts: n}
			l.Sensor = s.opt.Sensor
			if err := s.sink.Put(s.ctx, terroir.Record{Loss: l}); err != nil {
				s.fail(err)
			}
		}
		if last {
			return
		}
	}
}
