// Package defang writes indicators so that nobody opens them by mistake, and reads them back.
package defang

import "strings"

// schemes are those that programs turn into links, with the customary way to break them.
var schemes = []struct{ plain, broken string }{{"http", "hxxp"}, {"https", "hxxps"}, {"ftp", "fxp"}}

var (
	breaker = strings.NewReplacer(".", "[.]", "@", "[@]", ":", "[:]")
	mender  = strings.NewReplacer("[.]", ".", "[@]", "@", "[:]", ":")
)

// Defang writes the value of an indicator of the type (see terroir.Indicator) for people: hxxp://192.0.2[.]1/x, name[@]example[.]com,
// 2001[:]db8[:][:]1. Of a URL only scheme and authority are changed. Values of other types than url, ipv4, ipv6, domain and email stay.
func Defang(typ, value string) string {
	switch typ {
	case "ipv4", "ipv6", "domain", "email":
		return breaker.Replace(value)
	case "url":
		scheme, authority, rest, ok := split(value, "://")
		if !ok {
			return breaker.Replace(value)
		}
		for _, s := range schemes {
			if s.plain == scheme {
				return s.broken + "://" + breakAuthority(authority) + rest
			}
		}
		return scheme + "[:]//" + breakAuthority(authority) + rest
	}
	return value
}

// breakAuthority leaves the colon before the port, which links to nothing.
func breakAuthority(a string) string {
	if i := strings.LastIndexByte(a, ':'); i >= 0 && !strings.ContainsAny(a[i:], "]@") {
		return breaker.Replace(a[:i]) + a[i:]
	}
	return breaker.Replace(a)
}

// Refang is the inverse of Defang. A value that was not defanged stays as it is.
func Refang(typ, value string) string {
	switch typ {
	case "ipv4", "ipv6", "domain", "email":
		return mender.Replace(value)
	case "url":
		scheme, authority, rest, ok := split(value, "://")
		if !ok {
			if scheme, authority, rest, ok = split(value, "[:]//"); !ok {
				return mender.Replace(value)
			}
		}
		for _, s := range schemes {
			if s.broken == scheme {
				scheme = s.plain
			}
		}
		return scheme + "://" + mender.Replace(authority) + rest
	}
	return value
}

// split takes a URL apart at the mark that ends its scheme; ok is false where the mark stands elsewhere or nowhere.
func split(url, mark string) (scheme, authority, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(url, mark)
	if !ok || strings.ContainsAny(scheme, "/?#[]") {
		return "", "", "", false
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return scheme, rest[:i], rest[i:], true
	}
	return scheme, rest, "", true
}
