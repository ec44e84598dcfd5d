package indicator

import (
	"slices"
	"strings"

	"terroir/payload/decode"
)

// encoded are the kinds of nodes for which the text in the parent is only a way to write their bytes, so that what seems to stand
// in it need not be true.
var encoded = map[string]bool{"percent": true, "unicode": true, "octal": true, "hex": true, "html": true, "base64": true, "utf16": true, "gzip": true,
	"zlib": true, "log4j": true, "json": true, "xml": true, "php": true, "form": true, "chunked": true, "characters": true, backslash: true}

// whole are those that may stand within a value, such as in the path of a URL, and leave it true.
var whole = map[string]bool{"base64": true, "hex": true, "utf16": true, "gzip": true, "zlib": true}

// code are the kinds of nodes that run but are no command lines.
var code = map[string]bool{"code": true, "js": true, "python": true, "php": true, "perl": true, "ruby": true, "lua": true, "powershell": true, "java": true}

// backslash is the kind of a name with the backslashes taken out that hid it.
const backslash = "backslash"

// span is a part of a text, from begin up to end.
type span struct{ begin, end int }

// hiddenSpan is a part that is encoded.
type hiddenSpan struct {
	span
	whole bool
}

// layer is the text of one node.
type layer struct {
	// step is the node's index, depth the number of nodes around it.
	step, depth int
	text        string
	// lower is the text with ASCII in lower case.
	lower    string
	hidden   []hiddenSpan
	commands []command
	// binary says that it is neither a command line nor text, so that an angle in it is no redirection.
	binary bool
	// mines and executes are known once they were asked for.
	mines, executes func() bool
	// taken are the parts in which a URL or an e-mail address was found: no more is looked for in them.
	taken []span
}

// layers returns the texts of the tree, as far as the bounds go. Where backslashes hid names, the text follows once more without them, all
// of it hidden: only what it says of roles holds.
func layers(t *decode.Tree) []layer {
	left := maxTotal
	hidden, names := hiddenSpans(t), map[int][]*decode.Node{}
	for i := range t.Nodes {
		if n := &t.Nodes[i]; n.Kind == backslash {
			names[n.Parent] = append(names[n.Parent], n)
		}
	}
	var list []layer
	for i := range t.Nodes {
		n := &t.Nodes[i]
		text := string(n.Bytes[:min(len(n.Bytes), maxNode, left)])
		list = append(list, newLayer(t, i, text, hidden[i]))
		left -= len(text)
		if plain := replaceAll(text, names[i]); plain != "" && len(plain) <= left {
			left -= len(plain)
			list = append(list, newLayer(t, i, plain, []hiddenSpan{{span: span{0, len(plain)}}}))
		}
	}
	return list
}

func newLayer(t *decode.Tree, step int, text string, hidden []hiddenSpan) layer {
	n := &t.Nodes[step]
	l := layer{step: step, depth: t.Depth(step), text: text, lower: lowerASCII(text), hidden: hidden}
	runs := n.Runs && !code[n.Kind] && !looksLikeCode(text)
	if runs || slices.ContainsFunc(anchors, func(a string) bool { return strings.Contains(l.lower, a) }) {
		l.commands = lex(text, runs)
	}
	l.binary = !runs && isBinary(text)
	return l
}

// isBinary reports whether more than one byte in 32 is a control character other than white space.
func isBinary(s string) bool {
	n := 0
	for i := range len(s) {
		if s[i] < ' ' && strings.IndexByte("\t\r\n\x1b", s[i]) < 0 {
			n++
		}
	}
	return n > len(s)/32
}

func hiddenSpans(t *decode.Tree) map[int][]hiddenSpan {
	hidden := map[int][]hiddenSpan{}
	for _, n := range t.Nodes {
		if n.Parent >= 0 && encoded[n.Kind] {
			hidden[n.Parent] = append(hidden[n.Parent], hiddenSpan{span{n.Offset, n.Offset + n.Length}, whole[n.Kind]})
		}
	}
	return hidden
}

// replaceAll puts the nodes' bytes in the places where they stand; "" where there are none.
func replaceAll(text string, nodes []*decode.Node) string {
	if len(nodes) == 0 {
		return ""
	}
	slices.SortStableFunc(nodes, func(a, b *decode.Node) int { return a.Offset - b.Offset })
	var b strings.Builder
	at := 0
	for _, n := range nodes {
		if n.Offset >= at && n.Offset+n.Length <= len(text) {
			b.WriteString(text[at:n.Offset])
			b.Write(n.Bytes)
			at = n.Offset + n.Length
		}
	}
	b.WriteString(text[at:])
	return b.String()
}

// lowerASCII keeps every byte in its place, which strings.ToLower does not.
func lowerASCII(s string) string {
	low := []byte(s)
	for i, c := range low {
		if c >= 'A' && c <= 'Z' {
			low[i] |= 0x20
		}
	}
	return string(low)
}
