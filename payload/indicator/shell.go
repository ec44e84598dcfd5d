package indicator

import (
	"slices"
	"strings"
)

// interpreters run what they are given.
var interpreters = []string{"sh", "bash", "ash", "dash", "zsh", "ksh", "csh", "python", "python2", "python3", "perl", "php", "node", "ruby", "lua", "pwsh", "powershell",
	"powershell.exe", "eval", "source", ".", "exec", "iex", "invoke-expression", "cmd", "cmd.exe", "start", "wscript", "cscript", "mshta"}

// wrappers stand before the command that they run.
var wrappers = []string{"sudo", "nohup", "setsid", "busybox", "time", "then", "do", "else", "if", "while", "env", "command", "!", "{", "/c", "run", "-y", "&", "root", "*", "exec"}

// verbs are the commands that name others on the internet, with what reads their arguments.
var verbs = map[string]func(s *script, c *command, args []word, i int){
	"curl": (*script).curl, "wget": (*script).wget, "wget2": (*script).wget, "curl.exe": (*script).curl, "cur": (*script).curl, "wd1": (*script).wget, "cd1": (*script).curl,
	"fetch": (*script).curl, "lwp-download": (*script).curl, "aria2c": (*script).wget, "axel": (*script).wget,
	"iwr": (*script).curl, "irm": (*script).curl, "invoke-webrequest": (*script).curl, "invoke-restmethod": (*script).curl, "certutil": (*script).certutil, "certutil.exe": (*script).certutil,
	"bitsadmin": (*script).certutil, "start-bitstransfer": (*script).curl, "mshta": (*script).curl, "regsvr32": (*script).curl, "msiexec": (*script).curl,
	"tftp": (*script).tftp, "ftpget": (*script).tftp, "nc": (*script).call, "ncat": (*script).call, "netcat": (*script).call, "nc.traditional": (*script).call,
	"ping": (*script).call, "ping6": (*script).call, "nslookup": (*script).call, "dig": (*script).call, "host": (*script).call, "telnet": (*script).call, "socat": (*script).call,
	"ssh": (*script).reach, "scp": (*script).reach, "ftp": (*script).reach, "git": (*script).clone, "chmod": (*script).chmod, "tee": (*script).tee, "python": (*script).program, "python2": (*script).program, "python3": (*script).program, "perl": (*script).program, "php": (*script).program,
	"ruby": (*script).program, "docker": (*script).docker,
}

// script is a text taken apart into commands.
type script struct {
	f        *finder
	commands []command
}

// shell finds what the commands name.
func (f *finder) shell() {
	s := &script{f: f, commands: f.commands}
	for i := range s.commands {
		s.command(i)
	}
}

// anchors are the texts without one of which nothing can be a command of interest.
var anchors = []string{"curl", "wget", "fetch", "iwr", "irm", "invoke-", "certutil", "bitsadmin", "tftp", "ftpget", "nc ", "ncat", "netcat", "ping", "nslookup", "dig ", "host ",
	"telnet", "python", "perl", "php", "ruby", "socat", "ssh", "scp", "chmod", "docker", ">", " -o", "--url", "tee ", "mshta", "regsvr32", "lwp-", "git ", "ftp ", "wd1", "cd1"}

// verb returns the effective name of the command and its place among the words; "" for none.
func (c *command) verb() (string, int) {
	for i, w := range c.words {
		name := base(w.text)
		if name == "" || slices.Contains(wrappers, name) || strings.HasPrefix(name, "-") && i > 0 || !strings.HasPrefix(name, "/") && strings.Contains(name, "=") || dotted(name) && i > 0 {
			continue
		}
		return name, i
	}
	return "", -1
}

func base(path string) string { return strings.TrimSpace(path[strings.LastIndexByte(path, '/')+1:]) }

// noteRuns notes the files that the commands run or make runnable.
func (f *finder) noteRuns(commands []command) {
	for i := range commands {
		c := &commands[i]
		name, at := c.verb()
		if at < 0 {
			continue
		}
		f.ran[name] = true
		if !slices.Contains(interpreters, strings.ToLower(name)) && name != "chmod" {
			continue
		}
		for _, w := range c.words[at+1:] {
			if !strings.HasPrefix(w.text, "-") && !strings.Contains(w.text, " ") {
				f.ran[base(w.text)] = true
			}
		}
	}
}

