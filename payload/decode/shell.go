package decode

import (
	"bytes"
	"strings"
)

// shells run what they are given with -c, or on standard input.
var shells = map[string]bool{"sh": true, "bash": true, "ash": true, "dash": true, "zsh": true, "ksh": true, "csh": true, "tcsh": true}

// interpreters run code that they are given with an option, or on standard input.
var interpreters = map[string]string{"python": "python", "python2": "python", "python3": "python", "perl": "perl", "ruby": "ruby", "node": "js", "php": "php", "lua": "lua"}

// commandLine takes a command line apart.
func (d *decoder) commandLine(s span) {
	for _, p := range d.pipelines(d.bytes(s)) {
		if !d.spend(64) {
			return
		}
		d.pipeline(s, p)
	}
}

func (d *decoder) pipeline(s span, p pipeline) {
	f := d.flow(p.stages)
	if f.known {
		d.written(s, p, f)
	}
	for i, st := range p.stages {
		if len(st.words) > 0 {
			d.command(s, p, st, i)
		}
	}
}

// written adds what a pipeline writes: into a shell, which runs it, or to a file.
func (d *decoder) written(s span, p pipeline, f stream) {
	l := layer{kind: "shell", bytes: bytes.TrimSpace(f.data)}
	if len(f.how) > 0 {
		l.kind = f.how[len(f.how)-1]
	}
	at := s.sub(f.at.off, f.at.end)
	if f.next < len(p.stages) {
		words, _ := unwrapped(p.stages[f.next].words)
		switch name := base(words); {
		case shells[name] && !strings.Contains(strings.Join(words, " "), " -c"):
			l.lang, l.runs, l.note = shell, true, "piped into "+name
		case interpreters[name] != "":
			l.lang, l.runs, l.note = code, true, "piped into "+name
			if len(f.how) == 0 {
				l.kind = interpreters[name]
			}
		}
		if l.runs {
			if len(f.how) == 0 && bytes.HasPrefix(l.bytes, []byte("$(")) {
				return // What another command writes is not known.
			}
			l.part = !p.whole && 2*(f.at.end-f.at.off) < s.end-s.off
			d.add(at, l)
			return
		}
	}
	target := ""
	if n := min(f.next, len(p.stages)); n > 0 {
		target = p.stages[n-1].output
	}
	if len(f.how) == 0 {
		if !d.crontab(at, f.data) && strings.Contains(target, "authorized_keys") {
			d.add(at, layer{kind: "file", note: "SSH key written to " + target, bytes: l.bytes})
		}
		return
	}
	if l.note = "decoded by the command"; target != "" {
		l.note = "written to " + cut(target, maxNote)
	}
	if _, ok := cronCommand(l.bytes); ok || strings.Contains(target, "cron") {
		l.lang, l.runs, l.part = text, true, true
	}
	d.add(at, l)
}

// command looks into one command: what it gives to another program, and what is of note.
func (d *decoder) command(s span, p pipeline, st stage, i int) {
	words, n := unwrapped(st.words)
	if !d.given(s, p, st, words, st.places[n:]) {
		d.note(s, p, st, words, i)
	}
}

// given adds what a command gives to another program to run; false when there is none.
func (d *decoder) given(s span, p pipeline, st stage, words []string, places []place) bool {
	name := base(words)
	l := layer{kind: "shell", note: "given to " + name, lang: shell, runs: true, part: !p.whole || len(p.stages) > 1}
	switch {
	case name == "-c" && len(words) > 1: // The arguments of a container whose image starts a shell.
		l.note, l.bytes = "given to the image's program", []byte(words[1])
		return d.add(s.sub(places[1].off, places[1].end), l)
	case shells[name] || name == "su":
		return d.shellLine(s, p, words, places, l)
	case name == "eval" && len(words) > 1:
		l.bytes = []byte(strings.Join(words[1:], " "))
		return d.add(s.sub(places[1].off, st.end), l)
	case name == "cmd" && len(words) > 2 && (strings.EqualFold(words[1], "/c") || strings.EqualFold(words[1], "/k")):
		l.kind, l.part, l.bytes = "cmd", true, []byte(strings.Join(words[2:], " "))
		return d.add(s.sub(places[2].off, st.end), l)
	case name == "xargs" || name == "find":
		for k := 1; k < len(words)-2; k++ {
			if inner := base(words[k:]); shells[inner] && words[k+1] == "-c" {
				l.note, l.part, l.bytes = "given to "+inner, true, []byte(words[k+2])
				return d.add(s.sub(places[k+2].off, places[k+2].end), l)
			}
		}
	case interpreters[name] != "":
		if k := max(option(words, "c"), option(words, "e"), option(words, "r")); k > 0 && k < len(words) {
			l.kind, l.lang, l.part, l.bytes = interpreters[name], code, true, []byte(words[k])
			return d.add(s.sub(places[k].off, places[k].end), l)
		}
	case name == "powershell" || name == "pwsh":
		return d.powershell(s, words, places)
	}
	return false
}

