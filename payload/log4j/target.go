package log4j

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxExfil is how many lookups within a target are kept.
const maxExfil = 64

// jndi takes the target apart: "scheme://host:port/path". It says whether that names a host that can be one.
func (l *Lookup) jndi(name []byte) (good bool) {
	l.exfil(name)
	name = bytes.TrimSpace(name)
	l.scheme(name)
	l.Malformed = l.Host == ""
	return !l.Malformed && isHost(l.Host)
}

func (l *Lookup) scheme(name []byte) {
	i := bytes.IndexByte(mask(name), ':')
	if i <= 0 {
		return
	}
	scheme := strings.ToLower(strings.TrimSpace(string(name[:i])))
	for _, c := range scheme {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return
		}
	}
	l.Scheme = cut([]byte(scheme))
	rest := name[i+1:]
	switch {
	case scheme == "java":
		l.Path = cut(rest) // It names something of the victim's own.
		return
	case strings.HasPrefix(scheme, "corba"):
		rest = bytes.TrimPrefix(bytes.TrimLeft(rest, ":"), []byte("iiop:"))
	}
	l.authority(bytes.TrimLeft(rest, "/"))
}

// authority takes "host:port/path" apart. The host is what stands after "#" (CVE-2021-45046: a check that reads the address as a
// URI sees what stands before it).
func (l *Lookup) authority(b []byte) {
	end := bytes.IndexAny(mask(b), "/?")
	if end < 0 {
		end = len(b)
	}
	host, path := b[:end], b[end:]
	for _, c := range []byte("#@") {
		if i := bytes.LastIndexByte(mask(host), c); i >= 0 {
			host = host[i+1:]
		}
	}
	masked := mask(host)
	if i := bytes.LastIndexByte(masked, ':'); i >= 0 && bytes.LastIndexByte(masked, ']') < i {
		if port, err := strconv.ParseUint(string(host[i+1:]), 10, 16); err == nil {
			l.Port = int(port)
		}
		if bytes.IndexByte(masked[:i], ':') < 0 || masked[0] == '[' {
			host = host[:i]
		} else {
			l.Port = 0 // An IPv6 address without brackets.
		}
	}
	l.Host = strings.Trim(cut(bytes.TrimSpace(host)), "[]")
	l.Path = cut(path)
}

// commonsText takes apart what a lookup of Commons Text fetches.
func (l *Lookup) commonsText(name []byte) (good bool) {
	l.exfil(name)
	kind, key, _ := bytes.Cut(name, []byte(":"))
	l.Scheme = strings.ToLower(cut(bytes.TrimSpace(kind)))
	switch l.Scheme {
	case "url":
		_, address, _ := bytes.Cut(key, []byte(":"))
		l.scheme(address)
	case "dns":
		_, host, _ := bytes.Cut(key, []byte("|"))
		l.authority(host)
	default:
		return true
	}
	l.Malformed = l.Host == ""
	return !l.Malformed && isHost(l.Host)
}

// exfil collects the lookups that are left in a target.
func (l *Lookup) exfil(name []byte) {
	b := newBuffer(name, nil)
	for k := 0; k < len(b.opens) && len(l.Exfil) < maxExfil; {
		o := b.opens[k]
		if o.end < 0 {
			k++
			continue
		}
		l.Exfil = append(l.Exfil, cut(name[o.at+2:o.end]))
		k = o.next
	}
}

// mask hides the lookups in a target, whose colons and slashes take nothing apart.
func mask(name []byte) []byte {
	if !bytes.Contains(name, opening) {
		return name
	}
	masked := bytes.Clone(name)
	b := newBuffer(name, nil)
	for k := 0; k < len(b.opens); {
		o := b.opens[k]
		if o.end < 0 {
			k++
			continue
		}
		for i := o.at; i <= o.end; i++ {
			masked[i] = 'x'
		}
		k = o.next
	}
	return masked
}

// isHost says whether the victim could ask for a host of that name; a lookup within it stands for a part of it.
func isHost(host string) bool {
	for _, c := range mask([]byte(host)) {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '.', c == '-', c == '_', c == ':', c >= utf8.RuneSelf:
		default:
			return false
		}
	}
	return host != ""
}
