package log4j

import (
	"bytes"
	"encoding/base64"
)

// date formats as SimpleDateFormat does: what stands in quotes, and what is no letter, comes out as it is; any letter is the
// time, or else the pattern is wrong and the result is the time in the default format. So the default after ":-" is never
// used, whatever the sender meant.
func (m *machine) date(pattern []byte, hasDefault bool) []byte {
	out, quoted := make([]byte, 0, len(pattern)), false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\'' && i+1 < len(pattern) && pattern[i+1] == '\'':
			out = append(out, c)
			i++
		case c == '\'':
			quoted = !quoted
		case !quoted && 'a' <= c|0x20 && c|0x20 <= 'z':
			return m.timeOr(pattern, hasDefault)
		default:
			out = append(out, c)
		}
	}
	if quoted {
		return m.timeOr(pattern, hasDefault)
	}
	return out
}

// timeOr is the time, or nothing for the permissive who has a default.
func (m *machine) timeOr(pattern []byte, hasDefault bool) []byte {
	if m.permissive && hasDefault {
		return nil
	}
	return m.symbol("date", pattern)
}

// always are the system properties that every Java has (those of System.getProperties).
var always = set("java.version", "java.version.date", "java.vendor", "java.vendor.url", "java.home", "java.vm.name", "java.vm.vendor",
	"java.vm.version", "java.vm.specification.name", "java.vm.specification.vendor", "java.vm.specification.version",
	"java.specification.name", "java.specification.vendor", "java.specification.version", "java.class.version", "java.class.path",
	"java.library.path", "java.io.tmpdir", "java.runtime.name", "java.runtime.version", "os.name", "os.arch", "os.version",
	"user.name", "user.home", "user.dir", "file.encoding")

// systemProperty knows the separators, as they are on Unix, for they are used to write "://".
func (m *machine) systemProperty(key []byte) []byte {
	switch s := string(key); {
	case s == "file.separator":
		return []byte("/")
	case s == "path.separator":
		return []byte(":")
	case s == "line.separator":
		return []byte("\n")
	case always[s]:
		return m.symbol("sys", key)
	}
	return nil
}

var javaKeys = set("version", "runtime", "vm", "os", "hw", "locale")

// java has the keys of JavaLookup, which throws at any other.
func (m *machine) java(key []byte) []byte {
	if javaKeys[string(key)] {
		return m.symbol("java", key)
	}
	m.aborted = !m.permissive
	return nil
}

var eventKeys = set("Level", "ThreadName", "ThreadId", "Timestamp", "Logger")

// event has the keys of EventLookup that a plain message gives a value. The message itself holds the lookup, so that one ends
// in an exception.
func (m *machine) event(key []byte) []byte {
	switch s := string(key); {
	case eventKeys[s]:
		return m.symbol("event", key)
	case s == "Message":
		m.aborted = !m.permissive
	}
	return nil
}

// foreign are lookups that no release of Log4j has: base64, which senders use all the same, and those of Commons Text.
func (m *machine) foreign(prefix string, name, key []byte, at place, before int) []byte {
	if !m.permissive {
		return nil
	}
	switch prefix {
	case "base64", "base64decoder":
		return decodeBase64(key)
	case "script", "url", "dns":
		if text4shell(prefix, key) {
			m.hit(hit{"text4shell", name, at, m.evaluations - before})
			return m.symbol(prefix, key)
		}
	}
	return nil
}

// text4shell tells a lookup of Commons Text from a variable that happens to have its name: "script:engine:code",
// "url:charset:address", "dns:what|host".
func text4shell(prefix string, key []byte) bool {
	switch prefix {
	case "script":
		return bytes.IndexByte(key, ':') > 0
	case "url":
		charset, address, _ := bytes.Cut(key, []byte(":"))
		return len(charset) > 0 && bytes.Index(address, []byte("://")) > 0
	}
	return bytes.IndexByte(key, '|') > 0
}

// decodeBase64 reads either alphabet, with or without padding; nil for what is neither.
func decodeBase64(b []byte) []byte {
	b = bytes.TrimRight(bytes.TrimSpace(b), "=")
	if len(b) == 0 {
		return nil
	}
	encoding := base64.RawStdEncoding
	if bytes.ContainsAny(b, "-_") {
		encoding = base64.RawURLEncoding
	}
	out, err := encoding.AppendDecode([]byte{}, b)
	if err != nil {
		return nil
	}
	return out
}

func set(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}
