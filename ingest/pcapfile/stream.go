package pcapfile

import (
	"slices"
)

// window is the largest that TCP can advertise (RFC 7323, 2.3): a segment farther ahead belongs to no honest flow.
const window = 1 << 30

// piece is bytes of a stream that came before those in front of them.
type piece struct {
	offset int64
	data   []byte
}

func (p piece) end() int64 { return p.offset + int64(len(p.data)) }

// stream puts the first bytes of one direction of a TCP flow in order. Bytes that came first win over later ones for
// the same place.
type stream struct {
	// started says that base, the sequence number of the first byte, is known.
	started bool
	base    uint32
	// kept holds the first bytes without a hole; pieces, in order and not overlapping, those behind a hole.
	kept   []byte
	pieces []piece
	// total is the highest offset that is known to have been sent.
	total int64
}

// start sets the sequence number of the first byte, once.
func (s *stream) start(seq uint32) {
	if !s.started {
		s.started, s.base = true, seq
	}
}

// offset returns where the sequence number stands, relative to the first byte, and whether it is within the window.
func (s *stream) offset(seq uint32) (int64, bool) {
	distance := int64(int32(seq - s.base - uint32(s.total)))
	return s.total + distance, distance <= window
}

// add takes the segment of size bytes of which data was captured, keeping up to limit bytes and maxPieces pieces. It
// returns "" or a reason for which something of it was lost.
func (s *stream) add(seq uint32, data []byte, size, limit, maxPieces int) string {
	s.start(seq)
	at, ok := s.offset(seq)
	if !ok {
		return "out_of_window"
	}
	s.total = max(s.total, at+int64(size))
	if at < int64(len(s.kept)) { // sent again, at least in part
		again := min(int64(len(s.kept))-at, int64(len(data)))
		at, data = at+again, data[again:]
	}
	if at >= int64(limit) || len(data) == 0 {
		return ""
	}
	data = data[:min(len(data), limit-int(at))]
	if at == int64(len(s.kept)) && len(s.pieces) == 0 {
		s.kept = append(s.kept, data...)
		return ""
	}
	reason := s.insert(at, data, maxPieces)
	s.advance()
	return reason
}

// insert puts into pieces what of data is not there yet.
func (s *stream) insert(at int64, data []byte, maxPieces int) string {
	i, _ := slices.BinarySearchFunc(s.pieces, at, func(p piece, at int64) int {
		if p.end() <= at {
			return -1
		}
		return 1
	})
	for len(data) > 0 {
		free := int64(len(data))
		if i < len(s.pieces) {
			free = min(free, s.pieces[i].offset-at)
		}
		if free > 0 {
			// The piece that fills the hole leaves at once: it needs no room.
			if len(s.pieces) >= maxPieces && at != int64(len(s.kept)) {
				return "out_of_order_limit"
			}
			s.pieces = slices.Insert(s.pieces, i, piece{at, slices.Clone(data[:free])})
			at, data = at+free, data[free:]
			i++
		}
		if len(data) > 0 { // a piece that is there already covers what follows
			covered := min(s.pieces[i].end()-at, int64(len(data)))
			at, data = at+covered, data[covered:]
			i++
		}
	}
	return ""
}

// advance moves the pieces that have no hole before them any more.
func (s *stream) advance() {
	n := 0
	for n < len(s.pieces) && s.pieces[n].offset == int64(len(s.kept)) {
		s.kept = append(s.kept, s.pieces[n].data...)
		n++
	}
	s.pieces = slices.Delete(s.pieces, 0, n)
}

// end notes that the stream ends at the sequence number, as a FIN says.
func (s *stream) end(seq uint32) {
	s.start(seq)
	if at, ok := s.offset(seq); ok {
		s.total = max(s.total, at)
	}
}

// held is the number of bytes in memory.
func (s *stream) held() int {
	n := len(s.kept)
	for _, p := range s.pieces {
		n += len(p.data)
	}
	return n
}

// gap says whether bytes below the limit are missing.
func (s *stream) gap(limit int) bool { return len(s.kept) < limit && s.total > int64(len(s.kept)) }
