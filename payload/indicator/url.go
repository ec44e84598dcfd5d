package indicator

import (
	"slices"
	"strings"
)

// schemes are those whose URLs are indicators. Those of RTSP and SIP are left out: they stand in every request.
var schemes = []string{"http", "https", "ftp", "ftps", "tftp", "sftp", "ldap", "ldaps", "rmi", "dns", "iiop", "iiopname", "corba", "corbaname", "nis", "nds", "ws", "wss",
	"gopher", "dict", "smb", "jar", "git", "mysql", "postgresql", "redis", "mongodb", "socks4", "socks5", "tcp", "ssh",
	"stratum", "stratum+tcp", "stratum+ssl", "stratum+tls", "stratum1+tcp", "stratum2+tcp", "stratum+udp"}

// url is a URL taken apart, with scheme and host in lower case.
type url struct {
	scheme, user, host, port, rest string
	at                             span
}

func (u *url) String() string {
	host := u.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.port != "" {
		host += ":" + u.port
	}
	return u.scheme + "://" + u.user + host + u.rest
}

func (f *finder) urls() {
	for at := 0; ; {
		i := strings.Index(f.text[at:], "://")
		if i < 0 {
			return
		}
		i += at
		at = i + 3
		if u, ok := urlAt(f.text, i); ok {
			at = max(at, u.at.end)
			f.taken = append(f.taken, u.at)
			f.addURL(&u, f.urlRole(&u))
		}
	}
}

// urlAt reads the URL whose "://" stands at i.
func urlAt(s string, i int) (u url, ok bool) {
	begin := i
	for begin > 0 && i-begin < 16 && (alphanumeric(s[begin-1]) || s[begin-1] == '+') {
		begin--
	}
	u.scheme = strings.ToLower(s[begin:i])
	for !slices.Contains(schemes, u.scheme) { // A word may stand before it, as in form encoding: curl+http://
		j := strings.IndexByte(u.scheme, '+')
		if j < 0 {
			return u, false
		}
		u.scheme, begin = u.scheme[j+1:], begin+j+1
	}
	end := i + 3 + urlLength(s[i+3:])
	u.at = span{begin, end}
	return u, u.parse(s[i+3 : end])
}

// parse takes apart what stands behind the scheme.
func (u *url) parse(s string) bool {
	authority := s
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		authority, u.rest = s[:i], s[i:]
	}
	if real, ok := lookupHost(u, authority); ok {
		authority = real
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		u.user, authority = authority[:i+1], authority[i+1:]
	}
	u.host = authority
	if strings.HasPrefix(authority, "[") {
		i := strings.IndexByte(authority, ']')
		if i < 0 {
			return false
		}
		u.host, authority = authority[1:i], authority[i+1:]
		if strings.HasPrefix(authority, ":") {
			u.port = authority[1:]
		}
	} else if i := strings.IndexByte(authority, ':'); i >= 0 {
		u.host, u.port = authority[:i], authority[i+1:]
	}
	n := 0
	for n < len(u.port) && digit(u.port[n]) {
		n++
	}
	if n < len(u.port) {
		u.rest = "" // Something else follows.
	}
	u.port = u.port[:min(n, 5)]
	u.host = strings.ToLower(strings.TrimSuffix(u.host, "."))
	return u.host != ""
}

// lookupHost reads ldap://127.0.0.1#real.host:1389/path, by which Log4j 2.15 was deceived: Java asks the host behind the mark.
func lookupHost(u *url, authority string) (string, bool) {
	if u.scheme != "ldap" && u.scheme != "rmi" || !strings.HasPrefix(u.rest, "#") || authority != "127.0.0.1" && authority != "localhost" {
		return "", false
	}
	real, path, _ := strings.Cut(u.rest[1:], "/")
	if !strings.Contains(real, ".") {
		return "", false
	}
	u.rest = ""
	if path != "" {
		u.rest = "/" + path
	}
	return real, true
}

// urlLength is the length of what belongs to a URL behind its scheme. It ends where a shell, a document or a sentence goes on,
// and before what only the victim knows ($…).
func urlLength(s string) int {
	n, query := 0, false
	for n < len(s) && s[n] > ' ' && s[n] < 0x7f && !strings.ContainsRune("\"'`<>\\|;{}^$", rune(s[n])) {
		if s[n] == '&' && (!query || strings.HasPrefix(s[n:], "&&")) {
			break
		}
		if s[n] == ']' && !strings.Contains(s[:n], "[") || s[n] == ')' && !strings.Contains(s[:n], "(") {
			break
		}
		if s[n] == ',' && (n+1 == len(s) || !alphanumeric(s[n+1]) || strings.HasPrefix(s[n+1:], "http")) {
			break
		}
		query = query || s[n] == '?'
		n++
		if n > maxValue {
			break
		}
	}
	for n > 0 && strings.IndexByte(".,:!*", s[n-1]) >= 0 || n > 1 && s[n-1] == '?' {
		n--
	}
	return n
}

