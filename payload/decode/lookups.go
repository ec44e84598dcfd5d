package decode

import (
	"bytes"
	"fmt"
	"strings"

	"terroir/payload/log4j"
)

// lookups finds what Log4j would look up, and the command in its path.
func (d *decoder) lookups(s span) {
	b := d.bytes(s)
	if !d.spend(len(b)) {
		return
	}
	budget := log4j.Budget{Left: d.work}
	found, complete := log4j.Find(b, &budget)
	d.work = max(budget.Left, 0)
	if !complete {
		d.stop("work")
	}
	for _, l := range found {
		at := s.sub(l.Offset, l.Offset+l.Length)
		again := layer{kind: "log4j", note: lookupNote(l), bytes: []byte(l.Resolved), lang: opaque}
		first := d.lookup(again.bytes)
		if first > 0 && d.within(at, again.bytes) {
			continue
		}
		if first > 0 {
			again.note += fmt.Sprintf("; the same as step %d", first)
			again.twice = true
		}
		if d.add(at, again) && first == 0 {
			d.lookupCommand(len(d.tree.Nodes) - 1)
		}
	}
}

// lookup is the first node with the same lookup, or 0.
func (d *decoder) lookup(resolved []byte) int {
	for i, n := range d.tree.Nodes {
		if n.Kind == "log4j" && bytes.Equal(n.Bytes, resolved) {
			return i
		}
	}
	return 0
}

// within says that the same lookup was found already at this place, or in the text of which this one was decoded.
func (d *decoder) within(at span, resolved []byte) bool {
	for _, n := range d.tree.Nodes {
		if n.Kind == "log4j" && n.Parent == at.node && n.Offset == at.off {
			return true
		}
	}
	for i := at.node; i > 0; i = d.tree.Nodes[i].Parent {
		from := d.tree.Nodes[i]
		for _, n := range d.tree.Nodes {
			if n.Kind == "log4j" && n.Parent == from.Parent && n.Offset >= from.Offset && n.Offset < from.Offset+from.Length && bytes.Equal(n.Bytes, resolved) {
				return true
			}
		}
	}
	return false
}

func lookupNote(l log4j.Lookup) string {
	if l.Malformed {
		return "meant as a lookup, but names no target"
	}
	note := strings.ToUpper(l.Scheme) + " lookup"
	if l.Host != "" {
		note += " at " + l.Host
	}
	if l.Port != 0 {
		note += fmt.Sprintf(":%d", l.Port)
	}
	if l.Fires {
		note += "; fires in Log4j 2.14.1"
	} else {
		note += "; does not fire in Log4j 2.14.1"
	}
	if len(l.Exfil) > 0 {
		note += "; sends " + strings.Join(l.Exfil, ", ")
	}
	return note
}

// lookupCommand decodes the command in the path of a lookup: JNDIExploit's servers take .../Command/Base64/DATA.
func (d *decoder) lookupCommand(node int) {
	b := d.tree.Nodes[node].Bytes
	const mark = "base64/"
	i := indexFold(b, mark)
	if i < 0 {
		return
	}
	from := i + len(mark)
	for from < len(b) && b[from] == '/' {
		from++
	}
	end := from
	for end < len(b) && (isBase64[b[end]] || b[end] == '=') {
		end++
	}
	at := span{node, from, end}
	if raw, n := percent(b[from:]); n > 0 {
		at.end = len(b)
		if out, ok := unbase64(bytes.TrimRight(raw, "}')\" ")); ok && plausible(out) {
			d.add(at, layer{kind: "base64", note: "command in the lookup's path", bytes: out, lang: shell, runs: true})
			return
		}
		at.end = end
	}
	d.base64(at, "command in the lookup's path", true, layer{lang: shell, runs: true})
}
