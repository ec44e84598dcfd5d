package indicator

import (
	"slices"
	"strconv"
	"strings"
)

// plainSuffixes are the suffixes under which a name is taken for a domain though nothing around it says so. Those that are also
// endings of files or words of programs are missing.
var plainSuffixes = []string{"com", "net", "org", "biz", "ru", "cn", "top", "xyz", "online", "site", "club", "pro", "fun", "onion", "tk", "gq", "su", "eu", "ua", "ir", "kr", "jp",
	"uk", "fr", "nl", "br", "vn", "hk", "tw", "pw", "us", "ca", "au", "ch", "cz", "ro", "gr", "tr", "pk", "bid", "vip", "icu", "cyou", "shop", "store", "xin", "buzz"}

// programWords begin names of packages, classes and properties.
var programWords = []string{"com", "org", "net", "io", "edu", "gov", "java", "javax", "jdk", "sun", "system", "microsoft", "node", "process", "this", "window", "document", "self",
	"console", "math", "json", "object", "array", "module", "exports", "req", "res", "request", "response", "data", "config", "socket", "http", "https", "fs", "os", "php", "python", "cn", "eu", "de"}

// names looks at every run of the characters of names, for addresses, domains and e-mail addresses.
func (f *finder) names() {
	s := f.text
	for i := 0; i < len(s); {
		if !nameChar(s[i]) {
			i++
			continue
		}
		end, dots := i, 0
		for end < len(s) && nameChar(s[end]) {
			if s[end] == '.' {
				dots++
			}
			end++
		}
		if dots > 0 && end-i >= 4 {
			f.name(i, end)
		}
		i = end
	}
}

func nameChar(c byte) bool { return alphanumeric(c) || c == '.' || c == '-' || c == '_' }

func (f *finder) name(begin, end int) {
	s := f.text
	for begin < end && (s[begin] == '.' || s[begin] == '-') {
		begin++
	}
	for end > begin && (s[end-1] == '.' || s[end-1] == '-') {
		end--
	}
	at := span{begin, end}
	word := s[begin:end]
	switch {
	case f.isTaken(at):
	case dotted(word):
		f.address4(word, at)
	case begin > 0 && s[begin-1] == '@':
		f.email(word, at)
	default:
		f.bareDomain(word, at)
	}
}

// address4 takes four numbers for an address unless they say a version or belong to a path.
func (f *finder) address4(word string, at span) {
	s := f.text
	if at.begin > 0 && (strings.IndexByte("\\%$", s[at.begin-1]) >= 0 || s[at.begin-1] == '@' && !f.portAt(at.end) || s[at.begin-1] == '/' && (at.begin < 2 || s[at.begin-2] != '/')) ||
		at.end+1 < len(s) && s[at.end] == '-' && letter(s[at.end+1]) {
		return
	}
	if saysVersion(s[max(0, at.begin-16):at.begin]) || f.header(at.begin, "user-agent", "host", "server", "x-powered-by") {
		return
	}
	if typ, value, ok := f.address(word); ok {
		role := ""
		if strings.Contains(f.lower, "inet_aton(") { // A program that connects: the address stands in one of its variables.
			role = "callback"
		}
		f.add(typ, value, role, at)
	}
}

// saysVersion reports whether the text before a number announces a version.
func saysVersion(before string) bool {
	before = strings.ToLower(strings.TrimRight(before, " =:\"'>("))
	for _, w := range []string{"version", "ver", "release", "build", "firmware", "revision"} {
		if strings.HasSuffix(before, w) {
			return true
		}
	}
	return strings.HasSuffix(before, " v") || strings.HasSuffix(before, "&v") || strings.HasSuffix(before, "?v") || before == "v"
}

// maxHeader is how far a header's name is looked for before its value.
const maxHeader = 4 << 10

// header reports whether the position is in a line that begins with one of the names of headers.
func (f *finder) header(at int, names ...string) bool {
	from := max(0, at-maxHeader)
	begin := from + strings.LastIndexByte(f.text[from:at], '\n') + 1
	if begin == from && from > 0 {
		return false
	}
	colon := strings.IndexByte(f.text[begin:min(at, begin+24)], ':')
	return colon > 0 && slices.Contains(names, strings.ToLower(f.text[begin:begin+colon]))
}

