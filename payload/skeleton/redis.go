package skeleton

import (
	"bytes"
	"strconv"
)

// groups are the commands whose second word says what is done.
var groups = map[string]bool{"CONFIG": true, "CLIENT": true, "MODULE": true, "COMMAND": true, "SCRIPT": true, "CLUSTER": true, "ACL": true,
	"DEBUG": true, "OBJECT": true, "MEMORY": true, "SLOWLOG": true, "LATENCY": true, "FUNCTION": true, "SENTINEL": true, "PUBSUB": true, "SYSTEM": true}

// maxArguments bounds the arguments of a command that are written.
const maxArguments = 64

// redis writes a line a command, whether it was sent in RESP or inline.
func (w *writer) redis(b []byte) bool {
	commands := 0
	for len(b) > 0 && !w.full() {
		var args [][]byte
		if b[0] == '*' {
			args, b = respCommand(b)
		} else {
			var line []byte
			line, b, _ = bytes.Cut(b, []byte("\n"))
			args = inlineCommand(line)
		}
		if len(args) > 0 {
			w.redisCommand(args)
			commands++
		}
	}
	return commands > 0
}

// respCommand reads an array of bulk strings. One that is cut, or whose lengths are wrong, has the arguments that are there.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
func respCommand(b []byte) (args [][]byte, rest []byte) {
	head, rest, _ := bytes.Cut(b, []byte("\n"))
	n, _ := strconv.Atoi(string(bytes.TrimSpace(head[1:])))
	for range min(n, maxArguments) {
		if len(rest) == 0 || rest[0] != '$' {
			break
		}
		size, after, _ := bytes.Cut(rest, []byte("\n"))
		length, err := strconv.Atoi(string(bytes.TrimSpace(size[1:])))
		if err != nil || length < 0 || length > len(after) {
			// Masking changes lengths: the argument ends where the next one begins.
			length = max(bytes.Index(after, []byte("\r\n")), 0)
		} else if !bytes.HasPrefix(after[length:], []byte("\r\n")) && length < len(after) {
			if i := bytes.Index(after, []byte("\r\n")); i >= 0 {
				length = i
			}
		}
		args = append(args, after[:length])
		rest = bytes.TrimPrefix(after[length:], []byte("\r\n"))
	}
	return args, rest
}

// inlineCommand splits a line at blanks outside of quotes.
func inlineCommand(line []byte) (args [][]byte) {
	line = bytes.TrimSpace(line)
	for len(line) > 0 && len(args) < maxArguments {
		end, skip := bytes.IndexAny(line, " \t"), 0
		if q := line[0]; q == '"' || q == '\'' {
			line, skip = line[1:], 1
			end = bytes.IndexByte(line, q)
		}
		if end < 0 {
			return append(args, line)
		}
		args = append(args, line[:end])
		line = bytes.TrimLeft(line[end+skip:], " \t")
	}
	return args
}

func (w *writer) redisCommand(args [][]byte) {
	name := string(bytes.ToUpper(args[0]))
	if len(name) > 20 {
		w.value(args[0])
	} else {
		w.text(name)
	}
	kept := 1
	if groups[name] && len(args) > 1 && len(args[1]) < 20 {
		w.space()
		w.text(string(bytes.ToUpper(args[1])))
		kept = 2
		if name == "CONFIG" && len(args) > 2 && len(args[2]) < 40 {
			w.space()
			w.text(string(bytes.ToLower(args[2])))
			kept = 3
		}
	}
	for _, a := range args[kept:] {
		w.space()
		w.content(a)
	}
	w.line()
}

// content writes a longer text by its words, anything else as one slot.
func (w *writer) content(b []byte) {
	trimmed := bytes.TrimSpace(b)
	switch {
	case bytes.ContainsAny(trimmed, " \t\n") && printable(trimmed) == len(trimmed):
		w.words(bytes.ReplaceAll(trimmed, []byte("\n"), []byte(" ")))
	case len(trimmed) > 0 && printable(trimmed) < len(trimmed):
		w.slot(Binary, b)
	default:
		w.value(trimmed)
	}
}

// lines writes the first word of each line and slots for the others, as protocols of text commands have them.
func (w *writer) lines(b []byte) bool {
	if len(b) > 8 && b[4] == 0 && b[5] == 1 && b[6] == 0 && b[7] == 0 { // memcached's frame on UDP
		w.slot(Number, b[:8])
		b = b[8:]
	}
	if printable(b) < len(b) {
		return false
	}
	for line := range bytes.Lines(b) {
		for i, word := range bytes.Fields(line) {
			if i == 0 {
				w.text(string(word))
			} else {
				w.space()
				w.value(word)
			}
			if w.full() {
				return true
			}
		}
		w.line()
	}
	return true
}
