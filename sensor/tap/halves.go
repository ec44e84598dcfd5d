package tap

import (
	"time"

	"terroir"
	"terroir/fingerprint"
)

const (
	// maxHalves bounds the SYNs to served ports that are remembered; the oldest is forgotten first.
	maxHalves = 1 << 12
	// takenBackWithin is how long after its SYN a RST takes it back.
	takenBackWithin = 30 * time.Second
	// settledAfter is the number of intervals after which a SYN has become a session, or never will.
	settledAfter = 5
)

// half is a SYN to a served port: half of a handshake.
type half struct {
	key     synKey
	at      time.Time
	ip, tcp int // the sizes of its headers
	headers [128]byte
}

// halves are the last SYNs to served ports. What a client takes back with a RST, as scanners of SYNs do, no listener ever
// sees.
type halves struct {
	ring []half
	next int
	by   map[synKey]int
	// seen counts them, takenBack those that were; balances are seen less what became of them, of the last intervals.
	seen, takenBack int64
	balances        []int64
	told            int64
}

func keyOf(p *packet, seq uint32) synKey {
	return synKey{key16(p.src), key16(p.dst), p.src.Port(), p.dst.Port(), seq}
}

// add remembers a SYN. One that is sent again is the same.
func (h *halves) add(now time.Time, p *packet) {
	key := keyOf(p, p.seq)
	if _, again := h.by[key]; again {
		return
	}
	h.seen++
	if h.by == nil {
		h.ring, h.by = make([]half, maxHalves), map[synKey]int{}
	}
	x := &h.ring[h.next]
	if !x.at.IsZero() && h.by[x.key] == h.next {
		delete(h.by, x.key)
	}
	x.key, x.at = key, now
	x.ip = copy(x.headers[:], p.headers.IP)
	x.tcp = copy(x.headers[x.ip:], p.headers.TCP)
	h.by[x.key] = h.next
	h.next = (h.next + 1) % maxHalves
}

// takeBack is the SYN that the RST takes back, or nil. The RST answers the SYN-ACK, so its number is the next after the
// SYN's (RFC 9293, 3.5.2).
func (h *halves) takeBack(now time.Time, p *packet) *half {
	key := keyOf(p, p.seq-1)
	i, ok := h.by[key]
	if !ok || now.Sub(h.ring[i].at) > takenBackWithin {
		return nil
	}
	delete(h.by, key)
	h.takenBack++
	return &h.ring[i]
}

// unfinished is how many more SYNs than were told before became neither a session (of which there were so many) nor were
// taken back. SYNs under way are not among them, as far as can be known: the least of the last intervals counts.
func (h *halves) unfinished(sessions int64) int64 {
	h.balances = append(h.balances, h.seen-h.takenBack-sessions)
	if len(h.balances) < settledAfter {
		return 0
	}
	least := h.balances[0]
	for _, b := range h.balances {
		least = min(least, b)
	}
	h.balances = h.balances[1:]
	n := max(least-h.told, 0)
	h.told += n
	return n
}

// event is that of a SYN that was taken back: the client ended the connection without a byte.
func (x *half) event(now time.Time, p *packet, opt *Options) *terroir.Event {
	headers := fingerprint.Packet{IP: x.headers[:x.ip], TCP: x.headers[x.ip : x.ip+x.tcp]}
	e := &terroir.Event{Time: x.at.UTC().Truncate(time.Microsecond), Duration: max(now.Sub(x.at).Truncate(time.Microsecond), 0), Region: opt.Region,
		Revision: opt.Revision(), Kind: terroir.KindError, Close: terroir.CloseClientRST, Transport: terroir.TCP, Source: p.src, Destination: p.dst,
		Attempts: 1, TCPSignature: fingerprint.Signature(headers), Tool: fingerprint.Tool(headers)}
	e.Sensor = opt.Sensor
	return e
}