// email reads the local part before the "@". The name of a login (ssh user@host), the comment of a key and the user in a URL are none.
func (f *finder) email(word string, at span) {
	s := f.text
	domain, ok := f.domain(word)
	if !ok || under(domain, protocolNames) || at.end < len(s) && (s[at.end] == ':' || s[at.end] == '/' || s[at.end] == '(') {
		return
	}
	begin := at.begin - 1
	for begin > 0 && at.begin-begin < 66 && (nameChar(s[begin-1]) || s[begin-1] == '+') {
		begin--
	}
	local := s[begin : at.begin-1]
	if local == "" || len(local) > 64 || local[0] == '.' || begin > 0 && strings.IndexByte("@/:$%", s[begin-1]) >= 0 && !strings.HasSuffix(s[:begin], "mailto:") {
		return
	}
	if f.isLogin(begin) {
		return
	}
	at.begin = begin
	f.taken = append(f.taken, at)
	f.add("email", local+"@"+domain, "", at)
}

// protocolNames are domains below which SSH names its algorithms (RFC 4251, section 6).
var protocolNames = []string{"openssh.com", "libssh.org", "ssh.com", "lysator.liu.se", "tartarus.org"}

func (f *finder) isLogin(begin int) bool {
	line := f.text[max(0, begin-512):begin]
	line = line[strings.LastIndexAny(line, "\n;|&\"'`(")+1:]
	words := strings.Fields(line)
	for _, w := range words {
		switch w[strings.LastIndexByte(w, '/')+1:] {
		case "ssh", "scp", "sftp", "rsync", "sshpass", "ssh-copy-id", "autossh", "dropbear":
			return true
		}
	}
	return len(words) > 0 && strings.HasPrefix(words[len(words)-1], "AAAA")
}

// bareDomain takes a name for a domain where it stands alone, in lower case, under a suffix that says it.
func (f *finder) bareDomain(word string, at span) {
	last := strings.ToLower(word[strings.LastIndexByte(word, '.')+1:])
	plain := slices.Contains(plainSuffixes, last)
	if !plain && !f.portAt(at.end) && !under(strings.ToLower(word), outOfBand) || f.registries[word] {
		return
	}
	domain, ok := f.domain(word)
	if !ok {
		return
	}
	if role := hostRole(domain, ""); role != "" {
		f.add("domain", domain, role, at)
		return
	}
	if f.proxied(at) {
		f.add("domain", domain, "", at)
		return
	}
	s := f.text
	if domain != word || strings.Contains(word, "_") || at.begin > 0 && strings.IndexByte("./\\$@%#~*[", s[at.begin-1]) >= 0 ||
		at.end < len(s) && strings.IndexByte("(=@[.*%", s[at.end]) >= 0 || f.header(at.begin, "host", "user-agent") {
		return
	}
	first, _, _ := strings.Cut(domain, ".")
	if slices.Contains(programWords, first) || !plain && slices.Contains(fileEndings, last) {
		return
	}
	f.add("domain", domain, "", at)
}

// fileEndings are suffixes of domains that are more often endings of files.
var fileEndings = []string{"sh", "py", "pl", "rs", "so", "md", "zip", "mov", "cc", "ps", "app", "in", "id", "name", "is", "to", "me", "it", "at", "do", "as", "st"}

// portAt reports whether a colon and a port stand there.
func (f *finder) portAt(at int) bool {
	if at >= len(f.text) || f.text[at] != ':' {
		return false
	}
	n := at + 1
	for n < len(f.text) && digit(f.text[n]) {
		n++
	}
	port, err := strconv.Atoi(f.text[at+1 : min(n, at+7)])
	return err == nil && port > 9 && port < 1<<16 && (n == len(f.text) || !alphanumeric(f.text[n]))
}

// proxied reports whether the name is what a CONNECT asks for.
func (f *finder) proxied(at span) bool {
	const method = "CONNECT "
	return at.begin >= len(method) && f.text[at.begin-len(method):at.begin] == method && (at.begin == len(method) || f.text[at.begin-len(method)-1] == '\n')
}

// addresses6 looks at runs of hexadecimal digits and colons.
func (f *finder) addresses6() {
	s := f.text
	for at := 0; ; {
		i := strings.IndexByte(s[at:], ':')
		if i < 0 {
			return
		}
		begin, end := at+i, at+i
		for begin > at && hexDigit(s[begin-1]) {
			begin--
		}
		for end < len(s) && (hexDigit(s[end]) || s[end] == ':') {
			end++
		}
		at = max(end, at+i+1)
		for end > begin && s[end-1] == ':' {
			end--
		}
		word := s[begin:end]
		if len(word) < 8 || len(word) > 39 || strings.Count(word, ":") < 3 || !digit(word[0]) || strings.IndexByte(word, ':') != 4 ||
			begin > 0 && (nameChar(s[begin-1])) || end < len(s) && (alphanumeric(s[end]) || s[end] == '_') || f.isTaken(span{begin, end}) {
			continue
		}
		if f.header(begin, "host", "cookie") {
			continue
		}
		if typ, value, ok := f.address(word); ok {
			f.add(typ, value, "", span{begin, end})
		}
	}
}
