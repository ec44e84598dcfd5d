package indicator

import (
	"slices"
	"strings"
)

// fetch is what a command that fetches says.
type fetch struct {
	urls    []url
	saved   []word
	uploads bool
	// named says that files are named after URLs.
	named bool
}

// withValue are options of curl and wget behind which a value follows that is no URL.
var withValue = []string{"-H", "-A", "-d", "-X", "-u", "-e", "-b", "-m", "-x", "-U", "-P", "-Q", "-t", "-w", "-c", "-F", "-K", "-T", "--header", "--user-agent", "--data", "--data-binary",
	"--data-raw", "--data-urlencode", "--request", "--user", "--referer", "--cookie", "--connect-timeout", "--max-time", "--retry", "--retry-delay", "--timeout", "--tries", "--post-data",
	"--post-file", "--form", "--resolve", "--proxy", "--upload-file", "-Method", "-Headers", "-Body"}

// outputs are the long options, of PowerShell too, that name the file to write.
var outputs = []string{"--output", "--output-document", "-outfile", "-destination"}

// uploads are options with what is sent.
var uploads = []string{"-d", "-F", "-T", "--data", "--data-binary", "--data-raw", "--data-urlencode", "--form", "--upload-file", "--post-data", "--post-file", "--body-data", "--body-file"}

// options says how a program names the file to write: an option's letter with its name, and one that takes it from the URL.
type options struct{ save, remote string }

var (
	curlOptions = options{save: "o", remote: "O"}
	wgetOptions = options{save: "O"}
)

func (s *script) curl(c *command, args []word, i int) { s.fetch(c, args, i, curlOptions) }

// wget is also the name of a program of routers' vendors, with the arguments of BusyBox's tftp.
func (s *script) wget(c *command, args []word, i int) {
	if slices.ContainsFunc(args, func(w word) bool { return w.text == "-g" }) {
		s.tftp(c, args, i)
		return
	}
	s.fetch(c, args, i, wgetOptions)
}

func (s *script) fetch(c *command, args []word, i int, o options) {
	fe := fetch{named: o.remote == ""}
	for n := 0; n < len(args); n++ {
		if strings.HasPrefix(args[n].text, "-") {
			n += fe.option(args[n:], o)
		} else if u, ok := s.target(args[n]); ok {
			fe.urls = append(fe.urls, u)
			fe.uploads = fe.uploads || args[n].open
		}
	}
	fe.saveWrites(c)
	s.addFetch(&fe, i)
}

