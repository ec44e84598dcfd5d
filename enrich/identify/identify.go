// Package identify recognises organisations that scan the internet and say so: in what they send, or by the names of their
// hosts. What it finds is what the sender claims. Anybody can claim it, and who claims it truly may still do harm.
// Nothing is resolved or looked up.
package identify

import (
	"bytes"
	"net/netip"
	"strings"
)

const (
	// maxLooked bounds the bytes of a payload that are looked at, maxName those of a name.
	maxLooked = 4096
	maxName   = 253
)

// Identify names the organisation that sent the bytes as it says itself, or "" where it says nothing. The argument is a user
// agent or what a client sent first.
//
// Of a request with headers (HTTP, RTSP, SIP) only those count that speak of the sender, User-Agent and From: a host or URL asked for
// says nothing. Neither does a TLS hello, for its names are those of servers. Tools that anybody uses (zgrab, masscan,
// Go-http-client) and marks whose owner is not settled ("MGLNDD_") are not organisations.
func Identify(userAgentOrPayload []byte) string {
	b := userAgentOrPayload[:min(len(userAgentOrPayload), maxLooked)]
	if bytes.HasPrefix(b, []byte{0x16, 3}) {
		return ""
	}
	b = bytes.ToLower(b)
	line, headers, _ := bytes.Cut(b, []byte("\n"))
	if !isRequest(line) {
		return claimed(b)
	}
	for len(headers) > 0 {
		line, headers, _ = bytes.Cut(headers, []byte("\n"))
		line = bytes.TrimSpace(line)
		if len(line) == 0 { // The body follows.
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if name := string(bytes.TrimSpace(name)); name != "user-agent" && name != "from" {
			continue
		}
		if org := claimed(value); org != "" {
			return org
		}
	}
	return ""
}

// isRequest reports whether the line, in lower case, is a request line: it ends with the protocol's version.
func isRequest(line []byte) bool {
	line = bytes.TrimSpace(line)
	for _, protocol := range []string{"http/", "rtsp/", "sip/"} {
		if i := bytes.LastIndex(line, []byte(protocol)); i >= 0 && len(line)-i-len(protocol) <= 4 {
			return true
		}
	}
	return false
}

// claimed looks for what the organisations say, in lower-case text.
func claimed(text []byte) string {
	for i := range organisations {
		o := &organisations[i]
		for _, word := range o.says {
			if hasWord(text, word, isLetter) {
				return o.name
			}
		}
		for _, domain := range o.domains {
			if !strings.Contains(domain, "*") && hasWord(text, domain, isHostByte) {
				return o.name
			}
		}
	}
	return ""
}

// hasWord reports whether word stands in text with neither before nor after it a byte that would make it another word. A dot
// before a domain is fine (a host below it), one after it only where it ends a sentence.
func hasWord(text []byte, word string, part func(byte) bool) bool {
	for {
		i := bytes.Index(text, []byte(word))
		if i < 0 {
			return false
		}
		after := text[i+len(word):]
		if (i == 0 || !part(text[i-1])) && (len(after) == 0 || !part(after[0])) &&
			!(len(after) > 1 && after[0] == '.' && isHostByte(after[1]) && strings.Contains(word, ".")) {
			return true
		}
		text = after
	}
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }

func isHostByte(c byte) bool { return isLetter(c) || '0' <= c && c <= '9' || c == '-' || c == '_' }

// Reverse names the organisation by the reverse name (PTR) of an address, by the longest suffix that is known, or "".
// Who owns the address chooses the name: without the way back from name to address, which is never asked here, it is a
// claim.
func Reverse(host string) string {
	host = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(host)), ".")
	if len(host) > maxName {
		return ""
	}
	first, rest, _ := strings.Cut(host, ".")
	for _, p := range patterns[rest] {
		if strings.HasPrefix(first, p.prefix) {
			return p.name
		}
	}
	for suffix := host; suffix != ""; {
		if org, ok := suffixes[suffix]; ok {
			return org
		}
		_, suffix, _ = strings.Cut(suffix, ".")
	}
	return ""
}

// pattern is the beginning of a host's own label.
type pattern struct{ prefix, name string }

// suffixes are organisations by domain; patterns those with a star, by what follows the first label.
var suffixes, patterns = index()

func index() (map[string]string, map[string][]pattern) {
	bySuffix, byParent := map[string]string{}, map[string][]pattern{}
	for _, o := range organisations {
		for _, d := range o.domains {
			if prefix, parent, ok := strings.Cut(d, "*."); ok {
				byParent[parent] = append(byParent[parent], pattern{prefix, o.name})
			} else {
				bySuffix[d] = o.name
			}
		}
	}
	return bySuffix, byParent
}

// Name is the organisation for a name that a list of scanners gives: a host, a domain or words. One that is not known
// here is called by its domain, or by its words as they are. An address is no name: the result is "".
func Name(listed string) string {
	listed = strings.Join(strings.Fields(listed), " ")
	if _, err := netip.ParseAddr(listed); err == nil || len(listed) > maxName || strings.Trim(listed, "()") == "unknown" {
		return ""
	}
	if org := Reverse(listed); org != "" {
		return org
	}
	if org := claimed([]byte(strings.ToLower(listed))); org != "" {
		return org
	}
	host := strings.TrimSuffix(listed, ".")
	if labels := strings.Split(host, "."); len(labels) > 2 && !strings.Contains(host, " ") {
		host = strings.Join(labels[len(labels)-2:], ".")
	}
	return strings.Map(printable, host)
}

// printable drops what would do something in a terminal.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x80 {
		return -1
	}
	return r
}
