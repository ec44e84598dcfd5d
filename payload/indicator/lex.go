package indicator

import (
	"slices"
	"strconv"
	"strings"
)

// Bounds of taking a command line apart.
const (
	maxCommands = 1024
	maxNesting  = 5
)

// word is one word of a command, with its quotes removed.
type word struct {
	text string
	at   span
	// open says that output of a command follows in it: http://host/$(whoami).
	open bool
}

// command is one command of a line, or of a line within a quoted word.
type command struct {
	words []word
	// writes are the files to which its output goes.
	writes []word
	// pipe is the command that reads its output, outer the one in whose words it stands; -1 for none.
	pipe, outer int
	// output says that its output becomes text of outer: $(…), `…`, <(…).
	output bool
}

// group is an open bracket.
type group struct {
	kind byte
	// before is the command in which it was opened, first that which is the first within.
	before, first int
}

// lexer takes a text apart into commands, as a shell would. In text that is code or data of which only the strings are command lines,
// it reads the strings so too.
type lexer struct {
	commands []command
	s        string
	i        int
	code     bool
	depth    int
	// fixed is where a nested text stands in the node, nil at the top.
	fixed *span

	current int
	open    []group
	word    []byte
	begin   int
	inWord  bool
	// reads are the commands whose output the next command reads.
	reads  []int
	closed *group
	// glued says that a substitution just ended: the rest of its word tells nothing by itself.
	glued bool
	// redirect says that the next word is a file to write (>) or to read (<).
	redirect byte
}

// lex returns the commands in the text; runs says that it is a command line or script as a whole.
func lex(s string, runs bool) []command {
	l := &lexer{s: s, code: !runs}
	l.parse(-1)
	return l.commands
}

func (l *lexer) parse(outer int) {
	l.current = l.start(outer, false)
	for l.i < len(l.s) && len(l.commands) < maxCommands {
		l.step()
	}
	l.endWord()
}

func (l *lexer) start(outer int, output bool) int {
	l.commands = append(l.commands, command{pipe: -1, outer: outer, output: output})
	n := len(l.commands) - 1
	for _, r := range l.reads {
		l.commands[r].pipe = n
	}
	l.reads, l.closed = nil, nil
	return n
}

func (l *lexer) step() {
	c := l.s[l.i]
	l.i++
	switch {
	case c == ' ' || c == '\t' || c == '\r' || c == 0 || l.code && l.separates(c):
		l.endWord()
	case c == '\n' || c == ';':
		l.endCommand(false)
	case c == '|':
		two := l.skip('|')
		l.skip('&')
		l.endCommand(!two)
	case c == '&':
		if l.i < len(l.s) && l.s[l.i] == '>' {
			l.endWord()
			return
		}
		l.skip('&')
		l.endCommand(false)
	case c == '\'' || c == '"':
		l.quote(c)
	case c == '\\':
		l.escape()
	case c == '`':
		l.backquote()
	case c == '(' || c == '{' && !l.inWord && !l.code && l.i < len(l.s) && l.s[l.i] == ' ':
		l.bracket(c)
	case c == ')' || c == '}' && !l.inWord && len(l.open) > 0 && l.open[len(l.open)-1].kind == '{':
		l.close()
	case c == '>' || c == '<':
		l.angle(c)
	default:
		l.put(c)
	}
}

// separates says where words of code end beside blanks.
func (l *lexer) separates(c byte) bool {
	return (c == ',' || c == '[' || c == ']' || c == '=') && !strings.Contains(string(l.word[:min(len(l.word), 32)]), "://")
}

func (l *lexer) skip(c byte) bool {
	if l.i < len(l.s) && l.s[l.i] == c {
		l.i++
		return true
	}
	return false
}

func (l *lexer) put(c byte) {
	if !l.inWord {
		l.inWord, l.begin = true, l.i-1
	}
	l.word = append(l.word, c)
}

