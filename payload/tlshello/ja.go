package tlshello

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// grease reports whether the value is one that clients send to keep servers honest (RFC 8701).
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

func withoutGrease(list []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(list), grease)
}

// highest is the highest version that is offered.
func (h *hello) highest() uint16 {
	v := uint16(0)
	for _, x := range h.versions {
		if !grease(x) {
			v = max(v, x)
		}
	}
	if v == 0 {
		v = h.legacy
	}
	return v
}

func (h *hello) version() string {
	switch v := h.highest(); v {
	case 0x0304:
		return "1.3"
	case 0x0303:
		return "1.2"
	case 0x0302:
		return "1.1"
	case 0x0301:
		return "1.0"
	case 0x0300:
		return "ssl3"
	default:
		return fmt.Sprintf("0x%04x", v)
	}
}

// ja3 is the MD5 of version, ciphers, extensions, curves and point formats in decimal.
func (h *hello) ja3() string {
	points := make([]uint16, len(h.points))
	for i, p := range h.points {
		points[i] = uint16(p)
	}
	fields := []string{strconv.Itoa(int(h.legacy)), decimals(withoutGrease(h.ciphers)), decimals(withoutGrease(h.extensions)),
		decimals(withoutGrease(h.curves)), decimals(points)}
	sum := md5.Sum([]byte(strings.Join(fields, ",")))
	return hex.EncodeToString(sum[:])
}

func decimals(list []uint16) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = strconv.Itoa(int(v))
	}
	return strings.Join(parts, "-")
}

// ja4 is the print for TLS over TCP: what is offered in the clear, then the hashes of ciphers and extensions in order.
func (h *hello) ja4() string {
	ciphers, extensions := withoutGrease(h.ciphers), withoutGrease(h.extensions)
	sni := "i"
	if h.hasSNI {
		sni = "d"
	}
	a := "t" + h.ja4Version() + sni + fmt.Sprintf("%02d%02d", min(len(ciphers), 99), min(len(extensions), 99)) + h.ja4ALPN()
	slices.Sort(ciphers)
	b := hash12(hexes(ciphers), len(ciphers) == 0)
	rest := slices.DeleteFunc(slices.Clone(extensions), func(e uint16) bool { return e == 0 || e == 16 })
	slices.Sort(rest)
	text := hexes(rest)
	if sigs := withoutGrease(h.signatures); len(sigs) > 0 {
		text += "_" + hexes(sigs)
	}
	return a + "_" + b + "_" + hash12(text, len(rest) == 0)
}

func (h *hello) ja4Version() string {
	switch h.highest() {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	case 0x0002:
		return "s2"
	}
	return "00"
}

// ja4ALPN is the first and last character of the first protocol. For bytes outside ASCII the published captures have
// "9"; for other characters that are not alphanumeric the specification takes the hexadecimal form.
func (h *hello) ja4ALPN() string {
	if len(h.alpn) == 0 || h.alpn[0] == "" {
		return "00"
	}
	first, last := h.alpn[0][0], h.alpn[0][len(h.alpn[0])-1]
	switch {
	case first > 127 || last > 127:
		return string([]byte{orNine(first), orNine(last)})
	case alphanumeric(first) && alphanumeric(last):
		return string([]byte{first, last})
	}
	return hex.EncodeToString([]byte{first})[:1] + hex.EncodeToString([]byte{last})[1:]
}

func orNine(c byte) byte {
	if c > 127 {
		return '9'
	}
	return c
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func hexes(list []uint16) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = fmt.Sprintf("%04x", v)
	}
	return strings.Join(parts, ",")
}

func hash12(text string, none bool) string {
	if none {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:12]
}
