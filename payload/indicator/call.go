package indicator

import (
	"slices"
	"strings"
)

// images finds the image of a container in the JSON of a request to Docker or Kubernetes, and in the query by which an image is pulled.
func (f *finder) images() {
	if strings.Contains(f.text, `"Cmd"`) || strings.Contains(f.text, `"HostConfig"`) || strings.Contains(f.text, "/containers/create") {
		f.imageField(`"Image"`)
	}
	if strings.Contains(f.text, `"containers"`) {
		f.imageField(`"image"`)
	}
	f.each("/images/create?", func(rest string, at int) {
		query, _, _ := strings.Cut(rest, " ")
		_, image, ok := strings.Cut(query, "fromImage=")
		if !ok {
			return
		}
		image, _, _ = strings.Cut(image, "&")
		image = strings.NewReplacer("%2F", "/", "%2f", "/", "%3A", ":", "%3a", ":").Replace(image)
		if _, tag, ok := strings.Cut(query, "tag="); ok && !strings.Contains(image[strings.LastIndexByte(image, '/')+1:], ":") {
			if tag, _, _ = strings.Cut(tag, "&"); tag != "" {
				image += ":" + tag
			}
		}
		f.imageAt(image, span{at, at}) // Its parts were undone here already.
	})
}

// imageField reads the image behind a name in JSON.
func (f *finder) imageField(name string) {
	f.each(name, func(rest string, at int) {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if value, ok := strings.CutPrefix(rest, ":"); ok {
			f.image(quoted(strings.TrimLeft(value, " \t\r\n")), at)
		}
	})
}

// each calls use with what follows each occurrence of the pattern, at most 1 KiB of it.
func (f *finder) each(pattern string, use func(rest string, at int)) {
	for at := 0; ; {
		i := strings.Index(f.text[at:], pattern)
		if i < 0 {
			return
		}
		at += i + len(pattern)
		use(f.text[at:min(len(f.text), at+1024)], at)
	}
}

// quoted is the text within the quotes with which s begins, or "". The quotes may be escaped.
func quoted(s string) string {
	escaped := strings.HasPrefix(s, `\`)
	s = strings.TrimPrefix(s, `\`)
	if s == "" || strings.IndexByte("\"'`", s[0]) < 0 {
		return ""
	}
	value, _, ok := strings.Cut(s[1:], s[:1])
	if !ok {
		return ""
	}
	if escaped {
		value = strings.TrimSuffix(value, `\`)
	}
	return value
}

// image notes a reference to an image (https://pkg.go.dev/github.com/distribution/reference): [registry/]path[:tag][@digest].
func (f *finder) image(ref string, at int) { f.imageAt(ref, span{at, at + len(ref)}) }

func (f *finder) imageAt(ref string, at span) {
	if len(ref) < 2 || len(ref) > 255 || !alphanumeric(ref[0]) {
		return
	}
	for i := range len(ref) {
		if !nameChar(ref[i]) && strings.IndexByte("/:@", ref[i]) < 0 {
			return
		}
	}
	f.add("image", ref, "", at)
	if registry, _, ok := strings.Cut(ref, "/"); ok {
		f.registries[registry] = true
	}
}

// calls finds files that programs write, by the first argument of a call.
func (f *finder) calls() {
	for _, c := range []string{"createWriteStream(", "writeFileSync(", "writeFile(", "chmodSync(", "file_put_contents(", "appendFileSync(", "tmpdir(),"} {
		f.each(c, func(rest string, at int) {
			if name := quoted(strings.TrimLeft(rest, " ")); name != "" {
				f.file(name, span{at, at + len(name)})
			}
		})
	}
	for _, name := range f.opened() {
		f.file(name.text, name.at)
	}
	f.each(".DownloadFile(", func(rest string, at int) {
		args, _, _ := strings.Cut(rest, ")")
		if _, second, ok := strings.Cut(args, ","); ok {
			f.file(quoted(strings.TrimLeft(second, " ")), span{at, at + len(args)})
		}
	})
}

// opened are the files that a program opens to write: open('name','wb').
func (f *finder) opened() (names []word) {
	f.each("open(", func(rest string, at int) {
		name := quoted(rest)
		if name == "" {
			return
		}
		mode := strings.TrimLeft(rest[strings.Index(rest, name)+len(name):], "\\\"', ")
		if strings.HasPrefix(mode, "w") || strings.HasPrefix(mode, "a") {
			names = append(names, word{text: name, at: span{at, at + len(name)}})
		}
	})
	return names
}

// file notes the name of a file that is made, unless only the victim knows it or it is a device.
func (f *finder) file(name string, at span) {
	name = strings.TrimRight(strings.TrimPrefix(name, "./"), "/")
	if name == "" || name == "-" || name == "." || len(name) > 255 || strings.HasPrefix(name, "&") || len(name) > 2 && name[1] == ':' && name[2] != '\\' && name[2] != '/' || isDevice(name) || strings.HasPrefix(name, "/proc/") {
		return
	}
	plain := false
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7f || strings.IndexByte("$`*?{}()<>|;\"'=,[]", name[i]) >= 0 {
			return
		}
		plain = plain || alphanumeric(name[i])
	}
	if !plain || strings.Contains(name, "://") {
		return
	}
	f.add("file", name, "", at)
}

