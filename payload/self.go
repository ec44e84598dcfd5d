package payload

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// Self is what names a sensor in a payload that was sent to it.
type Self struct {
	Addrs []netip.Addr
	Hosts []string
}

// The texts that take the place of what names the sensor.
const (
	MaskIP   = "<HONEYPOT IP>"
	MaskHost = "<HONEYPOT HOST>"
)

// form is one way in which a name may be written, and which bytes around it mean that it is something else.
type form struct {
	text []byte
	mask string
	// part reports whether c, standing before or behind the text, makes it a part of something larger.
	part func(c byte) bool
}

// ReplaceSelf replaces the sensor's addresses and hosts by masks, in every form in which tools write them: IPv4 as
// dotted text, with percent-encoding, hexadecimal (plain, 0x…, \x…), as a decimal number, reversed as in in-addr.arpa,
// with hyphens as cloud providers' names have it; IPv6 as text (RFC 5952, and in full); and each of these within base64.
// A payload that holds none of them is returned as it is, without a copy.
func ReplaceSelf(b []byte, self Self) []byte { return NewMask(self).Bytes(b) }

// Mask is ReplaceSelf for several texts: a fleet has many addresses, and each of them many forms.
type Mask struct{ forms []form }

// NewMask makes the mask of what names sensors.
func NewMask(self Self) Mask { return Mask{self.forms()} }

// Bytes is ReplaceSelf.
func (m Mask) Bytes(b []byte) []byte { return replaceInBase64(replaceForms(b, m.forms), m.forms) }

// Text is ReplaceSelf for a text.
func (m Mask) Text(s string) string { return string(m.Bytes([]byte(s))) }

func (s Self) forms() []form {
	var forms []form
	for _, h := range s.Hosts {
		if h != "" {
			forms = append(forms, form{[]byte(h), MaskHost, partOfName})
		}
	}
	for _, a := range s.Addrs {
		a = a.Unmap()
		if a.Is4() {
			forms = append(forms, forms4(a.As4())...)
		} else if a.IsValid() {
			forms = append(forms, forms6(a)...)
		}
	}
	return forms
}

func forms4(a [4]byte) []form {
	dotted := fmt.Sprintf("%d.%d.%d.%d", a[0], a[1], a[2], a[3])
	number := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	low := hex.EncodeToString(a[:])
	forms := []form{
		{[]byte(dotted), MaskIP, partOfDotted},
		{[]byte(strings.ReplaceAll(dotted, ".", "-")), MaskIP, partOfNumber},
		{fmt.Appendf(nil, "%d.%d.%d.%d.in-addr", a[3], a[2], a[1], a[0]), MaskIP + ".in-addr", partOfDotted},
		{[]byte(strings.ReplaceAll(dotted, ".", "%2e")), MaskIP, partOfNumber},
		{[]byte(strings.ReplaceAll(dotted, ".", "%2E")), MaskIP, partOfNumber},
		{percent(dotted, "%%%02x"), MaskIP, never},
		{percent(dotted, "%%%02X"), MaskIP, never},
		{fmt.Appendf(nil, `\x%02x\x%02x\x%02x\x%02x`, a[0], a[1], a[2], a[3]), MaskIP, never},
		{fmt.Appendf(nil, `\x%02X\x%02X\x%02X\x%02X`, a[0], a[1], a[2], a[3]), MaskIP, never},
		{[]byte(low), MaskIP, partOfHex},
	}
	if up := strings.ToUpper(low); up != low {
		forms = append(forms, form{[]byte(up), MaskIP, partOfHex})
	}
	// A small number is not an address but a number.
	if number >= 1<<24 {
		forms = append(forms, form{fmt.Appendf(nil, "%d", number), MaskIP, partOfNumber})
	}
	return forms
}

func percent(s, format string) []byte {
	var b []byte
	for i := range len(s) {
		b = fmt.Appendf(b, format, s[i])
	}
	return b
}

func forms6(a netip.Addr) []form {
	forms := []form{{[]byte(a.String()), MaskIP, partOf6}, {[]byte(a.StringExpanded()), MaskIP, partOf6}}
	for _, f := range forms[:2] {
		if up := bytes.ToUpper(f.text); !bytes.Equal(up, f.text) {
			forms = append(forms, form{up, MaskIP, partOf6})
		}
	}
	raw := a.As16()
	return append(forms, form{[]byte(hex.EncodeToString(raw[:])), MaskIP, partOfHex})
}

