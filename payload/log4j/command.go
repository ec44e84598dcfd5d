package log4j

import "strings"

// kits are the first words of the paths that the usual servers for such exploits know (JNDIExploit and its descendants).
var kits = set("basic", "deserialization", "tomcatbypass", "groovybypass", "websphere", "webspherebypass")

// maxWords is how many words may stand before the argument: "Deserialization/CommonsCollectionsK1/Command/Base64".
const maxWords = 4

// CommandIn reads the command that the path of a target carries for the attacker's own server, such as
// "/TomcatBypass/Command/Base64/aWQ=". Kind is what is to be done with it ("TomcatBypass/Command"); offset and length say where
// in the path the argument stands. For ReverseShell the command is "address:port". Base64 may be of either alphabet, without
// padding, percent-encoded, and after more than one slash. ok is false where there is no command.
func CommandIn(path string) (kind string, command []byte, offset, length int, ok bool) {
	var words []string
	at := 0
	for len(words) < maxWords {
		at += len(path[at:]) - len(strings.TrimLeft(path[at:], "/"))
		word, _, more := strings.Cut(path[at:], "/")
		if !more {
			return "", nil, 0, 0, false
		}
		words = append(words, word)
		at += len(word)
		switch strings.ToLower(word) {
		case "base64":
			return argument(words[:len(words)-1], path, at, unwrap)
		case "reverseshell":
			return argument(words, path, at, address)
		case "command":
			if next := strings.TrimLeft(path[at:], "/"); kits[strings.ToLower(words[0])] && !hasWord(next, "base64") {
				return argument(words, path, at, plain)
			}
		}
	}
	return "", nil, 0, 0, false
}

func hasWord(path, word string) bool {
	first, _, more := strings.Cut(path, "/")
	return more && strings.EqualFold(first, word)
}

// argument reads what follows the words.
func argument(words []string, path string, at int, read func(string) []byte) (kind string, command []byte, offset, length int, ok bool) {
	rest := strings.TrimLeft(path[at:], "/")
	offset = len(path) - len(rest)
	rest = strings.TrimRight(rest, " \t\r\n")
	command = read(unescape(rest))
	if len(command) == 0 {
		return "", nil, 0, 0, false
	}
	return strings.Join(words, "/"), command, offset, len(rest), true
}

// unwrap reads base64 up to its padding, or to what is none.
func unwrap(s string) []byte {
	end := strings.IndexFunc(s, func(r rune) bool { return !isBase64(r) })
	if end < 0 {
		end = len(s)
	}
	return decodeBase64([]byte(s[:end]))
}

func isBase64(r rune) bool {
	return 'a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || r == '+' || r == '/' || r == '-' || r == '_'
}

func plain(s string) []byte { return []byte(s) }

// address reads "address/port".
func address(s string) []byte {
	host, rest, _ := strings.Cut(s, "/")
	port, _, _ := strings.Cut(rest, "/")
	if !isHost(host) || port == "" || strings.Trim(port, "0123456789") != "" {
		return nil
	}
	return []byte(host + ":" + port)
}

// unescape undoes percent-encoding where there is any, and leaves what is none.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if v, ok := hexadecimal([]byte(s[i+1:min(len(s), i+3)]), 2); ok {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
