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
	"fetch": (*script).curl, "lwp-download": (*script).certutil, "aria2c": (*script).wget, "axel": (*script).wget,
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
	if !s.f.binary {
		for _, w := range c.writes {
			s.f.file(w.text, w.at)
		}
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
		if name, _ := c.verb(); !ok || name == "curl" || name == "wget" || !s.f.mines() {
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
