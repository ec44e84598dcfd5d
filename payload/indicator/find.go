// Package indicator finds the addresses, URLs, names, hashes, files, wallets, keys and images that a payload names, in all its
// layers, and says what each is for where that is certain. Nothing is resolved or fetched.
//
// What it takes for an indicator is decided in favour of a list that can be acted upon:
//
//   - Private, reserved, documentation and other special addresses (RFC 6890) and names (RFC 6761), well-known public resolvers, the
//     hosts of XML namespaces, and what names the sensor are left out, also within URLs.
//   - The host of a URL is an indicator of its own, with the role of the URL.
//   - A Host header in an ordinary request says who was asked: it is none. The target of CONNECT and of an absolute URI is one.
//   - URLs in headers, such as those by which scanners name themselves, have no role.
//   - Outside of URLs and of the arguments of commands, a name is a domain only under a suffix that is not also an ending of files
//     or a word of programs (sh, py, io, name …), and four numbers are no address where they say a version (Product/1.2.3.4).
//   - A hexadecimal run is a hash only where the text calls it one: session numbers and ids of containers and commits look the same.
package indicator

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	"terroir"
	"terroir/payload/decode"
)

// Bounds of the work on one payload.
const (
	maxNode  = 64 << 10  // bytes looked at in one node
	maxTotal = 256 << 10 // bytes looked at in all nodes
	maxFound = 512       // indicators
	maxValue = 2048      // bytes of a value; longer ones are left out
)

// The roles, the most telling first.
var roles = []string{"dropper", "c2", "callback", "stage2", ""}

// Find returns the indicators in the tree, each type and value once, with its most telling role and the deepest node (of equally deep
// ones the first) in which it stands, sorted by type and value. Payload is left for the caller to set. What names the sensor, its
// addresses and its hosts (without port, in any case), is left out.
func Find(t *decode.Tree, addrs []netip.Addr, hosts []string) []terroir.Indicator {
	f := &finder{found: map[key]*place{}, hints: map[key]string{}, self: newSelf(addrs, hosts), ran: map[string]bool{}, registries: map[string]bool{}}
	list := layers(t)
	for i := range list {
		f.noteRuns(list[i].commands)
	}
	for i := range list {
		f.layer = &list[i]
		f.mines, f.executes = sync.OnceValue(f.aboutMining), sync.OnceValue(f.runsWhatItFetches)
		f.scan()
	}
	return f.result()
}

type key struct{ typ, value string }

// place is where an indicator stands and what it is for.
type place struct {
	step, depth int
	role        string
}

// finder collects what is found.
type finder struct {
	found map[key]*place
	// hints are roles of what stands in encoded text: they hold if it is found in the decoded text too.
	hints map[key]string
	self  self
	// ran are the base names of the files that are run or made runnable, in any layer.
	ran map[string]bool
	// registries are hosts of images, which are a part of their names.
	registries map[string]bool
	// layer is the one that is looked at.
	*layer
}

// tlsHandshake begins a TLS hello, in which a name says who was asked, as in a Host header, and URLs are those of certificates.
const tlsHandshake = "\x16\x03"

func (f *finder) scan() {
	f.lookups()
	if strings.HasPrefix(f.text, tlsHandshake) && !strings.Contains(f.lower, "jndi:") {
		return
	}
	f.urls()
	f.images()
	f.shell()
	f.names()
	f.addresses6()
	f.runs()
	f.keys()
	f.calls()
	f.sockets()
	f.redis()
	f.pools()
}

// add notes an indicator that stands in the part of the node's text.
func (f *finder) add(typ, value, role string, at span) {
	if value == "" || len(value) > maxValue {
		return
	}
	k := key{typ, value}
	for _, h := range f.hidden {
		if at.begin < h.end && h.begin < at.end && !(h.whole && at.begin < h.begin && h.end <= at.end) {
			f.hints[k] = telling(f.hints[k], role)
			return
		}
	}
	p := f.found[k]
	if p == nil {
		if len(f.found) == maxFound {
			return
		}
		p = &place{step: f.step, depth: f.depth}
		f.found[k] = p
	}
	if f.depth > p.depth {
		p.step, p.depth = f.step, f.depth
	}
	p.role = telling(p.role, role)
}

// telling is the more telling of two roles.
func telling(a, b string) string {
	return roles[min(slices.Index(roles, a), slices.Index(roles, b))]
}

func (f *finder) result() []terroir.Indicator {
	list := make([]terroir.Indicator, 0, len(f.found))
	for k, p := range f.found {
		list = append(list, terroir.Indicator{Type: k.typ, Value: k.value, Role: telling(p.role, f.hints[k]), Step: p.step})
	}
	slices.SortFunc(list, func(a, b terroir.Indicator) int {
		if c := strings.Compare(a.Type, b.Type); c != 0 {
			return c
		}
		return strings.Compare(a.Value, b.Value)
	})
	return list
}

// isTaken reports whether the part belongs to something that was found already.
func (f *finder) isTaken(at span) bool {
	return slices.ContainsFunc(f.taken, func(t span) bool { return at.begin < t.end && t.begin < at.end })
}
