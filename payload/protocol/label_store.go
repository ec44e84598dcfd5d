package protocol

import (
	"bytes"
	"slices"
	"strings"
)

// maxCommands bounds the commands that a label lists.
const maxCommands = 8

// labelRedis lists the commands, one time each where they follow each other, with the second word of those that have one.
func labelRedis(b []byte) string {
	var list []string
	add := func(words [][]byte) {
		if command := redisName(words); command != "" && (len(list) == 0 || list[len(list)-1] != command) {
			list = append(list, command)
		}
	}
	if sub := configWithoutBlanks(b); sub != "" {
		return "CONFIG " + sub
	}
	for len(b) > 0 && len(list) < maxCommands {
		if b[0] == '*' {
			var words [][]byte
			var ok bool
			if words, b, ok = respArray(b); !ok {
				add(words)
				break
			}
			add(words)
			continue
		}
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		add(bytes.Fields(line[:min(len(line), maxLine)]))
	}
	return strings.Join(list, ", ")
}

// respArray reads an array of bulk strings; its first two words are kept. ok is false where it ends early or is broken.
func respArray(b []byte) (words [][]byte, rest []byte, ok bool) {
	n, b, ok := respNumber(b, '*')
	if !ok || n > maxLooked {
		return nil, nil, false
	}
	for range n {
		var size int
		if size, b, ok = respNumber(b, '$'); !ok || size > len(b) {
			return words, nil, false
		}
		if len(words) < 2 {
			words = append(words, b[:size])
		}
		b = b[min(size+2, len(b)):]
	}
	return words, b, true
}

// redisName is the command's name, with its second word where that is part of it.
func redisName(words [][]byte) string {
	if len(words) == 0 || len(words[0]) == 0 || len(words[0]) > 24 || !all(words[0], func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' || c == '_' || c == '-' }) {
		return ""
	}
	name := strings.ToUpper(string(words[0]))
	if len(words) > 1 && len(words[1]) < 16 && all(words[1], isLetter) {
		for _, c := range redisByFirst[name[0]] {
			if second := strings.ToUpper(string(words[1])); c.name == name && slices.Contains(c.sub, second) {
				return name + " " + second
			}
		}
	}
	return name
}

func labelMemcached(b []byte) string {
	if len(b) > 8 && !isMemcachedText(b) && be16(b[2:]) == 0 && be16(b[4:]) == 1 {
		b = b[8:]
	}
	if isMemcachedBinary(b) {
		return memcachedOpcodes[b[1]]
	}
	l, _ := parseLine(b)
	if string(l.words[0]) == "stats" && l.n > 1 {
		return "stats " + string(l.words[1])
	}
	return string(l.words[0])
}

// memcachedOpcodes of the binary protocol (memcached's protocol_binary.h).
var memcachedOpcodes = [256]string{0: "get", 1: "set", 2: "add", 3: "replace", 4: "delete", 5: "increment", 6: "decrement", 7: "quit",
	8: "flush", 9: "getq", 10: "noop", 11: "version", 12: "getk", 13: "getkq", 14: "append", 15: "prepend", 16: "stat",
	0x20: "sasl_list_mechs", 0x21: "sasl_auth", 0x22: "sasl_step"}

func labelPostgreSQL(b []byte) string {
	c := cursor{b: b}
	c.u32()
	switch code := c.u32(); code {
	case 80877103:
		return "SSLRequest"
	case 80877104:
		return "GSSENCRequest"
	case 80877102:
		return "CancelRequest"
	default:
		if code>>16 == 2 || code>>16 == 3 {
			return "StartupMessage"
		}
	}
	return ""
}

func labelMySQL(b []byte) string {
	if !isMySQL(b) {
		return ""
	}
	if b[0] == 32 && b[1] == 0 && b[2] == 0 {
		return "SSLRequest"
	}
	return "HandshakeResponse"
}

// labelMongoDB is the command: the first key of the document.
func labelMongoDB(b []byte) string {
	c := cursor{b: b}
	c.take(12)
	code := c.le32()
	c.le32()
	name := ""
	switch code {
	case 2004:
		name = "OP_QUERY"
		c.text()
		c.take(8)
	case 2013:
		name = "OP_MSG"
		c.take(1)
	case 2012:
		return "OP_COMPRESSED"
	default:
		return ""
	}
	c.take(5) // the document's length, the element's type
	if key := c.text(); !c.short && len(key) > 0 && len(key) < 40 && all(key, isLetter) {
		return name + " " + string(key)
	}
	return name
}
