package defang

import (
	"regexp"
	"strings"
)

// Addresses with a scheme, and dotted IPv4 addresses, as they stand in free text.
var (
	schemed = regexp.MustCompile(`(?i)\b(h)tt(ps?://)|\b(f)t(ps?://)`)
	dotted  = regexp.MustCompile(`\b(\d{1,3}\.\d{1,3}\.\d{1,3})\.(\d{1,3})\b`)
	hosted  = regexp.MustCompile(`(?i)(://[^\s/'"]*)\.([a-z]{2,24})\b`)
)

// Text defangs what programs would turn into links within a text for people: hxxp://192.0.2[.]1/x, hxxp://example[.]com. It
// is for reading only; an indicator's own value has Defang, which can be undone.
func Text(s string) string {
	s = schemed.ReplaceAllString(s, "${1}${3}xx${2}${4}")
	s = hosted.ReplaceAllString(s, "$1[.]$2")
	return dotted.ReplaceAllString(s, "$1[.]$2")
}

// Words defangs a list of indicators whose types are not told: every word that has a scheme is a URL, every other one with a
// dot or colons inside a host.
func Words(s string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		typ := "domain"
		if strings.Contains(w, "://") {
			typ = "url"
		}
		words[i] = Defang(typ, w)
	}
	return strings.Join(words, " ")
}
