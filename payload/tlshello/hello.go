// Package tlshello reads a TLS ClientHello from the first bytes that a client sent, and names it by JA3 and JA4.
//
// Formats: RFC 8446 (and RFC 5246, 6101) for records and hello, RFC 8701 for the values that mean nothing (GREASE),
// JA3 (https://github.com/salesforce/ja3), JA4 (https://github.com/FoxIO-LLC/ja4, BSD 3-Clause; only JA4 itself, none of the
// other JA4+ prints). QUIC and DTLS are not read.
package tlshello

import (
	"encoding/binary"
	"strings"
	"unicode"

	"terroir"
)

// maxHello bounds the handshake message that is put together from records.
const maxHello = 64 << 10

// hello is what the fingerprints are made of.
type hello struct {
	legacy     uint16
	ciphers    []uint16
	extensions []uint16
	curves     []uint16
	points     []byte
	signatures []uint16
	versions   []uint16
	alpn       []string
	sni        string
	hasSNI     bool
}

// Parse reads the ClientHello at the beginning of b, which may come in several records. ok is false when b does not
// begin with a whole one.
func Parse(b []byte) (terroir.TLSHello, bool) {
	msg, missing := message(b)
	if msg == nil || missing > 0 {
		return terroir.TLSHello{}, false
	}
	h, ok := parse(msg)
	if !ok {
		return terroir.TLSHello{}, false
	}
	return terroir.TLSHello{Version: h.version(), SNI: clean(h.sni), ALPN: clean(strings.Join(h.alpn, ",")), JA3: h.ja3(), JA4: h.ja4()}, true
}

// Need is the least number of bytes that are missing until the ClientHello at the beginning of b is whole: 0 when it
// is, or when b is not the beginning of one.
func Need(b []byte) int {
	if len(b) == 0 || len(b) >= maxHello+4096 {
		return 0
	}
	if b[0] != 22 || (len(b) > 1 && b[1] != 3) || (len(b) > 5 && b[5] != 1) {
		return 0
	}
	_, missing := message(b)
	return missing
}

// message puts the first handshake message together. missing is the number of bytes that b lacks for it.
func message(b []byte) (msg []byte, missing int) {
	want := 4
	for {
		if len(b) < 5 {
			return msg, 5 - len(b)
		}
		size := int(binary.BigEndian.Uint16(b[3:]))
		if b[0] != 22 || b[1] != 3 || size == 0 {
			return nil, 0
		}
		part := b[5:min(len(b), 5+size)]
		msg = append(msg, part...)
		if len(msg) >= 4 {
			if msg[0] != 1 {
				return nil, 0
			}
			want = 4 + int(msg[1])<<16 + int(msg[2])<<8 + int(msg[3])
			if want > maxHello {
				return nil, 0
			}
		}
		if len(msg) >= want && want > 4 {
			return msg[4:want], 0
		}
		if len(part) < size {
			return msg, max(1, min(size-len(part), max(want-len(msg), 1)))
		}
		b = b[5+size:]
	}
}

// reader takes lengths and lists off the front; after the first that does not fit, it is broken.
type reader struct {
	b  []byte
	ok bool
}

func (r *reader) take(n int) []byte {
	if !r.ok || n > len(r.b) {
		r.ok = false
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() int {
	if b := r.take(1); b != nil {
		return int(b[0])
	}
	return 0
}

func (r *reader) u16() int {
	if b := r.take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) list16(n int) []uint16 {
	b := r.take(n)
	out := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		out = append(out, binary.BigEndian.Uint16(b[i:]))
	}
	return out
}

func parse(msg []byte) (*hello, bool) {
	r := &reader{msg, true}
	h := &hello{legacy: uint16(r.u16())}
	r.take(32)
	r.take(r.u8())
	h.ciphers = r.list16(r.u16())
	r.take(r.u8())
	if !r.ok {
		return nil, false
	}
	if len(r.b) == 0 {
		return h, true // no extensions: TLS 1.0 and before
	}
	ext := &reader{r.take(r.u16()), r.ok}
	for ext.ok && len(ext.b) > 0 {
		typ := uint16(ext.u16())
		body := ext.take(ext.u16())
		if !ext.ok {
			return nil, false
		}
		h.extensions = append(h.extensions, typ)
		h.extension(typ, &reader{body, true})
	}
	return h, r.ok && ext.ok
}

// extension reads those that tell something; what is wrong within one is its own affair.
func (h *hello) extension(typ uint16, r *reader) {
	switch typ {
	case 0:
		h.hasSNI = true
		r.u16()
		for r.ok && len(r.b) > 0 {
			kind, name := r.u8(), r.take(r.u16())
			if kind == 0 && r.ok && h.sni == "" {
				h.sni = string(name)
			}
		}
	case 10:
		h.curves = r.list16(r.u16())
	case 11:
		h.points = r.take(r.u8())
	case 13:
		h.signatures = r.list16(r.u16())
	case 16:
		r.u16()
		for r.ok && len(r.b) > 0 {
			if name := r.take(r.u8()); r.ok {
				h.alpn = append(h.alpn, string(name))
			}
		}
	case 43:
		h.versions = r.list16(r.u8())
	}
}

// maxText bounds a name that a client sent.
const maxText = 255

// clean keeps a stranger's text on one line, without control and direction characters, as valid UTF-8.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