// command looks for the first word that is a verb: what stands before may be anything, such as the times of a cron line.
func (s *script) command(i int) {
	c := &s.commands[i]
	for _, w := range c.writes {
		s.f.file(w.text, w.at)
	}
	s.pool(c)
	for n, w := range c.words[:min(len(c.words), 24)] {
		name := strings.ToLower(base(w.text))
		if read, ok := verbs[name]; ok {
			if name == "host" && n > 0 || (name == "fetch" || name == "start") && n > 1 {
				continue
			}
			read(s, c, c.words[n+1:], i)
			return
		}
	}
}

// executed reports whether something interprets the command's output.
func (s *script) executed(i int) bool {
	for range 8 {
		c := &s.commands[i]
		if c.pipe >= 0 {
			next := &s.commands[c.pipe]
			name, at := next.verb()
			if interprets(name, next.words[at+1:]) || name == "" && len(next.words) > 0 && interprets(base(next.words[0].text), nil) {
				return true
			}
			i = c.pipe
			continue
		}
		if !c.output || c.outer < 0 {
			return false
		}
		outer := &s.commands[c.outer]
		name, _ := outer.verb()
		if name == "" && outer.outer >= 0 && !outer.output {
			name, _ = s.commands[outer.outer].verb()
		} else if name == "" {
			return true
		}
		if slices.Contains(interpreters, strings.ToLower(name)) {
			return true
		}
		i = c.outer
	}
	return false
}

// interprets reports whether the command runs what it reads. That which has a program among its arguments does not.
func interprets(name string, args []word) bool {
	if !slices.Contains(interpreters, strings.ToLower(name)) {
		return false
	}
	for _, a := range args {
		if a.text == "-c" || a.text == "-e" || strings.HasPrefix(a.text, "-ne") || strings.HasPrefix(a.text, "-pe") {
			return false
		}
	}
	return true
}

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

var uploads = []string{"-d", "-F", "-T", "--data", "--data-binary", "--data-raw", "--data-urlencode", "--form", "--upload-file", "--post-data", "--post-file", "--body-data", "--body-file"}

func (s *script) curl(c *command, args []word, i int) { s.fetch(c, args, i, "o", "O", false) }
func (s *script) wget(c *command, args []word, i int) { s.fetch(c, args, i, "O", "", true) }

// fetch reads the arguments; the letter save names the file to write, and remote says that the URL does.
func (s *script) fetch(c *command, args []word, i int, save, remote string, named bool) {
	fe := fetch{named: named}
	for n := 0; n < len(args); n++ {
		a := args[n].text
		next := word{}
		if n+1 < len(args) {
			next = args[n+1]
		}
		long, value, hasValue := strings.Cut(a, "=")
		switch {
		case strings.HasPrefix(a, "-"):
			isUpload := slices.Contains(uploads, long) && !(named && a == "-T")
			fe.uploads = fe.uploads || isUpload
			switch lower := strings.ToLower(long); {
			case lower == "--output" || lower == "--output-document" || lower == "-outfile" || lower == "-destination":
				if hasValue {
					next.text, next.at = value, args[n].at
				} else {
					n++
				}
				fe.save(next)
			case strings.HasPrefix(a, "--"):
				if !hasValue && slices.Contains(withValue, a) {
					n++
				}
			case strings.Contains(a[:min(len(a), 6)], save):
				k := strings.Index(a, save)
				if rest := a[k+1:]; rest != "" {
					fe.save(word{text: strings.TrimPrefix(rest, "="), at: args[n].at})
				} else if next.text != "" {
					fe.save(next)
					n++
				}
			case remote != "" && strings.Contains(a, remote):
				fe.named = true
			case slices.Contains(withValue, a) || len(a) < 6 && len(a) > 2 && slices.Contains(withValue, "-"+a[len(a)-1:]) && !named:
				n++
			}
		default:
			if u, ok := s.target(args[n]); ok {
				fe.urls = append(fe.urls, u)
				fe.uploads = fe.uploads || args[n].open
			}
		}
	}
	fe.saveWrites(c)
	s.addFetch(&fe, i)
}

