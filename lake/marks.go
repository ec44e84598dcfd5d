package lake

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"

	"terroir"
)

// Spool names one numbering: a sensor and an epoch of its spool.
type Spool struct {
	Sensor string
	Epoch  uint64
}

// Marks say how far a table holds what was offered to it.
type Marks struct {
	// Stream is the last bus sequence whose records are all in the table.
	Stream uint64
	// Last is the last sequence per spool.
	Last map[Spool]uint64
}

// Properties of a table that hold its marks: terroir.stream is a decimal number, terroir.mark.SENSOR.EPOCH (epoch
// in hexadecimal) the last sequence in decimal.
const (
	streamProperty = "terroir.stream"
	markPrefix     = "terroir.mark."
)

func parseMarks(props iceberg.Properties) (Marks, error) {
	m := Marks{Last: map[Spool]uint64{}}
	for k, v := range props {
		spool, isMark := strings.CutPrefix(k, markPrefix)
		if !isMark && k != streamProperty {
			continue
		}
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return m, fmt.Errorf("table property %s=%q: %w", k, v, err)
		}
		if !isMark {
			m.Stream = n
			continue
		}
		dot := strings.LastIndexByte(spool, '.')
		epoch, err := strconv.ParseUint(spool[dot+1:], 16, 64)
		if err != nil || dot < 0 {
			return m, fmt.Errorf("table property %s: want %sSENSOR.EPOCH", k, markPrefix)
		}
		m.Last[Spool{spool[:dot], epoch}] = n
	}
	return m, nil
}

// Clone returns a copy that shares nothing with m.
func (m Marks) Clone() Marks { return Marks{Stream: m.Stream, Last: maps.Clone(m.Last)} }

// Holds reports whether the record at the position is in the table.
func (m Marks) Holds(p *terroir.Position) bool {
	return p.Sequence <= m.Last[Spool{p.Sensor, p.Epoch}]
}

func (m Marks) advance(p *terroir.Position) {
	if s := (Spool{p.Sensor, p.Epoch}); p.Sequence > m.Last[s] {
		m.Last[s] = p.Sequence
	}
}

// changes returns the properties in which to differs from m.
func (m Marks) changes(to Marks) iceberg.Properties {
	props := iceberg.Properties{}
	if to.Stream > m.Stream {
		props[streamProperty] = strconv.FormatUint(to.Stream, 10)
	}
	for s, n := range to.Last {
		if n > m.Last[s] {
			props[markPrefix+s.Sensor+"."+strconv.FormatUint(s.Epoch, 16)] = strconv.FormatUint(n, 10)
		}
	}
	return props
}
