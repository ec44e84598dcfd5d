// Package log4j finds lookups that Log4j 2 would evaluate, as its StrSubstitutor does, without ever looking anything up.
package log4j

import (
	"bytes"
	"cmp"
	"slices"
)

// Lookup is one JNDI lookup, or an attempt at one, or a lookup of Commons Text that runs or fetches something.
type Lookup struct {
	// Offset and Length say where the expression stands in the text.
	Offset, Length int
	// Resolved is the expression after everything within it was evaluated, such as "jndi:ldap://192.0.2.1:1389/a". What only the
	// victim knows (its environment, its files) stays as it was written. It is valid UTF-8 and at most MaxResolved bytes long.
	Resolved string
	// Family is "log4j", or "text4shell" for Commons Text's own lookups (CVE-2022-42889: script, url, dns).
	Family string
	// Scheme is ldap, rmi, dns, …; Host, Port and Path are those of the target ("" and 0 where there is none).
	Scheme, Host, Path string
	Port               int
	// Exfil are the lookups within the target whose values the victim would send: "env:USERDOMAIN".
	Exfil []string
	// Fires says that Log4j 2.14.1 itself evaluates it when it logs the line, in one pass of its StrSubstitutor (its message
	// converter makes another for each "${" that is left); false for what only a permissive reading finds.
	Fires bool
	// Malformed says that it was meant as a lookup but names no target.
	Malformed bool
	// Evaluations counts the lookups that were evaluated within it.
	Evaluations int
}

// Budget bounds the work of all calls that share it, in bytes touched. A request of 2.7 KB full of lookups takes about 30,000, one
// without takes its length, or a few times that where it is encoded.
type Budget struct{ Left int }

// spend takes n from the budget, and says whether that much was left.
func (b *Budget) spend(n int) bool {
	if n > b.Left {
		b.Left = 0
		return false
	}
	b.Left -= n
	return true
}

const (
	// MaxResolved is the longest Resolved, in bytes; what is longer is cut.
	MaxResolved = 8 << 10
	// maxLookups is how many lookups one text yields at most.
	maxLookups = 256
)

// Find returns the lookups in the text, in order. It stops when the budget is used up; then complete is false.
//
// Each line of the text is read as one message, as servers log a header or a parameter. It is read as it stands and again
// after each layer of transport encoding (percent, \u, \x, octal, HTML) that it can be freed from; of two readings of the same
// place the one that fires counts, and of two such the earlier one.
func Find(text []byte, b *Budget) (found []Lookup, complete bool) {
	complete = true
	for start := 0; start < len(text); {
		end := start + 1 + bytes.IndexByte(text[start:], '\n')
		if end == start {
			end = len(text)
		}
		line := text[start:end]
		if !b.spend(len(line)) {
			return found, false
		}
		if mayHold(line) {
			list, ok := findInLine(line, b)
			for _, l := range list {
				l.Offset += start
				found = append(found, l)
			}
			complete = complete && ok
		}
		if len(found) > maxLookups {
			return found[:maxLookups], false
		}
		start = end
	}
	return found, complete
}

// mayHold says whether a line can hold a lookup: it has a brace that follows a dollar, or something encoded. It is quick,
// for most lines do not.
func mayHold(line []byte) bool {
	return bytes.Contains(line, opening) || bytes.IndexByte(line, '%') >= 0 || bytes.IndexByte(line, '\\') >= 0 || bytes.IndexByte(line, '&') >= 0
}

// reading is a lookup and how sure its reading is.
type reading struct {
	Lookup
	layer, rank int
}

func (r *reading) overlaps(o *reading) bool {
	return r.Offset < o.Offset+o.Length && o.Offset < r.Offset+r.Length
}

// findInLine reads one message in all layers.
func findInLine(line []byte, b *Budget) (found []Lookup, complete bool) {
	var all []reading
	complete = true
	l := &layer{text: line}
	for n := 0; l != nil && n <= maxLayers; n++ {
		if bytes.Contains(l.text, opening) {
			list, ok := readMessage(l.text, b)
			complete = complete && ok
			for _, r := range list {
				r.layer = n
				r.Offset, r.Length = l.outermost(r.Offset, r.Offset+r.Length)
				all = settle(all, r)
			}
		}
		if !b.spend(len(l.text)) {
			complete = false
			break
		}
		l = l.decode()
	}
	slices.SortStableFunc(all, func(x, y reading) int { return cmp.Compare(x.Offset, y.Offset) })
	for _, r := range all {
		found = append(found, r.Lookup)
	}
	return found, complete
}

// settle adds a reading, unless an outer layer has one of the same place that is as good; it takes the place of worse ones.
func settle(all []reading, r reading) []reading {
	for i := range all {
		if o := &all[i]; o.layer < r.layer && o.overlaps(&r) && o.rank >= r.rank {
			return all
		}
	}
	all = slices.DeleteFunc(all, func(o reading) bool { return o.layer < r.layer && o.overlaps(&r) })
	return append(all, r)
}