// save notes a file; "-" is the standard output, and ends that files are named after URLs.
func (fe *fetch) save(w word) {
	fe.named = false
	if w.text != "-" && !strings.HasPrefix(w.text, "/dev/std") {
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

// certutil reads commands that have the file to write behind the URL: certutil -urlcache -f URL FILE, bitsadmin /transfer NAME URL FILE.
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
	var hosts []word
	for n, a := range args {
		after := ""
		if n > 0 {
			after = args[n-1].text
		}
		switch {
		case after == "-r" || after == "-l" || after == "get" || len(hosts) > 0 && !strings.HasPrefix(a.text, "-") && !slices.Contains([]string{"get", "69", "21"}, a.text) && !strings.HasPrefix(after, "-P"):
			s.f.file(base(a.text), a.at)
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

// call reads commands by which the victim turns to somebody.
func (s *script) call(_ *command, args []word, _ int) { s.hosts(args, "callback") }

// everybodys are names that payloads ask for only to see whether there is a network.
var everybodys = []string{"google.com", "baidu.com", "bing.com", "qq.com", "yahoo.com", "microsoft.com", "cloudflare.com", "github.com", "apple.com", "amazon.com", "yandex.ru"}

// reach reads commands for which the role of the other side is not certain.
func (s *script) reach(_ *command, args []word, _ int) { s.hosts(args, "") }

func (s *script) hosts(args []word, role string) {
	for _, a := range args {
		text := a.text[strings.LastIndexByte(a.text, '@')+1:]
		if i := strings.LastIndexByte(text, '$'); i >= 0 { // What stands before the dot only the victim knows.
			if dot := strings.IndexByte(text[i:], '.'); dot >= 0 {
				text = text[i+dot:]
			}
		}
		if parts := strings.Split(text, ":"); strings.Count(text, ":") <= 2 { // socat: tcp:HOST:PORT
			for _, p := range parts {
				s.addHost(strings.Trim(p, "."), role, a.at)
			}
			continue
		}
		s.addHost(text, role, a.at)
	}
}

func (s *script) addHost(text, role string, at span) {
	if !strings.ContainsAny(text, ".:") {
		return
	}
	typ, value, ok := s.f.host(text)
	last := value[strings.LastIndexByte(value, '.')+1:]
	if !ok || typ == "domain" && strings.Count(value, ".") == 1 && slices.Contains(fileEndings, last) && hostRole(value, "") == "" {
		return
	}
	if under(value, everybodys) {
		role = ""
	}
	s.f.add(typ, value, hostRole(value, role), at)
}

func (s *script) chmod(_ *command, args []word, _ int) {
	mode := true
	for _, a := range args {
		if strings.HasPrefix(a.text, "-") {
			continue
		}
		if !mode {
			s.f.file(a.text, a.at)
		}
		mode = false
	}
}

func (s *script) tee(_ *command, args []word, _ int) {
	for _, a := range args {
		if !strings.HasPrefix(a.text, "-") {
			s.f.file(a.text, a.at)
		}
	}
}

// dockerFlags are the options of docker run that stand alone.
var dockerFlags = []string{"-d", "-i", "-t", "-it", "-dit", "-itd", "-ti", "-td", "-di", "--rm", "--privileged", "--detach", "--interactive", "--tty", "--init", "-q"}

// docker reads the image of docker run, create and pull.
func (s *script) docker(_ *command, args []word, _ int) {
	if len(args) < 2 || args[0].text != "run" && args[0].text != "pull" && args[0].text != "create" {
		return
	}
	for n := 1; n < len(args); n++ {
		a := args[n].text
		switch {
		case !strings.HasPrefix(a, "-"):
			s.f.imageAt(a, args[n].at)
			return
		case !slices.Contains(dockerFlags, a) && !strings.Contains(a, "="):
			n++
		}
	}
}

// pool finds the server of a miner: -o HOST:PORT or --url where the text is about mining.
func (s *script) pool(c *command) {
	for n, w := range c.words {
		value, long := strings.CutPrefix(w.text, "--url=")
		if !long && n+1 < len(c.words) && (w.text == "-o" || w.text == "--url") {
			value = c.words[n+1].text
		} else if !long {
			continue
		}
		host, _, ok := strings.Cut(value, ":")
		if name, _ := c.verb(); !ok || name == "curl" || name == "wget" || !s.f.mining() {
			continue
		}
		if typ, host, known := s.f.host(host); known {
			s.f.add(typ, host, "c2", w.at)
		}
	}
}

// pools finds the servers in the JSON of a miner's configuration.
func (f *finder) pools() {
	if !strings.Contains(f.text, `"pools"`) {
		return
	}
	f.each(`"url":`, func(rest string, at int) {
		value := quoted(strings.TrimLeft(rest, " "))
		host, _, _ := strings.Cut(value, ":")
		if typ, host, ok := f.host(host); ok {
			f.add(typ, host, "c2", span{at, at + len(value)})
		}
	})
}
