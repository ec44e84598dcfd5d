package fingerprint

import "encoding/binary"

// quirks are the oddities of a packet: a bit for each.
type quirks uint32

const (
	dontFragment quirks = 1 << iota
	identified
	unidentified
	congestion
	mustBeZero
	flowLabel
	noSequence
	acknowledges
	pointsUrgent
	urgent
	push
	noTime
	peerTime
	padded
	scaled
	malformed
)

// quirkNames are p0f's, in the order of the constants, which is its own.
var quirkNames = [...]string{"df", "id+", "id-", "ecn", "0+", "flow", "seq-", "ack+", "uptr+", "urgf+", "pushf+", "ts1-", "ts2+", "opt+", "exws", "bad"}

func (q *quirks) add(x quirks) { *q |= x }

func (q *quirks) addIf(is bool, x quirks) {
	if is {
		*q |= x
	}
}

// append appends them as p0f writes them.
func (q quirks) append(b []byte) []byte {
	first := true
	for i, name := range quirkNames {
		if q&(1<<i) == 0 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		b, first = append(b, name...), false
	}
	return b
}

// quirks are those of the headers.
func (p *Packet) quirks() (q quirks) {
	flags := p.TCP[13]
	ecn := flags&(flagECE|flagCWR) != 0 || p.TCP[12]&1 != 0 // NS (RFC 3540)
	if p.v4() {
		df := p.IP[6]&0x40 != 0
		q.addIf(df, dontFragment)
		q.addIf(df && p.id() != 0, identified)
		q.addIf(!df && p.id() == 0, unidentified)
		q.addIf(ecn || p.IP[1]&3 != 0, congestion)
		q.addIf(p.IP[6]&0x80 != 0, mustBeZero)
	} else {
		q.addIf(ecn || p.IP[1]>>4&3 != 0, congestion)
		q.addIf(binary.BigEndian.Uint32(p.IP)&0xfffff != 0, flowLabel)
	}
	q.addIf(p.seq() == 0, noSequence)
	q.addIf(flags&flagACK == 0 && binary.BigEndian.Uint32(p.TCP[8:]) != 0, acknowledges)
	q.addIf(flags&flagURG == 0 && binary.BigEndian.Uint16(p.TCP[18:]) != 0, pointsUrgent)
	q.addIf(flags&flagURG != 0, urgent)
	q.addIf(flags&flagPSH != 0, push)
	return q
}