func (l *lexer) endWord() {
	if l.glued && l.inWord {
		l.inWord, l.word = false, l.word[:0]
	}
	l.glued = false
	if !l.inWord {
		return
	}
	w := word{text: string(l.word), at: span{l.begin, l.i}}
	if l.fixed != nil {
		w.at = *l.fixed
	}
	c := &l.commands[l.current]
	switch l.redirect {
	case '>':
		c.writes = append(c.writes, w)
		if l.closed != nil { // What a group says goes there.
			for n := l.closed.first; n < len(l.commands); n++ {
				if n != l.current && l.commands[n].pipe < 0 && len(l.commands[n].writes) < 8 {
					l.commands[n].writes = append(l.commands[n].writes, w)
				}
			}
		}
	case '<':
	default:
		c.words = append(c.words, w)
	}
	l.inWord, l.word, l.redirect, l.closed = false, l.word[:0], 0, nil
}

func (l *lexer) endCommand(pipe bool) {
	l.endWord()
	l.redirect = 0
	c := l.commands[l.current]
	if pipe {
		l.reads = append(l.reads, l.current)
		if l.closed != nil { // A group just ended.
			for n := l.closed.first; n < len(l.commands); n++ {
				if l.commands[n].pipe < 0 && n != l.current {
					l.reads = append(l.reads, n)
				}
			}
		}
	} else if len(c.words) == 0 && len(c.writes) == 0 && l.closed == nil && l.current == len(l.commands)-1 {
		return // Nothing was said yet.
	}
	l.current = l.start(c.outer, c.output)
}

// quote reads a string. One that holds more than a word may be a command line of its own.
func (l *lexer) quote(mark byte) {
	end := l.stringEnd(mark)
	if end < 0 {
		l.endWord()
		return
	}
	if l.code {
		l.endWord()
	}
	begin := l.i - 1
	content := l.s[l.i:end]
	l.i = end + 1
	if l.code {
		content = unescapeCode(content)
	} else if mark == '"' {
		content = unescapeShell(content)
	}
	if !l.inWord {
		l.inWord, l.begin = true, begin
	}
	l.word = append(l.word, content...)
	if strings.ContainsAny(content, " \t\n;|&(`") && l.depth < maxNesting {
		l.nested(content, span{begin, l.i})
	}
	if l.code {
		l.endWord()
	}
}

func (l *lexer) nested(content string, at span) {
	if l.fixed != nil {
		at = *l.fixed
	}
	n := &lexer{commands: l.commands, s: content, depth: l.depth + 1, fixed: &at, code: l.code && looksLikeCode(content)}
	n.parse(l.current)
	l.commands = n.commands
}

