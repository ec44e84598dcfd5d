package decode

import (
	"bytes"
	"strconv"
	"strings"
)

// redisWords are the commands that an inline line may begin with to be taken for Redis.
var redisWords = map[string]bool{"config": true, "set": true, "slaveof": true, "replicaof": true, "module": true, "eval": true, "flushall": true,
	"flushdb": true, "save": true, "bgsave": true, "info": true, "auth": true, "del": true, "client": true, "keys": true, "get": true, "command": true}

// isRedis says that bytes are commands of Redis: RESP arrays of strings, or lines that begin with one of its words.
func isRedis(b []byte) bool {
	if len(b) > 5 && b[0] == '*' {
		line, rest, ok := bytes.Cut(b[:min(len(b), 32)], []byte("\r\n"))
		_, err := strconv.Atoi(string(line[1:]))
		return ok && err == nil && len(rest) > 0 && rest[0] == '$'
	}
	line, _, _ := bytes.Cut(b[:min(len(b), 200)], []byte("\n"))
	word, _, _ := bytes.Cut(bytes.TrimRight(line, "\r"), []byte(" "))
	return redisWords[strings.ToLower(string(word))]
}

// argument is one word of a command, with where it stood; place is empty for what was in quotes with escapes.
type argument struct {
	text     []byte
	off, end int
}

const maxRedis = 200

// redis takes commands apart and looks into what they set.
func (d *decoder) redis(s span) {
	b := d.bytes(s)
	for n := 0; len(b) > 0 && n < maxRedis && d.spend(8); n++ {
		pos := len(d.bytes(s)) - len(b)
		args, used := redisCommand(b)
		if used == 0 {
			return
		}
		b = b[used:]
		if len(args) > 0 {
			d.redisCommand(s, pos, used, args)
		}
	}
}

// redisCommand reads one command; used is 0 at a broken one.
func redisCommand(b []byte) (args []argument, used int) {
	if b[0] != '*' {
		return inlineCommand(b)
	}
	line, _, ok := bytes.Cut(b, []byte("\r\n"))
	count, err := strconv.Atoi(string(line[1:]))
	if !ok || err != nil || count < 0 || count > 1<<16 {
		return nil, 0
	}
	pos := len(line) + 2
	for range count {
		if pos >= len(b) || b[pos] != '$' {
			break
		}
		line, _, ok := bytes.Cut(b[pos:], []byte("\r\n"))
		size, err := strconv.Atoi(string(line[1:]))
		if !ok || err != nil || size < 0 {
			return args, len(b)
		}
		pos += len(line) + 2
		end := pos + min(size, len(b)-pos)
		args = append(args, argument{b[pos:end], pos, end})
		pos = min(end+2, len(b))
	}
	return args, pos
}

// inlineCommand reads a line of words, which may be in quotes with escapes (redis-cli's sdssplitargs).
func inlineCommand(b []byte) (args []argument, used int) {
	i := 0
	for i < len(b) && b[i] != '\n' {
		if b[i] == ' ' || b[i] == '\r' || b[i] == '\t' {
			i++
			continue
		}
		from := i
		var word []byte
		if q := b[i]; q == '"' || q == '\'' {
			for i++; i < len(b) && b[i] != q; i++ {
				if b[i] == '\\' && q == '"' && i+1 < len(b) {
					c, n := redisEscape(b[i:])
					word = append(word, c)
					i += n - 1
					continue
				}
				word = append(word, b[i])
			}
			i = min(i+1, len(b))
		} else {
			for i < len(b) && b[i] != ' ' && b[i] != '\n' && b[i] != '\r' {
				i++
			}
			word = b[from:i]
		}
		args = append(args, argument{word, from, i})
	}
	return args, min(i+1, len(b))
}

// redisEscape reads an escape within double quotes and how long it is.
func redisEscape(p []byte) (byte, int) {
	if p[1] == 'x' {
		if c, ok := hexPair(p, 2); ok {
			return c, 4
		}
	}
	if i := strings.IndexByte("nrtab", p[1]); i >= 0 {
		return "\n\r\t\a\b"[i], 2
	}
	return p[1], 2
}

