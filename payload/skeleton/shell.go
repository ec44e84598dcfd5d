package skeleton

import (
	"bytes"
	"strings"
)

// filters only shape what another command writes.
var filters = map[string]bool{"head": true, "tail": true, "tr": true, "wc": true, "sort": true, "uniq": true, "cut": true, "cat": true,
	"base64": true, "xxd": true, "od": true, "hexdump": true, "less": true, "more": true, "column": true, "rev": true, "fold": true, "tee": true}

// prefixes are followed by a command: programs that run another one, and words of the shell.
var prefixes = map[string]bool{"busybox": true, "sudo": true, "nohup": true, "exec": true, "setsid": true, "command": true, "eval": true, "time": true,
	"if": true, "then": true, "else": true, "elif": true, "while": true, "until": true, "do": true, "!": true, "{": true}

// command is the skeleton of a command line: a line a command, split at ; && || | and the ends of lines, with its name, its
// options, and slots for what it works on. A script in another language is text.
func command(b []byte) Part {
	w := &writer{}
	if script(b) {
		w.general(b)
		return w.part(false)
	}
	list := split(b)
	if len(list) == 1 && len(list[0].words) == 1 && image(b) {
		w.words(b)
		return w.part(false)
	}
	like := &writer{brief: true}
	last := 0
	for _, c := range list {
		w.command(c)
		if c.piped && filters[c.name()] {
			continue
		}
		begin := len(like.out)
		like.command(c.withoutOptions())
		if bytes.Equal(like.out[last:begin], like.out[begin:]) {
			like.out = like.out[:begin] // The same again.
		} else {
			last = begin
		}
	}
	p := w.part(false)
	if l := like.part(false); l.Text != p.Text {
		p.Like = l.Text
	}
	if p.Text == "" {
		p.Text = "nothing"
	}
	p.Name = telling(p.Text)
	return p
}

// maxTelling is the length from which a name leaves commands out.
const maxTelling = 72

// telling is what a person is told of a long line: how it begins, and the commands that name something outside.
func telling(text string) string {
	if len(text) <= maxTelling {
		return ""
	}
	list := strings.Split(text, "\n")
	name := list[0]
	for i, l := range list[1:] {
		switch {
		case strings.ContainsAny(l, string([]byte{byte(URL), byte(Address), byte(Base64)})):
			if !strings.Contains(name, l) {
				name += "\n" + l
			}
		case i == 0 || !strings.HasSuffix(name, "…"):
			name += "\n…"
		}
	}
	return name
}

// image reports whether all that runs is what a container's image has to run.
func image(b []byte) bool {
	return alnum(b[0]) && bytes.IndexByte(b, '/') > 0 && span(b, func(c byte) bool { return alnum(c) || bytes.IndexByte([]byte("-_./:@"), c) >= 0 }) == len(b)
}

// script reports whether the bytes are a program in another language than the shell's.
func script(b []byte) bool {
	for _, sign := range []string{"require(", "function", "eval(", "<?", "import ", "package.loadlib", "io.popen"} {
		if bytes.Contains(b, []byte(sign)) {
			return true
		}
	}
	return false
}

// simple is one command of a line.
type simple struct {
	// piped says that it reads what another one writes.
	piped bool
	words []word
}

type word struct {
	text   []byte
	quoted bool
}

func (c *simple) name() string {
	if len(c.words) == 0 {
		return ""
	}
	return programName(c.words[0].text)
}

// withoutOptions is the command without its options: with and without them it does the same to the same things.
func (c simple) withoutOptions() simple {
	words := make([]word, 0, len(c.words))
	for i, x := range c.words {
		if i == 0 || x.quoted || !option(x.text) {
			words = append(words, x)
		}
	}
	c.words = words
	return c
}

func option(b []byte) bool { return len(b) > 1 && b[0] == '-' && !digit(b[1]) }

// maxCommands bounds the commands of a line.
const maxCommands = 256

// split takes a command line apart, following quotes. Groups and substitutions are commands like others.
func split(b []byte) []simple {
	s := splitter{b: b}
	for i := 0; i < len(b) && len(s.list) < maxCommands; {
		i += s.step(i)
	}
	s.end(false)
	return s.list
}

// splitter holds the command and the word that are being read.
type splitter struct {
	b      []byte
	list   []simple
	cur    simple
	word   word
	inWord bool
	// unclosed says that no arithmetic ends any more, so that it is not searched for again.
	unclosed bool
}

