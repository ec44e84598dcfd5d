package mapping

import "crypto/sha256"

// seen remembers which ids came before: at least the last limit different ones, and at most twice as many.
type seen struct {
	limit    int
	now, old map[[16]byte]struct{}
}

// seenIDs bounds the memory: a map of 16-byte keys takes 20 to 40 bytes each, so at most 640 MiB. A file with fewer ids
// needs in proportion less.
const seenIDs = 1 << 23

// before reports whether the id came before, and remembers it.
func (s *seen) before(id string) bool {
	sum := sha256.Sum256([]byte(id))
	key := [16]byte(sum[:16])
	if _, ok := s.now[key]; ok {
		return true
	}
	_, again := s.old[key]
	if len(s.now) >= s.limit {
		s.old, s.now = s.now, nil
	}
	if s.now == nil {
		s.now = map[[16]byte]struct{}{}
	}
	s.now[key] = struct{}{}
	return again
}
