package decode

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// word is what a shell makes of a word, as far as that is known; what is not stays as it was written.
func (l *lowering) word(w *syntax.Word) string {
	return strings.ReplaceAll(l.fields(w), fieldEnd, " ")
}

// fieldEnd stands where a shell splits what comes of a variable outside quotes.
const fieldEnd = "\x00"

// fields is a word with a fieldEnd at each place where it becomes two.
func (l *lowering) fields(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	var out strings.Builder
	l.parts(&out, w.Parts, false)
	return out.String()
}

func (l *lowering) parts(out *strings.Builder, parts []syntax.WordPart, quoted bool) {
	for _, p := range parts {
		if out.Len() > maxText || !l.d.spend(1) {
			return
		}
		switch p := p.(type) {
		case *syntax.Lit:
			literalPart(out, p.Value, quoted)
		case *syntax.SglQuoted:
			if p.Dollar {
				out.Write(cEscapes([]byte(p.Value)))
			} else {
				out.WriteString(p.Value)
			}
		case *syntax.DblQuoted:
			l.parts(out, p.Parts, true)
		case *syntax.ParamExp:
			out.WriteString(splitUnless(quoted, l.parameter(p)))
		case *syntax.CmdSubst:
			if v, ok := l.substituted(p); ok {
				out.WriteString(splitUnless(quoted, v))
			} else {
				out.Write(l.source(p))
			}
		default:
			out.Write(l.source(p))
		}
	}
}

func splitUnless(quoted bool, v string) string {
	if quoted {
		return v
	}
	return strings.ReplaceAll(v, " ", fieldEnd)
}

// literalPart drops the backslashes that a shell drops: all outside quotes, those before $ ` " and \ within.
func literalPart(out *strings.Builder, s string, quoted bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (!quoted || strings.IndexByte("$`\"\\", s[i+1]) >= 0) {
			i++
		}
		out.WriteByte(s[i])
	}
}

func (l *lowering) source(n syntax.Node) []byte {
	from, to := int(n.Pos().Offset()), int(n.End().Offset())
	if from < 0 || to > len(l.src) || from > to {
		return nil
	}
	return l.src[from:to]
}

// parameter is the value of a variable that was set before, of IFS, and of positional parameters, which are empty.
func (l *lowering) parameter(p *syntax.ParamExp) string {
	if p.Param == nil || p.Excl || p.Length || p.Width || p.Index != nil || p.Slice != nil || p.Repl != nil || p.Exp != nil {
		return string(l.source(p))
	}
	name := p.Param.Value
	if v, ok := l.vars[name]; ok {
		return v
	}
	switch name {
	case "IFS":
		return " "
	case "@", "*", "1", "2", "3", "4", "5", "6", "7", "8", "9":
		return ""
	}
	return string(l.source(p))
}

const maxSubstitutions = 8

// substituted is what a command substitution yields where that is known: of echo, printf and the decoders behind them.
func (l *lowering) substituted(c *syntax.CmdSubst) (string, bool) {
	if len(c.Stmts) != 1 || l.deep >= maxSubstitutions {
		return "", false
	}
	l.deep++
	defer func() { l.deep-- }()
	inner := lowering{d: l.d, src: l.src, vars: l.vars, done: map[*syntax.Stmt]bool{}, deep: l.deep}
	var p pipeline
	if !inner.stages(c.Stmts[0], &p) {
		return "", false
	}
	flow := l.d.flow(p.stages)
	if !flow.known || flow.next < len(p.stages) {
		return "", false
	}
	return strings.TrimRight(string(flow.data), "\n"), true
}

// cEscapes undoes the escapes of $'…', echo -e and printf.
func cEscapes(b []byte) []byte {
	out, _ := rewrite(b, '\\', func(p []byte) ([]byte, int) {
		if len(p) < 2 {
			return nil, 0
		}
		if i := strings.IndexByte(`nrtabefv\'"`, p[1]); i >= 0 {
			return []byte{"\n\r\t\a\b\x1b\f\v\\'\""[i]}, 2
		}
		if r, n := unicodeEscape(p[1:]); n > 0 {
			return r, 1 + n
		}
		if p[1] == 'x' {
			return hexDigits(p)
		}
		return octalDigits(p)
	})
	return out
}

// hexDigits reads \xN or \xNN.
func hexDigits(p []byte) ([]byte, int) {
	if c, ok := hexPair(p, 2); ok {
		return []byte{c}, 4
	}
	if len(p) > 2 && nibble(p[2]) < 16 {
		return []byte{nibble(p[2])}, 3
	}
	return nil, 0
}

// octalDigits reads \N to \NNN, and \0NNN.
func octalDigits(p []byte) ([]byte, int) {
	v, i := 0, 1
	if i < len(p) && p[i] == '0' {
		i++
	}
	from := i
	for i < len(p) && i < from+3 && p[i] >= '0' && p[i] <= '7' {
		v = v*8 + int(p[i]-'0')
		i++
	}
	if i == 1 {
		return nil, 0
	}
	return []byte{byte(v)}, i
}
