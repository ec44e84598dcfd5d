package fingerprint

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// tcpOptions of a SYN, as p0f sees them.
type tcpOptions struct {
	layout     []string
	mss, scale int
	quirks     quirks
}

// kinds are the options of which p0f knows the size (RFC 9293, 3.2; RFC 7323; RFC 2018); sizes include kind and length.
var kinds = map[byte]struct {
	name string
	size int
}{2: {"mss", 4}, 3: {"ws", 3}, 4: {"sok", 2}, 8: {"ts", 10}}

// readOptions reads the options as p0f does: one of a known kind is as long as its kind, whatever it says itself, and
// what is not whole ends the reading.
func readOptions(b []byte) (o tcpOptions) {
	for len(b) > 0 {
		kind := b[0]
		switch kind {
		case 0:
			o.layout = append(o.layout, "eol+"+strconv.Itoa(len(b)-1))
			if len(bytes.Trim(b[1:], "\x00")) > 0 {
				o.quirks.add(padded)
			}
			return o
		case 1:
			o.layout = append(o.layout, "nop")
			b = b[1:]
			continue
		}
		known, ok := kinds[kind]
		size := known.size
		if !ok {
			known.name, size = o.other(kind, b)
		}
		o.layout = append(o.layout, known.name)
		if size == 0 || len(b) < size {
			o.quirks.add(malformed)
			return o
		}
		if int(b[1]) != size {
			o.quirks.add(malformed)
		}
		o.value(kind, b[2:size])
		b = b[size:]
	}
	return o
}

// other is the name of an option without a fixed size, and its size; 0 when it cannot be.
func (o *tcpOptions) other(kind byte, b []byte) (name string, size int) {
	least, most := 2, 40
	name = "?" + strconv.Itoa(int(kind))
	if kind == 5 {
		name, least, most = "sack", 10, 34
	}
	if len(b) < 2 || int(b[1]) < least || int(b[1]) > most {
		return name, 0
	}
	return name, int(b[1])
}

// maxScale is the greatest window scale there is (RFC 7323, 2.3).
const maxScale = 14

func (o *tcpOptions) value(kind byte, value []byte) {
	switch kind {
	case 2:
		o.mss = int(binary.BigEndian.Uint16(value))
	case 3:
		if o.scale = int(value[0]); o.scale > maxScale {
			o.quirks.add(scaled)
		}
	case 8:
		if binary.BigEndian.Uint32(value) == 0 {
			o.quirks.add(noTime)
		}
		if binary.BigEndian.Uint32(value[4:]) != 0 {
			o.quirks.add(peerTime)
		}
	}
}
