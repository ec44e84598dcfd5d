package skeleton

import (
	"bytes"
	"math"
)

// Of bytes that are no text so many are written as they are; a longer run is cut to its first bytes and a slot.
const (
	maxRaw  = 16
	rawHead = 8
)

// general writes what no parser understands: text by its words, bytes in hexadecimal. It reports whether the bytes look random.
func (w *writer) general(b []byte) (noise bool) {
	if len(bytes.Trim(b, "\r\n\t ")) == 0 {
		w.slot(String, b)
		return false
	}
	if len(b) > 1 && bytes.Count(b, b[:1]) == len(b) {
		w.slot(Binary, b)
		w.text(" one byte")
		return false
	}
	for rest := b; len(rest) > 0 && !w.full(); {
		n := printable(rest)
		if n >= 4 || n == len(rest) {
			w.words(rest[:n])
		} else {
			for n < len(rest) && printable(rest[n:]) < 4 {
				n++
			}
			w.raw(rest[:n])
		}
		rest = rest[n:]
	}
	return random(b)
}

// printable is the length of the text with which b begins.
func printable(b []byte) int {
	return span(b, func(c byte) bool { return c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t' })
}

// raw writes bytes in hexadecimal, runs of one byte as one.
func (w *writer) raw(b []byte) {
	written := 0
	for i := 0; i < len(b) && !w.full(); {
		n := 1
		for i+n < len(b) && b[i+n] == b[i] {
			n++
		}
		if n >= 4 {
			w.hex(b[i])
			w.text("*")
			i, written = i+n, written+1
			continue
		}
		if written >= rawHead && len(b) > maxRaw {
			w.slot(Binary, b[i:])
			return
		}
		w.hex(b[i])
		i, written = i+1, written+1
	}
}

// The least length and share of the possible entropy from which bytes are taken for random.
const (
	minNoise     = 16
	noiseEntropy = 0.9
)

// random reports whether the bytes are binary, without text, and nearly as irregular as they can be.
func random(b []byte) bool {
	if len(b) < minNoise {
		return false
	}
	var count [256]int
	text, longest, run := 0, 0, 0
	for _, c := range b {
		count[c]++
		if c >= ' ' && c < 0x7f {
			text, run = text+1, run+1
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	if longest >= 8 || text > len(b)*3/4 {
		return false
	}
	entropy := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(b))
			entropy -= p * math.Log2(p)
		}
	}
	return entropy > noiseEntropy*math.Log2(float64(min(len(b), 256)))
}
