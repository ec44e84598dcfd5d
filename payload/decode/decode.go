package decode

import (
	"mvdan.cc/sh/v3/syntax"
)

// MaxInput is how many bytes of a payload are looked at.
const MaxInput = 1 << 20

// Options bound the work. A zero field stands for its default.
type Options struct {
	// MaxDepth is how many layers are undone, one within the other.
	MaxDepth int
	// MaxOutput is the number of bytes of all results together.
	MaxOutput int
	// MaxNodes is the number of results.
	MaxNodes int
	// MaxWork is the number of bytes touched, each as often as it is touched.
	MaxWork int
}

// The default bounds. Real payloads need four to six layers and a few kilobytes.
const (
	defaultDepth  = 8
	defaultOutput = 256 << 10
	defaultNodes  = 400
	defaultWork   = 16 << 20
	// maxNote bounds what a note takes over from the payload, in bytes.
	maxNote = 200
)

func (o Options) withDefaults() Options {
	set := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	set(&o.MaxDepth, defaultDepth)
	set(&o.MaxOutput, defaultOutput)
	set(&o.MaxNodes, defaultNodes)
	set(&o.MaxWork, defaultWork)
	return o
}

// language is how the bytes of a node are read.
type language uint8

const (
	// text may be anything.
	text language = iota
	// shell is a command line.
	shell
	// code is in a programming language.
	code
	// opaque is not decoded further.
	opaque
)

// decoder is the work on one payload.
type decoder struct {
	o     Options
	tree  *Tree
	work  int
	out   int
	langs []language
	depth []int
	seen  map[string]bool
	sh    *syntax.Parser
}

// Decode undoes the layers of a payload, from the outside in, until nothing more is found or a bound is reached.
func Decode(b []byte, o Options) *Tree {
	d := &decoder{o: o.withDefaults(), tree: &Tree{}, seen: map[string]bool{}}
	d.work = d.o.MaxWork
	if len(b) > MaxInput {
		b = b[:MaxInput]
		d.stop("input")
	}
	d.tree.Nodes = append(d.tree.Nodes, Node{Parent: -1, Kind: "payload", Length: len(b), Bytes: b})
	d.langs, d.depth = append(d.langs, text), append(d.depth, 0)
	for i := 0; i < len(d.tree.Nodes) && d.work > 0; i++ {
		d.expand(i)
	}
	return d.tree
}

// expand looks for layers in one node.
func (d *decoder) expand(i int) {
	whole := span{node: i, end: len(d.tree.Nodes[i].Bytes)}
	switch d.langs[i] {
	case shell:
		d.commandLine(whole)
		d.encoded(whole)
	case text, code:
		if i == 0 && d.protocol(whole) {
			return
		}
		d.any(whole, 0)
	}
}

// stop notes the first bound that was reached.
func (d *decoder) stop(bound string) {
	if d.tree.Truncated == "" {
		d.tree.Truncated = bound
	}
}

// spend takes n bytes from the budget; false when it is used up.
func (d *decoder) spend(n int) bool {
	if d.work -= n; d.work <= 0 {
		d.work = 0
		d.stop("work")
		return false
	}
	return true
}

// share is how many bytes one result may have: half of what is left, so that a large one leaves room for what is in it.
func (d *decoder) share() int {
	room := d.o.MaxOutput - d.out
	return max(room/2, min(room, minShare))
}

// minShare is what one result may have as long as so much is left.
const minShare = 1 << 10

// span is a part of a node's bytes.
type span struct{ node, off, end int }

func (d *decoder) bytes(s span) []byte { return d.tree.Nodes[s.node].Bytes[s.off:s.end] }

// sub is b[from:to] of a span.
func (s span) sub(from, to int) span { return span{s.node, s.off + from, s.off + to} }

// layer is something found.
type layer struct {
	kind  string
	note  string
	bytes []byte
	lang  language
	runs  bool
	part  bool
	// twice says that it counts although the same was found elsewhere.
	twice bool
}

// add keeps what was found at a place, unless it is empty, known or too much. It reports whether it was kept.
func (d *decoder) add(at span, l layer) bool {
	depth := d.depth[at.node] + 1
	if len(l.bytes) == 0 || !d.spend(len(l.bytes)) || !d.isNew(at.node, l) {
		return false
	}
	switch {
	case depth > d.o.MaxDepth:
		d.stop("depth")
		return false
	case len(d.tree.Nodes) > d.o.MaxNodes:
		d.stop("nodes")
		return false
	case d.share() == 0:
		d.stop("output")
		return false
	case len(l.bytes) > d.share():
		l.bytes = l.bytes[:d.share()]
		d.stop("output")
	}
	d.out += len(l.bytes)
	d.tree.Nodes = append(d.tree.Nodes, Node{Parent: at.node, Kind: l.kind, Offset: at.off, Length: at.end - at.off, Note: cut(l.note, 4*maxNote), Bytes: l.bytes, Runs: l.runs, Part: l.part})
	d.langs, d.depth = append(d.langs, l.lang), append(d.depth, depth)
	return true
}

// isNew says that a result is not its parent once more and was not found elsewhere in the same way.
func (d *decoder) isNew(parent int, l layer) bool {
	if p := d.tree.Nodes[parent]; string(p.Bytes) == string(l.bytes) && (p.Runs || !l.runs) {
		return false
	}
	if l.twice {
		return true
	}
	key := l.kind + "\x00" + string(l.bytes)
	if d.seen[key] {
		return false
	}
	d.seen[key] = true
	return true
}

// cut keeps the first n bytes of a text.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

// any looks for every layer that a text can have. Level counts the spans around it in the same node.
func (d *decoder) any(s span, level int) {
	b := d.bytes(s)
	if len(b) < 2 || level > maxLevel || !d.spend(2*len(b)) {
		return
	}
	if d.inflate(s) {
		return
	}
	if wide, ok := fromUTF16(b[:min(len(b), 64)]); ok && len(wide) >= minBase64 {
		wide, _ = fromUTF16(b)
		d.add(s, layer{kind: "utf16", note: "UTF-16LE", bytes: wide})
		return
	}
	has := bytesOf(b)
	if has['$'] && has['{'] {
		d.lookups(s)
	}
	switch {
	case has['"'] && isJSON(b):
		d.json(s, level)
		return
	case d.langs[s.node] != text:
	case (has['*'] || has['@']) && d.crontab(s, b), has['('] && d.script(s):
		return
	}
	if has['<'] && has['>'] && d.xml(s, level) {
		return
	}
	if has['\\'] && has[':'] {
		d.brokenURLs(s)
	}
	plain := d.langs[s.node] == text
	switch {
	case plain && d.escapes(s, escapes, &has):
	case has['('] && d.calls(s):
	case d.looseShell(s):
	case plain: // A command's URL may have %NN of its own.
		d.escapes(s, percents, &has)
	}
	d.encoded(s)
}

// maxLevel bounds spans within spans of one node.
const maxLevel = 4

func bytesOf(b []byte) (has [256]bool) {
	for _, c := range b {
		has[c] = true
	}
	return has
}
