package mapping

import "crypto/sha256"

// seen remembers which event ids came before: at least the last seenIDs, in at most about 40 bytes each for twice as many.
type seen struct {
	now, old map[[16]byte]struct{}
}

// seenIDs bounds the memory to 640 MiB; a file of fewer rows needs in proportion less.
const seenIDs = 1 << 23

// before reports whether the id came before, and remembers it.
func (s *seen) before(id string) bool {
	sum := sha256.Sum256([]byte(id))
	key := [16]byte(sum[:16])
	if _, ok := s.now[key]; ok {
		return true
	}
	_, again := s.old[key]
	if len(s.now) >= seenIDs {
		s.old, s.now = s.now, nil
	}
	if s.now == nil {
		s.now = map[[16]byte]struct{}{}
	}
	s.now[key] = struct{}{}
	return again
}
