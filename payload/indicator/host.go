package indicator

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// self is what names the sensor.
type self struct {
	addrs map[netip.Addr]bool
	hosts map[string]bool
}

func newSelf(addrs []netip.Addr, hosts []string) self {
	s := self{map[netip.Addr]bool{}, map[string]bool{}}
	for _, a := range addrs {
		s.addrs[a.Unmap()] = true
	}
	for _, h := range hosts {
		s.hosts[strings.ToLower(strings.TrimSuffix(h, "."))] = true
	}
	return s
}

// special are the networks whose addresses name nobody on the internet (IANA special-purpose registries, RFC 6890), beside those
// that netip knows.
var special = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

// resolvers are public DNS servers, which payloads name only to see whether there is a network.
var resolvers = []string{"1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9", "114.114.114.114", "223.5.5.5", "223.6.6.6",
	"2001:4860:4860::8888", "2606:4700:4700::1111"}

func prefixes(texts ...string) []netip.Prefix {
	ps := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		ps[i] = netip.MustParsePrefix(t)
	}
	return ps
}

// address returns the type and text of an address that can be an indicator.
func (f *finder) address(s string) (typ, value string, ok bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return "", "", false
	}
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || f.self.addrs[a] || slices.Contains(resolvers, a.String()) ||
		slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return "", "", false
	}
	if a.Is4() {
		return "ipv4", a.String(), true
	}
	if a.As16()[0]&0xe0 != 0x20 { // Only 2000::/3 is given out.
		return "", "", false
	}
	return "ipv6", a.String(), true
}

// reservedNames are names that are nobody's (RFC 2606, RFC 6761), and hosts that stand in documents only to name a vocabulary.
var reservedNames = []string{"example.com", "example.net", "example.org", "test", "example", "invalid", "localhost", "local", "arpa", "home.arpa",
	"w3.org", "schemas.xmlsoap.org", "schemas.microsoft.com", "schemas.android.com", "schemas.openxmlformats.org", "xmlns.jcp.org", "java.sun.com",
	"xml.apache.org", "xmlns.oracle.com", "springframework.org", "ns.adobe.com", "purl.org", "etherx.jabber.org", "docs.oasis-open.org", "xmpp.org"}

// domain returns a name as an indicator has it, in lower case, if it stands under a public suffix and is somebody's.
func (f *finder) domain(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if len(s) < 4 || len(s) > 253 || f.self.hosts[s] || under(s, reservedNames) {
		return "", false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", false
		}
		for i := range len(label) {
			if !alphanumeric(label[i]) && label[i] != '-' && label[i] != '_' {
				return "", false
			}
		}
	}
	suffix, icann := publicsuffix.PublicSuffix(s)
	// A suffix without a dot that is not ICANN's is the list's default rule: nobody manages it.
	if suffix == s || !icann && !strings.Contains(suffix, ".") {
		return "", false
	}
	return s, true
}

// under reports whether the name is one of the list or below one.
func under(s string, list []string) bool {
	return slices.ContainsFunc(list, func(l string) bool { return strings.HasSuffix(s, l) && (len(s) == len(l) || s[len(s)-len(l)-1] == '.') })
}

// host returns what the host of a URL or the argument of a command names.
func (f *finder) host(s string) (typ, value string, ok bool) {
	if typ, value, ok = f.address(s); ok {
		return typ, value, true
	}
	if dotted(s) {
		return "", "", false
	}
	value, ok = f.domain(s)
	return "domain", value, ok
}

// outOfBand are domains of services that tell their users when somebody asked for a name below: whoever puts one into a payload
// waits for the victim to call.
var outOfBand = []string{"oast.pro", "oast.live", "oast.site", "oast.online", "oast.fun", "oast.me", "oastify.com", "burpcollaborator.net", "interact.sh",
	"interactsh.com", "dnslog.cn", "dnslog.pw", "dnslog.store", "ceye.io", "gobygo.net", "canarytokens.com", "requestbin.net", "pingb.in", "eyes.sh", "log4shell.nessus.org",
	"bxss.me", "bxss.in", "dns.outbound.watchtowr.com", "callback.red", "tu4.org", "r87.me", "r87.com", "1433.eu.org", "psrt.scanworld.net", "webhook.site"}

// hostRole is callback for the domains of out-of-band services, else the role given.
func hostRole(name, role string) string {
	if under(name, outOfBand) {
		return telling(role, "callback")
	}
	return role
}

func digit(c byte) bool        { return c >= '0' && c <= '9' }
func letter(c byte) bool       { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func alphanumeric(c byte) bool { return digit(c) || letter(c) }
func hexDigit(c byte) bool     { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// dotted reports whether there is nothing but digits and dots.
func dotted(s string) bool {
	for i := range len(s) {
		if !digit(s[i]) && s[i] != '.' {
			return false
		}
	}
	return s != ""
}