// addURL notes a URL and its host, where the host can be an indicator.
func (f *finder) addURL(u *url, role string) {
	typ, host, ok := f.host(u.host)
	if !ok {
		return
	}
	u.host = host
	role = hostRole(host, role)
	f.add("url", u.String(), role, u.at)
	f.add(typ, host, role, u.at)
}

// fetchers are calls of programs that fetch the URL which is their first argument.
var fetchers = []string{"get(", "fetch(", "request(", "urlopen(", "urlretrieve(", "file_get_contents(", "downloadstring(", "downloadfile(", "downloaddata(",
	"include(", "require(", "loadscript(", "open(", "new url(", "urlclassloader("}

// urlRole judges by what stands right before the URL, and by its scheme.
func (f *finder) urlRole(u *url) string {
	before := strings.ToLower(f.text[max(0, u.at.begin-48):u.at.begin])
	switch {
	case strings.HasPrefix(u.scheme, "stratum"):
		return "c2"
	case strings.HasSuffix(before, "jndi:"):
		return "callback"
	case u.scheme != "http" && u.scheme != "https" && u.scheme != "ftp":
		return ""
	case strings.HasSuffix(strings.TrimRight(before, " =:\"'"), "codebase") || strings.HasPrefix(u.rest, "/#") && u.scheme == "http":
		return "stage2"
	}
	call := strings.TrimRight(before, "\"'`\\ ")
	if strings.HasSuffix(call, "(") && slices.ContainsFunc(fetchers, func(c string) bool { return strings.HasSuffix(call, c) }) {
		if f.executes() {
			return "dropper"
		}
		return "stage2"
	}
	return ""
}

// runsWhatItFetches reports whether a program that fetches also runs what it got.
func (f *finder) runsWhatItFetches() bool {
	for _, w := range []string{"chmodSync(", "execFile(", "'child_process').exec(", "IEX", "iex(", "Invoke-Expression", "iex ", "Start-Process", "exec(urllib", "exec(requests", "exec(__import__",
		"chmod("} {
		if strings.Contains(f.text, w) {
			return true
		}
	}
	for _, name := range f.opened() {
		if f.ran[base(name.text)] {
			return true
		}
	}
	return strings.Contains(f.text, "createWriteStream(") && (strings.Contains(f.text, ".exec(") || strings.Contains(f.text, "spawn("))
}

// lookups finds what JNDI asks though it does not look like a URL: with one slash, or with a host whose first labels only the victim
// knows.
func (f *finder) lookups() {
	for at := 0; ; {
		i := strings.Index(f.lower[at:], "jndi:")
		if i < 0 {
			return
		}
		begin := at + i + len("jndi:")
		at = begin
		colon := strings.IndexByte(f.text[begin:min(len(f.text), begin+16)], ':')
		if colon < 0 {
			continue
		}
		rest := f.text[begin+colon+1:]
		target := strings.TrimLeft(rest[:min(len(rest), 512)], "/")
		skipped := len(rest[:min(len(rest), 512)]) - len(target)
		if skipped == 2 && !strings.HasPrefix(target, "$") {
			continue // urls found it.
		}
		known := knownPart(target)
		u := url{scheme: strings.ToLower(f.text[begin : begin+colon]), at: span{begin, begin + colon + 1 + skipped + len(target)}}
		if !slices.Contains(schemes, u.scheme) || !u.parse(known[:urlLength(known)]) {
			continue
		}
		if len(known) < len(target) && strings.HasPrefix(target, "$") {
			if typ, host, ok := f.host(u.host); ok {
				f.add(typ, host, "callback", u.at)
			}
			continue
		}
		f.addURL(&u, "callback")
	}
}

// knownPart cuts off leading lookups ${…} with the dots behind them.
func knownPart(s string) string {
	for strings.HasPrefix(s, "${") {
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return ""
		}
		s = strings.TrimLeft(s[end+1:], ".}-")
	}
	return s
}