// option reads the option that is the first argument, and returns how many of the following are its values.
func (fe *fetch) option(args []word, o options) int {
	a, next := args[0], word{}
	if len(args) > 1 {
		next = args[1]
	}
	long, value, hasValue := strings.Cut(a.text, "=")
	fe.uploads = fe.uploads || slices.Contains(uploads, long) && (a.text != "-T" || o.remote != "")
	if slices.Contains(outputs, strings.ToLower(long)) {
		if hasValue {
			fe.save(word{text: value, at: a.at})
			return 0
		}
		fe.save(next)
		return 1
	}
	if strings.HasPrefix(a.text, "--") {
		return count(!hasValue && slices.Contains(withValue, a.text))
	}
	if k := strings.Index(a.text[:min(len(a.text), 6)], o.save); k > 0 {
		if rest := strings.TrimPrefix(a.text[k+1:], "="); rest != "" {
			fe.save(word{text: rest, at: a.at})
			return 0
		}
		fe.save(next)
		return 1
	}
	if o.remote != "" && strings.Contains(a.text, o.remote) {
		fe.named = true
		return 0
	}
	last := "-" + a.text[len(a.text)-1:] // The last of several letters may have a value.
	return count(slices.Contains(withValue, a.text) || o.remote != "" && len(a.text) < 6 && slices.Contains(withValue, last))
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// save notes a file; "-" is the standard output, and ends that files are named after URLs.
func (fe *fetch) save(w word) {
	fe.named = false
	if w.text != "" && w.text != "-" && !strings.HasPrefix(w.text, "/dev/std") {
		fe.saved = append(fe.saved, w)
	}
}

func (fe *fetch) saveWrites(c *command) {
	for _, w := range c.writes {
		if !isDevice(w.text) {
			fe.named = false
		}
		fe.saved = append(fe.saved, w)
	}
}

// target reads a URL, or what curl and wget complete to one.
func (s *script) target(w word) (url, bool) {
	if i := strings.Index(w.text, "://"); i >= 0 {
		u, ok := urlAt(w.text, i)
		u.at = w.at
		return u, ok
	}
	u := url{scheme: "http", at: w.at}
	if !strings.Contains(w.text, ".") || strings.HasPrefix(w.text, "/") || strings.HasPrefix(w.text, ".") || !u.parse(w.text[:urlLength(w.text)]) {
		return u, false
	}
	if dotted(u.host) || u.rest != "" || u.port != "" || strings.Count(u.host, ".") > 1 {
		return u, true
	}
	last := u.host[strings.LastIndexByte(u.host, '.')+1:]
	return u, !slices.Contains(fileEndings, last)
}

func (s *script) addFetch(fe *fetch, i int) {
	for _, u := range fe.urls {
		if _, _, ok := s.f.host(u.host); !ok {
			continue
		}
		if name := base(u.rest); fe.named && name != "" && !strings.ContainsAny(name, "?#") {
			fe.saved = append(fe.saved, word{text: name, at: u.at})
		}
	}
	role := "stage2"
	if fe.uploads {
		role = "callback"
	}
	if s.executed(i) {
		role = "dropper"
	}
	for _, w := range fe.saved {
		s.f.file(w.text, w.at)
		if s.f.ran[base(w.text)] {
			role = "dropper"
		}
	}
	for _, u := range fe.urls {
		s.f.addURL(&u, role)
	}
}

// clone reads the URLs of git; what it writes is no single file.
func (s *script) clone(_ *command, args []word, i int) {
	var fe fetch
	for _, a := range args {
		if strings.Contains(a.text, "://") {
			if u, ok := s.target(a); ok {
				fe.urls = append(fe.urls, u)
			}
		}
	}
	s.addFetch(&fe, i)
}

// program reads the code that an interpreter is given as an argument.
func (s *script) program(c *command, args []word, i int) {
	var fe fetch
	for _, a := range args {
		at := strings.Index(a.text, "://")
		if at < 0 || !slices.ContainsFunc(fetchers, func(f string) bool { return strings.Contains(strings.ToLower(a.text), f) }) {
			continue
		}
		if u, ok := urlAt(a.text, at); ok {
			u.at = a.at
			fe.urls = append(fe.urls, u)
		}
	}
	fe.saveWrites(c)
	s.addFetch(&fe, i)
}

// certutil reads commands that have the file to write behind the URL: certutil -urlcache -f URL FILE, bitsadmin /transfer NAME URL FILE,
// lwp-download URL FILE.
func (s *script) certutil(_ *command, args []word, i int) {
	var fe fetch
	for n, a := range args {
		if !strings.Contains(a.text, "://") {
			continue
		}
		if u, ok := s.target(a); ok {
			fe.urls = append(fe.urls, u)
			if n+1 < len(args) && !strings.HasPrefix(args[n+1].text, "-") {
				fe.saved = append(fe.saved, args[n+1])
			}
		}
	}
	s.addFetch(&fe, i)
}

// tftp reads tftp -g -r FILE HOST, tftp HOST -c get FILE, and BusyBox's ftpget HOST LOCAL REMOTE.
func (s *script) tftp(_ *command, args []word, i int) {
	role := "stage2"
	local := slices.ContainsFunc(args, func(w word) bool { return w.text == "-l" })
	var hosts []word
	for n, a := range args {
		after := ""
		if n > 0 {
			after = args[n-1].text
		}
		switch {
		case after == "-r" || after == "-l" || after == "get" || len(hosts) > 0 && !strings.HasPrefix(a.text, "-") && !slices.Contains([]string{"get", "69", "21"}, a.text) && !strings.HasPrefix(after, "-P"):
			if after != "-r" || !local {
				s.f.file(a.text, a.at)
			}
			if s.f.ran[base(a.text)] {
				role = "dropper"
			}
		case !strings.HasPrefix(a.text, "-") && strings.Contains(a.text, "."):
			hosts = append(hosts, a)
		}
	}
	for _, h := range hosts {
		if typ, value, ok := s.f.host(h.text); ok {
			s.f.add(typ, value, hostRole(value, role), h.at)
		}
	}
}
