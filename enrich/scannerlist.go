package enrich

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"terroir"
	"terroir/enrich/identify"
)

// Unnamed is what a scanner is called that stands in the list without a name.
const Unnamed = "(unnamed)"

const (
	// maxScanners bounds the lines of a list, maxListed its bytes.
	maxScanners = 1 << 21
	maxListed   = 64 << 20
	// maxShown is how many lines that were not read are named.
	maxShown = 20
)

// listed is a list as its lines have it.
type listed struct {
	date, source, licence string
	names                 []string // names[0] is none
	numbers               map[string]uint16
	entries               []named
	unread                []string
	repeated, bad         int
}

// parseScanners reads a list: a line is an address or a network and, behind '#' (as Maltrail writes it) or a comma, the name under
// which it announces itself. Comments "# date: …", "# source: …" and "# licence: …" say what the list is; a first line may name
// columns.
//
// Lines that are neither are counted. A list that has more than one of them among a hundred, or none but them, is an ECONFIG
// error that says which line was the first.
func parseScanners(where string, text []byte) (*listed, error) {
	wrong := func(format string, args ...any) error {
		return &terroir.Error{Code: terroir.ECONFIG, Where: where, Message: fmt.Sprintf(format, args...),
			Hint: "give a list of lines such as: 192.0.2.1 # scanner.example.org"}
	}
	if len(text) > maxListed {
		return nil, wrong("a list of scanners has %d bytes at the most", maxListed)
	}
	l := &listed{names: []string{""}, numbers: map[string]uint16{}}
	seen := map[netip.Prefix]int{}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if err := l.line(strings.TrimSpace(string(line)), number, seen); err != nil {
			return nil, wrong("line %d: %v", number, err)
		}
	}
	if l.bad*100 > len(l.entries) || len(l.entries) == 0 {
		if l.bad == 0 {
			return nil, wrong("it has no scanners")
		}
		return nil, wrong("not a list of scanners: %d lines are neither addresses nor networks, the first is %s", l.bad, l.unread[0])
	}
	return l, nil
}

func (l *listed) line(line string, number int, seen map[netip.Prefix]int) error {
	if comment, ok := strings.CutPrefix(line, "#"); ok || line == "" {
		l.comment(strings.TrimSpace(comment))
		return nil
	}
	text, name := line, ""
	if i := strings.IndexAny(line, "#,"); i >= 0 {
		text, name = line[:i], strings.Trim(line[i+1:], ` "`)
	}
	text = strings.TrimSpace(text)
	if len(l.entries) == 0 && l.bad == 0 && slices.Contains([]string{"network", "address", "ip", "cidr", "prefix"}, strings.ToLower(text)) {
		return nil
	}
	p, err := parsePrefix(text)
	if err != nil {
		if l.bad++; len(l.unread) < maxShown {
			l.unread = append(l.unread, fmt.Sprintf("line %d: %.60q", number, line))
		}
		return nil
	}
	n, err := l.number(identify.Name(name))
	if err != nil {
		return err
	}
	if i, ok := seen[p]; ok {
		l.repeated++
		if l.names[l.entries[i].name] == Unnamed {
			l.entries[i].name = n
		}
		return nil
	}
	if len(l.entries) >= maxScanners {
		return fmt.Errorf("more than %d scanners", maxScanners)
	}
	seen[p] = len(l.entries)
	l.entries = append(l.entries, named{p, n})
	return nil
}

// comment takes what the list says of itself. The first of each counts.
func (l *listed) comment(text string) {
	key, value, ok := strings.Cut(text, ": ")
	value = strings.TrimSpace(value)
	if !ok || len(value) > 200 {
		return
	}
	for name, into := range map[string]*string{"date": &l.date, "source": &l.source, "licence": &l.licence} {
		if key == name && *into == "" {
			*into = value
		}
	}
}

func (l *listed) number(name string) (uint16, error) {
	if name == "" {
		name = Unnamed
	}
	if n, ok := l.numbers[name]; ok {
		return n, nil
	}
	if len(l.names) > math.MaxUint16 {
		return 0, fmt.Errorf("more than %d names", math.MaxUint16)
	}
	n := uint16(len(l.names)) //nolint:gosec // bounded above
	l.names, l.numbers[name] = append(l.names, name), n
	return n, nil
}

// parsePrefix reads an address or a network; bits of a host are cleared.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err == nil && p.Addr().Is4In6() {
		err = fmt.Errorf("a mapped network")
	}
	return p.Masked(), err
}

// believed takes the networks of which the list does not show that they are the organisation's own, and returns how many these
// are. Lists have networks that were drawn around single addresses, for firewalls: in the one that is shipped 265 are wider than a
// /24, with 1.1 million addresses of hosters, from which anybody sends. A network is believed when it has at most 16 addresses
// (IPv6: is a /64 or less), when the list names at least half of its addresses, or when it knows the organisation by networks only;
// never one that is wider than a /12 (IPv6: a /29).
func (l *listed) believed() (leftOut int) {
	var single []named
	perName := make([]int, len(l.names))
	for _, e := range l.entries {
		if e.prefix.IsSingleIP() {
			single = append(single, e)
			perName[e.name]++
		}
	}
	slices.SortFunc(single, func(a, b named) int { return a.prefix.Addr().Compare(b.prefix.Addr()) })
	kept := l.entries[:0]
	for _, e := range l.entries {
		if e.prefix.IsSingleIP() || l.own(e, single, perName[e.name]) {
			kept = append(kept, e)
		} else {
			leftOut++
		}
	}
	l.entries = kept
	return leftOut
}

func (l *listed) own(e named, single []named, ofName int) bool {
	host := e.prefix.Addr().BitLen() - e.prefix.Bits()
	if e.prefix.Addr().Is6() {
		return host <= 64 || ofName == 0 && e.prefix.Bits() >= 29
	}
	if host <= 4 || e.prefix.Bits() < 12 || ofName == 0 {
		return host <= 4 || e.prefix.Bits() >= 12
	}
	i, _ := slices.BinarySearchFunc(single, e.prefix.Addr(), func(s named, a netip.Addr) int { return s.prefix.Addr().Compare(a) })
	n := 0
	for ; i < len(single) && e.prefix.Contains(single[i].prefix.Addr()); i++ {
		if single[i].name == e.name {
			n++
		}
	}
	return n*2 >= 1<<host
}
