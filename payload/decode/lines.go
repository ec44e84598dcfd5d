package decode

import (
	"bytes"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// stage is one command of a pipeline, its words without quotes and with the variables that are known.
type stage struct {
	words    []string
	places   []place
	off, end int
	// input is a here-document or here-string; output is the file to which the command's output goes.
	input  *string
	output string
}

// place is where a word stands.
type place struct{ off, end int }

// pipeline is commands of which each reads what the one before wrote.
type pipeline struct {
	stages []stage
	// whole says that the line consists of it alone.
	whole bool
}

const (
	// maxShell is how much of a command line is parsed, maxNesting how deep it may be nested, and maxOperators how many
	// operators it may have: the parser works recursively.
	maxShell     = 64 << 10
	maxNesting   = 60
	maxOperators = 3000
	maxPipelines = 300
	maxVariable  = 4 << 10
)

// pipelines takes a command line apart: with a shell's grammar, or, where that finds none, at its separators.
func (d *decoder) pipelines(b []byte) []pipeline {
	b = b[:min(len(b), maxShell)]
	if !d.spend(8 * len(b)) {
		return nil
	}
	if parseable(b) {
		if d.sh == nil {
			d.sh = syntax.NewParser(syntax.Variant(syntax.LangBash))
		}
		if f, err := d.sh.Parse(bytes.NewReader(b), ""); err == nil {
			l := lowering{d: d, src: b, vars: map[string]string{}, done: map[*syntax.Stmt]bool{}}
			l.file(f)
			return l.out
		}
	}
	return split(b)
}

// parseable bounds what the parser is given.
func parseable(b []byte) bool {
	depth, deepest, operators, word := 0, 0, 0, 0
	for i, c := range b {
		switch c {
		case 0:
			return false
		case '(', '{':
			depth++
			deepest = max(deepest, depth)
			operators++
		case ')', '}':
			depth = max(depth-1, 0)
		case '|', '&', ';', '\n', '[', '!', '<', '>', '`':
			operators++
		}
		if c <= ' ' {
			if keywords[string(b[word:i])] {
				operators++
			}
			word = i + 1
		}
	}
	return deepest <= maxNesting && operators <= maxOperators
}

// lowering turns the shell's syntax tree into pipelines.
type lowering struct {
	d    *decoder
	src  []byte
	vars map[string]string
	done map[*syntax.Stmt]bool
	out  []pipeline
	deep int
}

func (l *lowering) file(f *syntax.File) {
	if len(f.Stmts) == 1 {
		l.statement(f.Stmts[0], true)
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			if !l.done[n] {
				l.statement(n, false)
			}
		case *syntax.DeclClause:
			l.assign(n.Args)
		}
		return len(l.out) < maxPipelines
	})
}

// statement takes up a command or a pipeline; compound commands are left to whoever walks on.
func (l *lowering) statement(st *syntax.Stmt, whole bool) {
	l.done[st] = true
	p := pipeline{whole: whole}
	if !l.stages(st, &p) || len(p.stages) == 0 {
		return
	}
	l.out = append(l.out, p)
}

// stages adds the commands of a pipeline; false for a statement that is none.
func (l *lowering) stages(st *syntax.Stmt, p *pipeline) bool {
	switch cmd := st.Cmd.(type) {
	case *syntax.BinaryCmd:
		if cmd.Op != syntax.Pipe && cmd.Op != syntax.PipeAll {
			return false
		}
		l.done[cmd.X], l.done[cmd.Y] = true, true
		if !l.stages(cmd.X, p) {
			l.done[cmd.X] = false
			p.stages = append(p.stages, l.unknown(cmd.X))
		}
		if !l.stages(cmd.Y, p) {
			l.done[cmd.Y] = false
			p.stages = append(p.stages, l.unknown(cmd.Y))
		}
		return true
	case *syntax.CallExpr:
		if len(cmd.Args) == 0 {
			l.assign(cmd.Assigns)
			return false
		}
		p.stages = append(p.stages, l.stage(st, cmd))
		return true
	}
	return false
}

