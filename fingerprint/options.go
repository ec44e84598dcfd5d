package fingerprint

import (
	"encoding/binary"
	"strconv"
)

// tcpOptions of a SYN, as p0f sees them.
type tcpOptions struct {
	layout, quirks []string
	// mss and scale are -1 where there is none.
	mss, scale int
}

// readOptions reads the options (RFC 9293, 3.2; RFC 7323; RFC 2018). What is malformed ends the reading.
func readOptions(b []byte) tcpOptions {
	o := tcpOptions{mss: -1, scale: -1}
	for len(b) > 0 {
		kind := b[0]
		switch {
		case kind == 0:
			o.layout = append(o.layout, "eol+"+strconv.Itoa(len(b)-1))
			for _, x := range b[1:] {
				if x != 0 {
					o.quirk("opt+")
					break
				}
			}
			return o
		case kind == 1:
			o.layout = append(o.layout, "nop")
			b = b[1:]
			continue
		case len(b) < 2 || b[1] < 2 || int(b[1]) > len(b):
			o.quirk("bad")
			return o
		}
		o.add(kind, b[2:b[1]])
		b = b[b[1]:]
	}
	return o
}

func (o *tcpOptions) quirk(name string) { o.quirks = append(o.quirks, name) }

// maxScale is the greatest window scale there is (RFC 7323, 2.3).
const maxScale = 14

func (o *tcpOptions) add(kind byte, value []byte) {
	name, size := "", 0
	switch kind {
	case 2:
		name, size = "mss", 2
	case 3:
		name, size = "ws", 1
	case 4:
		name, size = "sok", 0
	case 5:
		name, size = "sack", len(value)
	case 8:
		name, size = "ts", 8
	default:
		name, size = "?"+strconv.Itoa(int(kind)), len(value)
	}
	o.layout = append(o.layout, name)
	if len(value) != size {
		o.quirk("bad")
		return
	}
	switch kind {
	case 2:
		o.mss = int(binary.BigEndian.Uint16(value))
	case 3:
		if o.scale = int(value[0]); o.scale > maxScale {
			o.quirk("exws")
		}
	case 8:
		if binary.BigEndian.Uint32(value) == 0 {
			o.quirk("ts1-")
		}
		if binary.BigEndian.Uint32(value[4:]) != 0 {
			o.quirk("ts2+")
		}
	}
}