// redisCommand explains a command of note and looks into its values.
func (d *decoder) redisCommand(s span, pos, used int, args []argument) {
	name := strings.ToLower(string(args[0].text))
	at := s.sub(pos, pos+used)
	var parts []string
	for _, a := range args {
		parts = append(parts, string(a.text))
	}
	if note := redisNote(name, parts); note != "" {
		d.add(at, layer{kind: "redis", note: note, bytes: []byte(strings.Join(parts, " ")), lang: opaque})
	}
	for _, a := range args[1:] {
		in := s.sub(pos+a.off, pos+a.end)
		switch {
		case name == "eval" && len(a.text) > 8:
			d.add(in, layer{kind: "redis", note: "script in Lua", bytes: a.text, lang: code, runs: true})
		case d.crontab(in, a.text):
		case bytes.Contains(a.text, []byte("ssh-")) || bytes.Contains(a.text, []byte("<?php")):
			d.add(in, layer{kind: "redis", note: "a value that is to become a file", bytes: bytes.TrimSpace(a.text)})
		case len(a.text) > 8:
			d.any(in, 1)
		}
	}
}

func redisNote(name string, parts []string) string {
	arg := func(i int) string {
		if i < len(parts) {
			return cut(parts[i], maxNote)
		}
		return ""
	}
	switch name {
	case "config":
		if strings.EqualFold(arg(1), "set") && len(parts) > 3 {
			switch strings.ToLower(arg(2)) {
			case "dir":
				return "the database is to be written to the folder " + arg(3)
			case "dbfilename":
				return "the database is to be written to the file " + arg(3)
			}
			return "sets " + arg(2) + " to " + arg(3)
		}
	case "slaveof", "replicaof":
		if len(parts) > 2 && !strings.EqualFold(arg(1), "no") {
			return "copies everything from " + arg(1) + ":" + arg(2)
		}
	case "module":
		if strings.EqualFold(arg(1), "load") {
			return "loads the module " + arg(2)
		}
	}
	return ""
}

// isCron says that a line is one of a crontab: five fields of time, or @reboot and the like, and a command.
func cronCommand(line []byte) (command []byte, ok bool) {
	rest := bytes.TrimSpace(line)
	if len(rest) > 0 && rest[0] == '@' {
		name, command, ok := bytes.Cut(rest, []byte(" "))
		return bytes.TrimSpace(command), ok && (string(name) == "@reboot" || string(name) == "@hourly" || string(name) == "@daily")
	}
	for range 5 {
		i := bytes.IndexAny(rest, " \t")
		if i <= 0 || len(bytes.Trim(rest[:i], "0123456789*/,-")) > 0 {
			return nil, false
		}
		rest = bytes.TrimLeft(rest[i:], " \t")
	}
	return rest, len(rest) > 0
}

const maxCron = 50

// crontab finds lines of a crontab in a text and adds their commands; the user that a system's table has in the sixth field
// stays with the line.
func (d *decoder) crontab(s span, b []byte) (found bool) {
	if len(b) < 12 || !d.spend(len(b)) || bytes.IndexByte(b, '*') < 0 && bytes.IndexByte(b, '@') < 0 {
		return false
	}
	n := 0
	for line := range bytes.Lines(b) {
		command, ok := cronCommand(line)
		if !ok || n >= maxCron {
			continue
		}
		n++
		found = true
		note := "to be run by cron"
		if user, rest, ok := bytes.Cut(command, []byte(" ")); ok && string(user) == "root" {
			note, command = "to be run by cron as root", rest
		}
		part := d.tree.Nodes[s.node].Runs
		d.add(s, layer{kind: "cron", note: note, bytes: bytes.TrimSpace(command), lang: shell, runs: true, part: part})
	}
	return found
}
