package persona

import (
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// firstBytes are the bytes with which a text may begin that an expression fits.
type firstBytes [256]bool

// firstOf reads them off an expression that begins at the beginning of a text; nil where any text may fit. A persona has
// dozens of rules: most are passed over by this, at the price of one look.
func firstOf(expression string) *firstBytes {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || program.StartCond()&syntax.EmptyBeginText == 0 {
		return nil
	}
	f := &firstBytes{}
	if !f.walk(program, program.Start, map[int]bool{}) {
		return nil
	}
	return f
}

// walk follows the program from an instruction to the runes that it asks for first. It is false where it asks for none.
func (f *firstBytes) walk(p *syntax.Prog, at int, seen map[int]bool) bool {
	if seen[at] {
		return true
	}
	seen[at] = true
	switch i := &p.Inst[at]; i.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		return f.walk(p, int(i.Out), seen) && f.walk(p, int(i.Arg), seen)
	case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
		return f.walk(p, int(i.Out), seen)
	case syntax.InstRune, syntax.InstRune1:
		f.add(i)
		return true
	case syntax.InstFail:
		return true
	}
	return false // any rune, or the end of a match
}

func (f *firstBytes) add(i *syntax.Inst) {
	if len(i.Rune) == 1 {
		f.set(i.Rune[0])
		if syntax.Flags(i.Arg)&syntax.FoldCase != 0 {
			for r := unicode.SimpleFold(i.Rune[0]); r != i.Rune[0]; r = unicode.SimpleFold(r) {
				f.set(r)
			}
		}
		return
	}
	for j := 0; j+1 < len(i.Rune); j += 2 {
		for r := i.Rune[j]; r <= min(i.Rune[j+1], utf8.RuneSelf); r++ {
			f.set(r)
		}
		f.set(i.Rune[j+1])
	}
}

// set adds the bytes with which the rune can begin: those that are not ASCII are not told apart, and bytes that are no
// UTF-8 are read as one of them.
func (f *firstBytes) set(r rune) {
	if r < utf8.RuneSelf {
		f[r] = true
		return
	}
	for b := utf8.RuneSelf; b < len(f); b++ {
		f[b] = true
	}
}

// allow says whether the text may fit. A nil f allows all.
func (f *firstBytes) allow(text string) bool {
	return f == nil || text != "" && f[text[0]]
}