// unknown stands for a compound command within a pipeline.
func (l *lowering) unknown(st *syntax.Stmt) stage {
	return stage{off: int(st.Pos().Offset()), end: int(st.End().Offset())}
}

func (l *lowering) stage(st *syntax.Stmt, cmd *syntax.CallExpr) stage {
	s := stage{off: int(st.Pos().Offset()), end: min(int(st.End().Offset()), len(l.src))}
	for _, w := range cmd.Args {
		for _, field := range strings.Split(l.fields(w), fieldEnd) {
			s.add(field, int(w.Pos().Offset()), int(w.End().Offset()))
		}
	}
	for _, r := range st.Redirs {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob:
			if r.N == nil || r.N.Value == "1" {
				s.output = l.word(r.Word)
			}
		case syntax.WordHdoc:
			in := l.word(r.Word)
			s.input = &in
		case syntax.Hdoc, syntax.DashHdoc:
			if r.Hdoc != nil {
				in := l.word(r.Hdoc)
				s.input = &in
			}
		}
	}
	return s
}

// add appends a word; {a,b} alone is two, as brace expansion makes it.
func (s *stage) add(word string, off, end int) {
	if n := len(word); n > 3 && word[0] == '{' && word[n-1] == '}' && bytes.IndexByte([]byte(word), ',') > 0 {
		for _, part := range bytes.Split([]byte(word[1:n-1]), []byte(",")) {
			s.words, s.places = append(s.words, string(part)), append(s.places, place{off, end})
		}
		return
	}
	s.words, s.places = append(s.words, word), append(s.places, place{off, end})
}

func (l *lowering) assign(list []*syntax.Assign) {
	for _, a := range list {
		if a.Name == nil || a.Value == nil || len(l.vars) > maxFields {
			continue
		}
		v := l.word(a.Value)
		if a.Append {
			v = l.vars[a.Name.Value] + v
		}
		if len(v) <= maxVariable {
			l.vars[a.Name.Value] = v
		}
	}
}

// keywords may stand before a command.
var keywords = newNames("if", "then", "else", "elif", "while", "until", "for", "case", "select", "do", "in", "function", "coproc", "time", "{", "!")

// split takes a line apart without a grammar: at ; & | and line ends outside quotes, and at blanks.
func split(b []byte) (list []pipeline) {
	var p pipeline
	var s stage
	var word []byte
	start, quote, target := -1, byte(0), false
	endWord := func(i int) {
		switch {
		case start < 0:
		case target:
			s.output, s.end, target = string(word), i, false
		default:
			s.words, s.places = append(s.words, string(word)), append(s.places, place{start, i})
			s.end = i
		}
		word, start = nil, -1
	}
	endStage := func(i int, last bool) {
		endWord(i)
		target = false
		for len(s.words) > 1 && keywords[s.words[0]] {
			s.words, s.places = s.words[1:], s.places[1:]
		}
		if len(s.words) > 0 {
			s.off = s.places[0].off
			p.stages = append(p.stages, s)
		}
		s = stage{}
		if last && len(p.stages) > 0 {
			list = append(list, p)
			p = pipeline{}
		}
	}
	for i := 0; i < len(b) && len(list) < maxPipelines; i++ {
		c := b[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
			continue
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
			if start < 0 {
				start = i
			}
			continue
		case c == '\\' && quote != '\'' && i+1 < len(b):
			i++
			c = b[i]
		case quote == 0 && (c == ' ' || c == '\t' || c == '\r'):
			endWord(i)
			continue
		case quote == 0 && c == '>':
			if start >= 0 && digits(word) {
				word, start = nil, -1 // the number of what is redirected
			}
			endWord(i)
			target = true
			continue
		case quote == 0 && c == '|' && (i+1 >= len(b) || b[i+1] != '|') && (i == 0 || b[i-1] != '|'):
			endStage(i, false)
			continue
		case quote == 0 && bytes.IndexByte([]byte(";&|\n()`"), c) >= 0:
			endStage(i, true)
			continue
		}
		if start < 0 {
			start = i
		}
		word = append(word, c)
	}
	endStage(len(b), true)
	return list
}