func digit(c byte) bool    { return c >= '0' && c <= '9' }
func hexDigit(c byte) bool { return digit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func never(byte) bool          { return false }
func partOfNumber(c byte) bool { return digit(c) }
func partOfHex(c byte) bool    { return hexDigit(c) }
func partOf6(c byte) bool      { return hexDigit(c) || c == ':' }
func partOfName(c byte) bool {
	return digit(c) || c == '-' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// partOfDotted leaves the dot to whole: an address may end a sentence.
func partOfDotted(c byte) bool { return digit(c) }

// replaceForms replaces every form that stands alone. What is replaced may free its neighbour, so it is done again until
// nothing changes; since a form needs both sides free, that takes three rounds at most.
func replaceForms(b []byte, forms []form) []byte {
	for changed := true; changed; {
		changed = false
		for _, f := range forms {
			if !bytes.Contains(b, f.text) {
				continue
			}
			if r := f.replace(b); len(r) != len(b) || &r[0] != &b[0] {
				b, changed = r, true
			}
		}
	}
	return b
}

func (f *form) replace(b []byte) []byte {
	var out []byte
	start := 0
	for at := 0; ; {
		i := bytes.Index(b[at:], f.text)
		if i < 0 {
			break
		}
		i += at
		end := i + len(f.text)
		if f.whole(b, i, end) {
			out = append(append(out, b[start:i]...), f.mask...)
			start, at = end, end
		} else {
			at = i + 1
		}
	}
	if start == 0 {
		return b
	}
	return append(out, b[start:]...)
}

// whole reports whether b[i:end] is not a part of something larger. With the dots of an address, that is also a
// further number on either side: 1.2.3.4 is not in 5.1.2.3.4.
func (f *form) whole(b []byte, i, end int) bool {
	if i > 0 && f.part(b[i-1]) || end < len(b) && f.part(b[end]) {
		return false
	}
	if f.mask != MaskIP || !bytes.Contains(f.text, []byte(".")) {
		return true
	}
	return (i < 2 || b[i-1] != '.' || !digit(b[i-2])) && (end+1 >= len(b) || b[end] != '.' || !digit(b[end+1]))
}

// minBase64 is the length of the shortest run that is looked into: shorter ones cannot hold an address.
const minBase64 = 10

func base64Char(c byte) bool {
	return digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '+' || c == '/'
}

// replaceInBase64 looks into runs of base64, and writes those that name the sensor anew with the masks in them.
func replaceInBase64(b []byte, forms []form) []byte {
	var out []byte
	start := 0
	for i := 0; i < len(b); {
		if !base64Char(b[i]) {
			i++
			continue
		}
		end := i
		for end < len(b) && base64Char(b[end]) {
			end++
		}
		if end-i >= minBase64 {
			if masked := maskBase64(b[i:end], forms); masked != nil {
				for end < len(b) && b[end] == '=' {
					end++
				}
				out = append(append(out, b[start:i]...), masked...)
				start = end
			}
		}
		i = end
	}
	if start == 0 {
		return b
	}
	return append(out, b[start:]...)
}

// maskBase64 returns the run with the sensor masked, or nil when it does not name it. A run often has text before it,
// such as a path: each of the four ways to cut it is tried. Where more than one of them names the sensor there are
// several texts in the run, as in a path: each is masked by itself.
func maskBase64(run []byte, forms []form) []byte {
	var first []byte
	ways := 0
	for skip := range min(4, len(run)) {
		if masked := maskBase64At(run, skip, forms); masked != nil {
			if ways++; ways == 1 {
				first = masked
			}
		}
	}
	if ways < 2 || bytes.IndexByte(run, '/') < 0 {
		return first
	}
	parts := bytes.Split(run, []byte("/"))
	for i, part := range parts {
		if masked := maskBase64(part, forms); masked != nil {
			parts[i] = masked
		}
	}
	return bytes.Join(parts, []byte("/"))
}

// maskBase64At is maskBase64 for the text that begins after the first skip bytes.
func maskBase64At(run []byte, skip int, forms []form) []byte {
	plain := make([]byte, base64.RawStdEncoding.DecodedLen(len(run)-skip))
	n, err := base64.RawStdEncoding.Decode(plain, run[skip:])
	if err != nil && n == 0 {
		return nil
	}
	masked := replaceForms(plain[:n], forms)
	if len(masked) == n && bytes.Equal(masked, plain[:n]) {
		return nil
	}
	return append(append([]byte(nil), run[:skip]...), base64.StdEncoding.EncodeToString(masked)...)
}
