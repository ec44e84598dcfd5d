package protocol

import (
	"bytes"
	"encoding/binary"
	"strings"
)

func be16(b []byte) int { return int(binary.BigEndian.Uint16(b)) }

func has(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

func contains(b []byte, s string) bool { return bytes.Contains(b, []byte(s)) }

func containsByte(s string, c byte) bool { return strings.IndexByte(s, c) >= 0 }

// zero reports whether all bytes are 0.
func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool    { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool     { return c >= '0' && c <= '9' }
func isPrintable(c byte) bool { return c >= ' ' && c <= '~' }

// isText reports whether all is printable ASCII, the ends of lines, and the zeros that telnet puts behind them.
func isText(b []byte) bool {
	return all(b, func(c byte) bool { return isPrintable(c) || c == '\n' || c == '\r' || c == '\t' || c == 0 })
}

// all reports whether every byte is of the class.
func all(b []byte, class func(byte) bool) bool {
	for _, c := range b {
		if !class(c) {
			return false
		}
	}
	return true
}

// cursor reads a message from its beginning. Behind the end everything reads as 0 and short is set.
type cursor struct {
	b     []byte
	short bool
}

// take are the next n bytes; fewer where the message ends.
func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		n, c.short = len(c.b), true
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) u8() int  { return c.number(1) }
func (c *cursor) u16() int { return c.number(2) }
func (c *cursor) u32() int { return c.number(4) }

func (c *cursor) number(size int) (n int) {
	b := c.take(size)
	if c.short {
		return 0
	}
	for _, x := range b {
		n = n<<8 | int(x)
	}
	return n
}

// le32 is a number with the low byte first.
func (c *cursor) le32() int {
	b := c.take(4)
	if c.short {
		return 0
	}
	return int(binary.LittleEndian.Uint32(b))
}

// text is what stands before the next zero byte; the rest where there is none.
func (c *cursor) text() []byte {
	i := bytes.IndexByte(c.b, 0)
	if i < 0 {
		return c.take(len(c.b) + 1)
	}
	b := c.take(i)
	c.take(1)
	return b
}

// varint is a number of seven bits a byte, the low ones first, in at most most bytes (MQTT, Minecraft).
func (c *cursor) varint(most int) (n int) {
	for i := range most {
		x := c.u8()
		n |= (x & 0x7f) << (7 * i)
		if x&0x80 == 0 {
			return n
		}
	}
	c.short = true
	return 0
}

// element is a BER element: its tag and content, of which there may be less than its length says (size).
func (c *cursor) element() (tag byte, content []byte, size int) {
	tag = byte(c.u8())
	size = c.u8()
	if size >= 0x80 {
		n := size & 0x7f
		if n < 1 || n > 4 {
			c.short = true
			return tag, nil, 0
		}
		size = c.number(n)
	}
	if c.short {
		return tag, nil, 0
	}
	content = c.b[:min(size, len(c.b))]
	c.b = c.b[len(content):]
	return tag, content, size
}