var devices = []string{"null", "zero", "full", "random", "urandom", "tty", "console", "stdin", "stdout", "stderr"}

// isDevice reports whether nothing is made by writing there. Files in /dev are made by those who hide them.
func isDevice(name string) bool {
	device, ok := strings.CutPrefix(name, "/dev/")
	return ok && (slices.Contains(devices, device) || strings.HasPrefix(device, "tcp/") || strings.HasPrefix(device, "udp/") || strings.HasPrefix(device, "fd/") ||
		strings.HasPrefix(device, "tty") || strings.HasPrefix(device, "watchdog")) || strings.EqualFold(name, "nul")
}

// sockets finds the other ends of shells that call back.
func (f *finder) sockets() {
	for _, device := range []string{"/dev/tcp/", "/dev/udp/"} {
		f.each(device, func(rest string, at int) {
			host, _, ok := strings.Cut(rest, "/")
			f.called(host, ok, span{at, at + len(host)})
		})
	}
	f.each("s_client ", func(rest string, at int) {
		if _, target, ok := strings.Cut(rest, "-connect "); ok {
			host, _, found := strings.Cut(target, ":")
			f.called(host, found, span{at, at + len(rest) - len(target) + len(host)})
		}
	})
	f.each("/ReverseShell/", func(rest string, at int) {
		host, _, _ := strings.Cut(rest, "/")
		f.called(host, true, span{at, at + len(host)})
	})
	for _, call := range []string{"connect((", "TCPClient(", "TcpClient(", "TCPSocket.open(", "TCPSocket.new(", "fsockopen(", "net.connect(", "createConnection(", ".connect(", "inet_aton("} {
		f.each(call, func(rest string, at int) { f.connect(call, rest, at) })
	}
}

// connect reads the host among the first two arguments: Node has the port first.
func (f *finder) connect(call, rest string, at int) {
	host := quoted(rest)
	if host == "" && (call == ".connect(" || call == "net.connect(" || call == "createConnection(") {
		if port, second, ok := strings.Cut(rest, ","); ok && dotted(strings.TrimSpace(port)) {
			host = quoted(strings.TrimLeft(second, " "))
		}
	}
	host = strings.TrimPrefix(strings.TrimPrefix(host, "tcp://"), "ssl://")
	f.called(host, host != "", span{at, at + len(host)})
}

func (f *finder) called(host string, ok bool, at span) {
	if typ, value, known := f.host(host); ok && known {
		f.add(typ, value, "callback", at)
	}
}

// redis finds the file into which Redis is told to write its data, and the server from which to copy them; inline, and as an array of
// RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/).
func (f *finder) redis() {
	for _, word := range []string{"dbfilename", "dir"} {
		f.eachFold(word, func(rest string, before string, at int) {
			if !strings.HasSuffix(strings.TrimRight(before, "\r\n 0123456789$\""), "set") {
				return
			}
			if name := argument(rest); name != "dump.rdb" {
				f.file(name, span{at, at + len(name)})
			}
		})
	}
	for _, word := range []string{"slaveof", "replicaof"} {
		f.eachFold(word, func(rest string, _ string, at int) {
			host := argument(rest)
			f.called(host, true, span{at, at + len(host)})
		})
	}
}

// eachFold is each for a word in any case that stands alone, with what stands before it.
func (f *finder) eachFold(word string, use func(rest, before string, at int)) {
	for at := 0; ; {
		i := strings.Index(f.lower[at:], word)
		if i < 0 {
			return
		}
		begin := at + i
		at = begin + len(word)
		if (begin == 0 || !alphanumeric(f.text[begin-1])) && at < len(f.text) && !alphanumeric(f.text[at]) {
			use(f.text[at:min(len(f.text), at+1024)], strings.ToLower(f.text[max(0, begin-24):begin]), at)
		}
	}
}

// argument is the first argument: inline, in quotes, or as a bulk string of RESP.
func argument(s string) string {
	s = strings.TrimLeft(s, " \"\r\n")
	if strings.HasPrefix(s, "$") {
		_, s, _ = strings.Cut(s, "\n")
	}
	if end := strings.IndexAny(s, " \"'\r\n"); end >= 0 {
		s = s[:end]
	}
	return s
}