// step reads what stands at i and returns its length.
func (s *splitter) step(i int) int {
	rest := s.b[i:]
	next := byte(0)
	if len(rest) > 1 {
		next = rest[1]
	}
	switch c := rest[0]; c {
	case '\\':
		if next != 0 && next != '\n' {
			s.add(rest[1:2])
		}
		return 2
	case '\'', '"':
		n := closing(rest[1:], c)
		s.word.quoted = s.word.quoted || !s.inWord
		s.add(rest[1 : 1+n])
		return n + 2
	case '$':
		if n := s.arithmetic(rest); n > 0 {
			s.add(rest[:n])
			return n
		}
		if next == '(' {
			s.end(false)
		} else {
			s.add(rest[:1])
		}
	case ' ', '\t', '\r':
		s.endWord()
	case '&':
		// 2>&1 and &> are redirections.
		if i > 0 && s.b[i-1] == '>' || next == '>' {
			s.add(rest[:1])
		} else {
			s.end(false)
		}
	case ';', '\n', '(', ')', '`':
		s.end(false)
	case '|':
		s.end(next != '|' && (i == 0 || s.b[i-1] != '|'))
	default:
		s.add(rest[:1])
	}
	return 1
}

func (s *splitter) add(b []byte) { s.word.text, s.inWord = append(s.word.text, b...), true }

func (s *splitter) endWord() {
	if s.inWord {
		s.cur.words = append(s.cur.words, s.word)
	}
	s.word, s.inWord = word{}, false
}

// end ends the command; piped says that the next one reads what it writes.
func (s *splitter) end(piped bool) {
	s.endWord()
	if len(s.cur.words) > 0 {
		s.list = append(s.list, s.cur)
	}
	s.cur = simple{piped: piped}
}

// arithmetic is the length of $((…)), 0 where there is none.
func (s *splitter) arithmetic(b []byte) int {
	if s.unclosed || !bytes.HasPrefix(b, []byte("$((")) {
		return 0
	}
	n := bytes.Index(b, []byte("))"))
	if n < 0 {
		s.unclosed = true
		return 0
	}
	return n + 2
}

// closing is the length of what stands before the closing quote.
func closing(b []byte, quote byte) int {
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && quote == '"' {
			i++
		} else if b[i] == quote {
			return i
		}
	}
	return len(b)
}

// programName is the last part of the path of a program of the system; "" for one that stands elsewhere, and was brought.
func programName(b []byte) string {
	if prefixes[string(b)] {
		return string(b)
	}
	i := bytes.LastIndexByte(b, '/')
	if i >= 0 && !bytes.Contains(b[:i], []byte("bin")) {
		return ""
	}
	name := strings.TrimSuffix(string(b[i+1:]), ".exe")
	if name == "" || len(name) > 24 || span(b[i+1:], func(c byte) bool { return alnum(c) || bytes.IndexByte([]byte("-_.[+"), c) >= 0 }) < len(b)-i-1 {
		return ""
	}
	return name
}

// command writes a line for the command.
func (w *writer) command(c simple) {
	if c.piped {
		w.text("| ")
	}
	words := c.words
	for len(words) > 0 && assignment(words[0].text) {
		name, value, _ := bytes.Cut(words[0].text, []byte("="))
		w.text(string(name) + "=")
		w.slot(kind(value), value)
		w.space()
		words = words[1:]
	}
	for len(words) > 0 {
		name := programName(words[0].text)
		if name == "" {
			w.slot(kind(words[0].text), words[0].text)
		} else {
			w.text(name)
		}
		words = words[1:]
		if !prefixes[name] || len(words) == 0 || bytes.HasPrefix(words[0].text, []byte("-")) {
			break
		}
		w.space()
	}
	w.arguments(words)
	w.line()
}

func assignment(b []byte) bool {
	n := span(b, func(c byte) bool { return alnum(c) || c == '_' })
	return n > 0 && !digit(b[0]) && n < len(b) && b[n] == '='
}

// arguments writes options as they are, and one slot for all values of one type that follow each other.
func (w *writer) arguments(words []word) {
	last := Slot(0)
	for _, x := range words {
		b := x.text
		if redirection(b) && !x.quoted {
			continue
		}
		if !x.quoted && option(b) {
			name, value, ok := bytes.Cut(b, []byte("="))
			w.space()
			w.words(name)
			if ok {
				w.text("=")
				w.slot(kind(value), value)
			}
			last = 0
			continue
		}
		if s := argument(x); s == String && !w.brief && bytes.Contains(b, []byte("://")) {
			w.space()
			w.words(b)
			last = 0
		} else if s != last {
			w.space()
			w.slot(s, b)
			last = s
		} else {
			w.more(b)
		}
	}
}

// redirection reports whether output is thrown away or joined.
func redirection(b []byte) bool {
	return bytes.Contains(b, []byte(">&")) || bytes.HasSuffix(b, []byte(">/dev/null")) || bytes.Equal(b, []byte("2>")) || bytes.Equal(b, []byte("/dev/null"))
}

// argument is the slot of an argument.
func argument(x word) Slot {
	if bytes.HasPrefix(x.text, []byte("$((")) {
		return Number
	}
	s := kind(x.text)
	if x.quoted && s == Value {
		return String
	}
	return s
}
