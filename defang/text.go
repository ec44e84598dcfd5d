package defang

import "regexp"

// Addresses with a scheme, and dotted IPv4 addresses, as they stand in free text.
var (
	schemed = regexp.MustCompile(`(?i)\b(h)tt(ps?://)|\b(f)t(ps?://)`)
	dotted  = regexp.MustCompile(`\b(\d{1,3}\.\d{1,3}\.\d{1,3})\.(\d{1,3})\b`)
	hosted  = regexp.MustCompile(`(?i)(://(?:[^\s/@'"]*@)?[a-z0-9-]+(?:\.[a-z0-9-]+)*)\.([a-z]{2,24})\b`)
)

// Text defangs what programs would turn into links within a text for people: hxxp://192.0.2[.]1/x, hxxp://example[.]com. It
// is for reading only; an indicator's own value has Defang, which can be undone.
func Text(s string) string {
	s = schemed.ReplaceAllString(s, "${1}${3}xx${2}${4}")
	s = hosted.ReplaceAllString(s, "$1[.]$2")
	return dotted.ReplaceAllString(s, "$1[.]$2")
}