// looksLikeCode tells the code of a program within a string from a command line.
func looksLikeCode(s string) bool {
	for _, w := range []string{"require(", "exec(", "execSync(", "system(", "spawn(", "spawnSync(", "import(", "function(", "passthru("} {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// stringEnd finds the mark that ends a string. In a shell nothing escapes within single quotes.
func (l *lexer) stringEnd(mark byte) int {
	for i := l.i; i < len(l.s); i++ {
		switch {
		case l.s[i] == '\\' && (l.code || mark == '"'):
			i++
		case l.s[i] == mark:
			return i
		}
	}
	return -1
}

func (l *lexer) escape() {
	if l.i >= len(l.s) {
		return
	}
	c := l.s[l.i]
	l.i++
	switch {
	case c == '\n':
	case len(l.word) > 1 && l.word[1] == ':' || len(l.word) > 0 && l.word[0] == '%': // A path of Windows.
		l.put('\\')
		l.put(c)
	case l.code && (c == 'n' || c == 'r'):
		l.endCommand(false)
	case l.code && c == 't':
		l.endWord()
	case l.code && (c == '"' || c == '\''):
		l.endWord()
	default:
		l.put(c)
	}
}

// backquote opens or closes a substitution; in code it is but a mark around a string.
func (l *lexer) backquote() {
	if n := len(l.open); n > 0 && l.open[n-1].kind == '`' {
		l.close()
		return
	}
	l.bracket('`')
}

func (l *lexer) bracket(c byte) {
	output := c == '`' && !l.code
	if c == '(' && l.i > 1 && (l.s[l.i-2] == '$' || l.s[l.i-2] == '<') {
		output = true
	}
	g := group{kind: c, before: l.current, first: len(l.commands)}
	if output {
		if c == '`' {
			l.put('$') // What the victim alone knows.
		}
		g.kind |= 0x80
		if c == '`' {
			g.kind = '`'
		}
	}
	l.endWordKeeping(output)
	outer := l.commands[l.current].outer
	if output {
		outer = l.current
	}
	l.open = append(l.open, g)
	if len(l.open) > 64 {
		l.open = slices.Delete(l.open, 0, 1)
	}
	l.current = l.start(outer, output || l.commands[g.before].output)
}

// endWordKeeping ends the word before a bracket. The rest of a word with a substitution in it becomes a word of its own, which is of no use
// and harmless.
func (l *lexer) endWordKeeping(output bool) {
	if output && string(l.word) == "$" {
		l.inWord, l.word = false, l.word[:0]
	}
	redirect, inWord := l.redirect, l.inWord
	l.endWord()
	if words := l.commands[l.current].words; output && inWord && len(words) > 0 {
		words[len(words)-1].open = !strings.HasPrefix(l.s[l.i:], "uname -m") && !strings.HasPrefix(l.s[l.i:], "arch)")
	}
	if output && redirect == '<' {
		l.redirect = 0
	}
}

func (l *lexer) close() {
	l.endWord()
	l.redirect = 0
	if len(l.open) == 0 {
		l.endCommand(false)
		return
	}
	g := l.open[len(l.open)-1]
	l.open = l.open[:len(l.open)-1]
	l.current = g.before
	l.reads = nil
	l.closed = &g
	l.glued = g.kind == '`' || g.kind&0x80 != 0
}

// angle reads a redirection. In code, where angles are many things, only one to a path counts.
func (l *lexer) angle(c byte) {
	if c == '<' && l.i < len(l.s) && l.s[l.i] == '(' {
		l.endWord()
		return
	}
	if l.inWord && dotted(string(l.word)) && len(l.word) == 1 { // The number of a file descriptor.
		l.inWord, l.word = false, l.word[:0]
	}
	if l.code {
		rest := strings.TrimLeft(l.s[l.i:min(len(l.s), l.i+4)], " >")
		before := byte(' ')
		if l.i > 1 {
			before = l.s[l.i-2]
		}
		if c == '<' || !strings.HasPrefix(rest, "/") && !l.writes() || before == '/' || before == '=' || before == '-' || before == '"' || letter(before) {
			l.endWord()
			return
		}
	}
	l.endWord()
	l.skip(c)
	l.skip('|')
	if l.skip('&') {
		for l.i < len(l.s) && (digit(l.s[l.i]) || l.s[l.i] == '-') {
			l.i++
		}
		return
	}
	l.redirect = c
}

// writes reports whether the command is one whose output is often written to a file.
func (l *lexer) writes() bool {
	for _, w := range l.commands[l.current].words {
		switch base(w.text) {
		case "echo", "cat", "printf", "wget", "curl", "base64":
			return true
		}
	}
	return false
}

// unescapeShell undoes what a shell undoes within double quotes.
func unescapeShell(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\$`, `$`, "\\`", "`", "\\\n", "").Replace(s)
}

// unescapeCode undoes what JSON, JavaScript and Python undo within strings.
func unescapeCode(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		size := 0
		switch s[i] {
		case 'n', 'r':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'u':
			size = 4
		case 'x':
			size = 2
		default:
			b.WriteByte(s[i])
		}
		if size == 0 {
			continue
		}
		if n, err := strconv.ParseUint(s[i+1:min(len(s), i+1+size)], 16, 16); err == nil && i+size < len(s) {
			b.WriteRune(rune(n))
			i += size
		}
	}
	return b.String()
}
