package decode

import (
	"bytes"
	"strings"
)

// strong are programs whose name before a blank makes a command; weak ones need a path or an option behind them.
var strong = newNames("wget", "curl", "tftp", "ftpget", "busybox", "chmod", "nc", "ncat", "powershell", "powershell.exe", "bash", "nohup", "chattr", "crontab", "certutil", "bitsadmin")
var weak = newNames("cd", "cat", "rm", "sh", "ash", "dash", "ls", "ping", "nslookup", "echo", "kill", "pkill", "cp", "mv", "mkdir", "python", "python3", "perl", "uname",
	"touch", "find", "grep", "killall", "export", "sleep", "cmd", "cmd.exe", "ps", "sudo", "printf")

func newNames(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, n := range list {
		m[n] = true
	}
	return m
}

// maxLoose bounds the words that are looked at, maxCommand how far behind one is looked for what makes a command of it.
const (
	maxLoose   = 4000
	maxCommand = 2 << 10
)

// looseShell finds a command line in a text of which nothing says that it is one: a known program where a command may
// begin, with what makes a command of it.
func (d *decoder) looseShell(s span) bool {
	b := d.bytes(s)
	if !d.spend(len(b)) {
		return false
	}
	for i, n := 0, 0; i < len(b) && n < maxLoose; {
		if !isProgram[b[i]] {
			i++
			continue
		}
		if n++; !d.spend(16) {
			return false
		}
		start := i
		for i < len(b) && isProgram[b[i]] {
			i++
		}
		if !begins(b, start, i) {
			continue
		}
		end := endOfLine(b, start)
		if wasHidden[d.tree.Nodes[s.node].Kind] {
			start, end = 0, len(b) // Who hides a command hides nothing else with it.
		}
		d.add(s.sub(start, end), layer{kind: "shell", bytes: bytes.TrimSpace(b[start:end]), lang: shell, runs: true})
		return true
	}
	return false
}

// wasHidden are the kinds of nodes whose text was hidden as a whole.
var wasHidden = newNames("base64", "hex", "utf16", "gzip", "zlib")

var isProgram = letters("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./")

// begins says that a command begins with b[start:end].
func begins(b []byte, start, end int) bool {
	if end >= len(b) || !commandPosition(b, start) {
		return false
	}
	name := string(b[start:end])
	path := ""
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		path, name = name[:i], name[i+1:]
	}
	rest := b[end:min(len(b), end+maxCommand)]
	blank := rest[0] == ' ' || rest[0] == '\t' || bytes.HasPrefix(rest, []byte("${IFS}")) || bytes.HasPrefix(rest, []byte("$IFS"))
	if !blank || path != "" && path[0] != '/' {
		return false
	}
	after := bytes.TrimLeft(rest, " \t")
	if len(after) == 0 {
		return false
	}
	if strong[name] || weak[name] && strings.HasSuffix(path, "bin") {
		return after[0] > ' ' && after[0] != '=' && after[0] != '('
	}
	return weak[name] && (after[0] == '/' || after[0] == '-' && len(after) > 1 && after[1] > ' ' || after[0] == '$' || bytes.HasPrefix(after, []byte("..")) ||
		bytes.IndexByte(rest, ';') >= 0 || bytes.IndexByte(rest, '|') >= 0 || bytes.Contains(rest, []byte("&&")))
}

// commandPosition says that a command may begin at i: at the start, or behind what separates or opens one.
func commandPosition(b []byte, i int) bool {
	for i > 0 && (b[i-1] == ' ' || b[i-1] == '\t') {
		i--
	}
	return i == 0 || strings.IndexByte(";|&`(\n\r'\"{=!:>,[", b[i-1]) >= 0
}

// endOfLine is where a command line that begins at start ends: at the quote or parenthesis that opened before it, else at
// the end of the text.
func endOfLine(b []byte, start int) int {
	i := start
	for i > 0 && (b[i-1] == ' ' || b[i-1] == '\t') {
		i--
	}
	if i == 0 {
		return len(b)
	}
	switch open := b[i-1]; open {
	case '\'', '"', '`':
		if n := bytes.IndexByte(b[start:], open); n >= 0 {
			return start + n
		}
	case '(':
		depth := 1
		for j := start; j < len(b); j++ {
			switch b[j] {
			case '(':
				depth++
			case ')':
				if depth--; depth == 0 {
					return j
				}
			}
		}
	}
	return len(b)
}

// brokenURLs finds URLs with backslashes inside the name, as a shell drops them, and adds them without.
func (d *decoder) brokenURLs(s span) {
	b := d.bytes(s)
	for pos, n := 0, 0; n < maxTries; n++ {
		i := bytes.Index(b[pos:], []byte("://"))
		if i < 0 {
			return
		}
		from := pos + i
		for from > 0 && from > pos+i-8 && b[from-1] >= 'a' && b[from-1] <= 'z' {
			from--
		}
		end, slashes := from, 0
		for end < len(b) && b[end] > ' ' && strings.IndexByte("'\"`<>|;)(", b[end]) < 0 {
			if b[end] == '\\' {
				slashes++
			}
			end++
		}
		if !d.spend(end - from) {
			return
		}
		if slashes > 0 && insideName(b[pos+i+3:end]) {
			d.add(s.sub(from, end), layer{kind: "backslash", note: "backslashes inside the name", bytes: bytes.ReplaceAll(b[from:end], []byte{'\\'}, nil), lang: opaque})
		}
		pos = max(end, pos+i+3)
	}
}

// insideName says that a backslash in a host's name is none that escapes a control character at its end.
func insideName(b []byte) bool {
	host := b
	if i := bytes.IndexByte(b, '/'); i >= 0 {
		host = b[:i]
	}
	i := bytes.IndexByte(host, '\\')
	return i >= 0 && bytes.IndexByte(host[i:], '.') > 0
}