// shellLine adds the line behind a shell's -c. A line in braces that is not in quotes comes from who starts programs without
// a shell: everything behind belongs to it.
func (d *decoder) shellLine(s span, p pipeline, words []string, places []place, l layer) bool {
	k := option(words, "c")
	if k == 0 || k >= len(words) {
		return false
	}
	at := s.sub(places[k].off, places[k].end)
	l.bytes = []byte(words[k])
	if k+1 < len(words) && places[k+1] == places[k] {
		at = s.sub(places[k].off, max(p.stages[len(p.stages)-1].end, places[k].end))
		l.bytes, l.part = d.bytes(at), !p.whole
	}
	return d.add(at, l)
}

// option is the index of the word after an option in one letter, which may stand together with others; 0 for none.
func option(words []string, letter string) int {
	for i, w := range words {
		if i > 0 && len(w) > 1 && len(w) < 6 && w[0] == '-' && w[1] != '-' && strings.HasSuffix(w, letter) {
			return i + 1
		}
	}
	return 0
}

// powershell finds -EncodedCommand and -Command; options may be cut short, -e to -EncodedCommand, and begin with "/".
func (d *decoder) powershell(s span, words []string, places []place) bool {
	for i := 1; i < len(words); i++ {
		w := strings.ToLower(words[i])
		if len(w) < 2 || w[0] != '-' && w[0] != '/' {
			continue
		}
		if strings.HasPrefix("encodedcommand", w[1:]) || w[1:] == "ec" {
			if i+1 < len(words) {
				at := s.sub(places[i+1].off, places[i+1].end)
				return d.base64(at, "base64 of UTF-16LE given to powershell", true, layer{lang: code, runs: true, part: true})
			}
		}
		if strings.HasPrefix("command", w[1:]) && i+1 < len(words) {
			at := s.sub(places[i+1].off, places[len(places)-1].end)
			return d.add(at, layer{kind: "powershell", note: "given to powershell", bytes: []byte(strings.Join(words[i+1:], " ")), lang: code, runs: true, part: true})
		}
	}
	return false
}

// note adds a command that is worth a word, or that reads differently without its quotes and backslashes.
func (d *decoder) note(s span, p pipeline, st stage, words []string, i int) {
	note := noteOf(words)
	plain := strings.Join(st.words, " ")
	if strings.Contains(st.output, "authorized_keys") && note == "" {
		note = "writes to " + cut(st.output, maxNote)
	}
	if i+1 < len(p.stages) && note != "" {
		if next, _ := unwrapped(p.stages[i+1].words); shells[base(next)] {
			note += "; what comes is run by " + base(next)
		}
	}
	st.end = min(st.end, s.end-s.off)
	at := s.sub(min(st.off, st.end), st.end)
	raw := d.bytes(at)
	if i := bytes.Index(raw, []byte("/dev/tcp/")); i >= 0 {
		note = "connects to " + device(string(raw[i+len("/dev/tcp/"):]))
	}
	if note == "" && !hidden(raw, st.words) {
		return
	}
	line := []byte(plain)
	if st.output != "" {
		line = append(append(line, " > "...), st.output...)
	}
	if n := &d.tree.Nodes[s.node]; p.whole && len(p.stages) == 1 && bytes.Equal(raw, bytes.TrimSpace(n.Bytes)) && (n.Note == "" || !hidden(raw, st.words)) {
		n.Note = cut(strings.TrimPrefix(n.Note+"; "+note, "; "), 4*maxNote)
		return
	}
	d.add(at, layer{kind: "command", note: note, bytes: line, lang: text, runs: true, part: true})
}

// hidden says that a command's words are not to be read in the text: they hold backslashes or quotes inside.
func hidden(raw []byte, words []string) bool {
	if len(words) > 0 && (words[0] == "[" || words[0] == "test") {
		return false
	}
	for _, w := range words {
		if len(w) > 3 && !strings.ContainsAny(w, " \n") && !bytes.Contains(raw, []byte(w)) {
			return true
		}
	}
	return false
}

// device is the peer in what follows /dev/tcp/.
func device(s string) string {
	if i := strings.IndexAny(s, " '\"\n;)|&<>"); i >= 0 {
		s = s[:i]
	}
	return cut(strings.Replace(strings.TrimRight(s, "/"), "/", ":", 1), maxNote)
}
