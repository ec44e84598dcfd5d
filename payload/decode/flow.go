package decode

import (
	"bytes"
	"encoding/hex"
	"path"
	"slices"
	"strings"
)

// stream is what runs through a pipeline as far as it is known.
type stream struct {
	data []byte
	// known says that data is all of it; next is the first stage that was not gone through.
	known bool
	next  int
	// how are the kinds of what was undone, from the first on.
	how []string
	// at is where the text stood.
	at place
}

// flow follows the text that the first command writes through the decoders behind it.
func (d *decoder) flow(stages []stage) (f stream) {
	if len(stages) == 0 {
		return f
	}
	first := stages[0]
	words, _ := unwrapped(first.words)
	f.at = place{first.off, first.end}
	switch name := base(words); {
	case name == "echo":
		f.data, f.known = echoed(words[1:]), true
		if n := len(first.places); len(words) == 2 && n > 0 {
			f.at = first.places[n-1]
		}
	case name == "printf" && len(words) > 1:
		f.data, f.known = printed(words[1:]), true
		f.at = first.places[len(first.places)-1]
	case first.input != nil:
		f.data, f.known = []byte(*first.input), true
		if name != "cat" {
			return d.through(f, stages, 0)
		}
	default:
		return f
	}
	if first.output != "" { // What goes to a file does not go on.
		f.next = 1
		return f
	}
	return d.through(f, stages, 1)
}

// through applies the stages that are known.
func (d *decoder) through(f stream, stages []stage, from int) stream {
	for f.next = from; f.next < len(stages) && f.known; f.next++ {
		words, _ := unwrapped(stages[f.next].words)
		if stages[f.next].output != "" && from > f.next {
			return f
		}
		kind, out, ok := d.filter(words, f.data)
		if !ok {
			return f
		}
		if kind != "" {
			f.how = append(f.how, kind)
		}
		f.data = out
		if stages[f.next].output != "" {
			f.next++
			return f
		}
	}
	return f
}

// filter is what a command makes of its input; false for one that is not known.
func (d *decoder) filter(words []string, in []byte) (kind string, out []byte, ok bool) {
	if len(words) == 0 || !d.spend(len(in)) {
		return "", nil, false
	}
	has := func(flags ...string) bool {
		return slices.ContainsFunc(words[1:], func(w string) bool { return slices.Contains(flags, w) })
	}
	switch base(words) {
	case "base64":
		if has("-d", "--decode", "-D", "-di", "-id", "--d") {
			out, ok = unbase64(bytes.TrimSpace(in))
			return "base64", out, ok
		}
	case "openssl":
		if has("-d") && has("base64", "-base64", "-a") {
			out, ok = unbase64(bytes.TrimSpace(in))
			return "base64", out, ok
		}
	case "xxd":
		if has("-r", "-ps", "-rp") && has("-p", "-ps", "-rp") {
			text := bytes.Join(bytes.Fields(in), nil)
			out = make([]byte, len(text)/2)
			n, _ := hex.Decode(out, text[:len(text)/2*2]) // The digits before the first that is none.
			return "hex", out[:n], n > 0
		}
	case "gunzip", "zcat", "gzip":
		if isGzip(in) {
			out = d.inflated("gzip", in)
			return "gzip", out, len(out) > 0
		}
	case "rev":
		out = bytes.Clone(bytes.TrimSuffix(in, []byte("\n")))
		slices.Reverse(out)
		return "reversed", out, true
	case "cat", "tee":
		return "", in, len(words) == 1
	}
	return "", nil, false
}

// echoed is what echo writes; -e undoes escapes, which many shells do without it.
func echoed(words []string) []byte {
	escapes := false
	for len(words) > 0 && len(words[0]) > 1 && len(words[0]) < 5 && words[0][0] == '-' && strings.Trim(words[0][1:], "neE") == "" {
		escapes = escapes || strings.Contains(words[0], "e")
		words = words[1:]
	}
	out := []byte(strings.Join(words, " "))
	if escapes {
		out = cEscapes(out)
	}
	return out
}

// printed is what printf writes for the simplest formats.
func printed(words []string) []byte {
	format := string(cEscapes([]byte(words[0])))
	for _, w := range words[1:] {
		if !strings.Contains(format, "%s") && !strings.Contains(format, "%b") {
			break
		}
		i := strings.Index(format, "%s")
		if j := strings.Index(format, "%b"); i < 0 || j >= 0 && j < i {
			i, w = j, string(cEscapes([]byte(w)))
		}
		format = format[:i] + w + format[i+2:]
	}
	return []byte(format)
}

// base is the name of a program without its folder.
func base(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return strings.TrimSuffix(path.Base(strings.ReplaceAll(words[0], `\`, "/")), ".exe")
}

// wrappers are programs that run the program after their options; the number says how many words come before it.
var wrappers = map[string]int{"sudo": 0, "nohup": 0, "exec": 0, "command": 0, "busybox": 0, "time": 0, "setsid": 0, "nice": 0, "env": 0, "doas": 0, "timeout": 1, "chroot": 1, "stdbuf": 0, "unbuffer": 0, "builtin": 0, "ionice": 0}

// unwrapped drops programs that only run another, their options and assignments; n is how many words were dropped.
func unwrapped(words []string) (rest []string, n int) {
	rest = words
	for i := 0; i < 8 && len(rest) > 1; i++ {
		skip, ok := wrappers[base(rest)]
		if !ok {
			break
		}
		j := 1
		for j < len(rest)-1 && (strings.HasPrefix(rest[j], "-") || base(rest) == "env" && strings.Contains(rest[j], "=")) {
			if (base(rest) == "nice" || base(rest) == "sudo" || base(rest) == "ionice") && (rest[j] == "-n" || rest[j] == "-u" || rest[j] == "-c") && j+1 < len(rest)-1 {
				j++
			}
			j++
		}
		if j += skip; j >= len(rest) {
			break
		}
		rest, n = rest[j:], n+j
	}
	return rest, n
}
