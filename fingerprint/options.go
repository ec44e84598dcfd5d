package fingerprint

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// tcpOptions of a SYN, as p0f sees them.
type tcpOptions struct {
	layout     []byte // names, with commas between them
	mss, scale int
	quirks     quirks
}

// known is the name and the size of an option (RFC 9293, 3.2; RFC 7323; RFC 2018), with kind and length; "" for others.
func known(kind byte) (name string, size int) {
	switch kind {
	case 2:
		return "mss", 4
	case 3:
		return "ws", 3
	case 4:
		return "sok", 2
	case 8:
		return "ts", 10
	}
	return "", 0
}

// readOptions reads the options as p0f does: one of a known kind is as long as its kind, whatever it says itself, and
// what is not whole ends the reading.
func readOptions(b []byte) (o tcpOptions) {
	o.layout = make([]byte, 0, 48)
	for len(b) > 0 {
		kind := b[0]
		switch kind {
		case 0:
			o.name("eol+")
			o.layout = strconv.AppendInt(o.layout, int64(len(b)-1), 10)
			if len(bytes.Trim(b[1:], "\x00")) > 0 {
				o.quirks.add(padded)
			}
			return o
		case 1:
			o.name("nop")
			b = b[1:]
			continue
		}
		name, size := known(kind)
		if size == 0 {
			size = o.other(kind, b)
		} else {
			o.name(name)
		}
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

func (o *tcpOptions) name(s string) {
	if len(o.layout) > 0 {
		o.layout = append(o.layout, ',')
	}
	o.layout = append(o.layout, s...)
}

// other names an option without a fixed size, and returns its size; 0 when it cannot be.
func (o *tcpOptions) other(kind byte, b []byte) (size int) {
	least, most := 2, 40
	if kind == 5 {
		o.name("sack")
		least, most = 10, 34
	} else {
		o.name("?")
		o.layout = strconv.AppendInt(o.layout, int64(kind), 10)
	}
	if len(b) < 2 || int(b[1]) < least || int(b[1]) > most {
		return 0
	}
	return int(b[1])
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
