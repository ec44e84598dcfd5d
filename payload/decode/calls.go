package decode

import (
	"bytes"
	"strings"
)

// scripts are texts by which a program in a language is known, with the name of the language.
var scripts = []struct{ mark, kind string }{
	{"<?php", "php"}, {"base64_decode(", "php"}, {"$_POST[", "php"}, {"$_GET[", "php"}, {"shell_exec(", "php"}, {"passthru(", "php"},
	{"child_process", "js"}, {"process.mainModule", "js"}, {"process.env", "js"}, {"process.platform", "js"}, {"process.version", "js"}, {"throw Object.assign(", "js"},
	{"console.log(", "js"}, {"java.lang.", "java"}, {".getRuntime(", "java"}, {"import os", "python"}, {"import urllib", "python"}, {"import socket", "python"}, {"os.system(", "python"},
	{"subprocess.", "python"}, {"__import__(", "python"}, {"New-Object ", "powershell"},
}

// script marks a text as a program; its calls are looked at in the node that this makes.
func (d *decoder) script(s span) bool {
	b := d.bytes(s)
	for _, l := range scripts {
		if bytes.Contains(b, []byte(l.mark)) {
			return d.add(s, layer{kind: l.kind, bytes: b, lang: code, runs: true})
		}
	}
	return false
}

// runner says what a function does with its argument.
type runner uint8

const (
	_ runner = iota
	// runsLine functions give a command line to a shell, or a list of words to the system.
	runsLine
	// runsWords functions take a program and a list of its arguments.
	runsWords
	// runsCode functions evaluate a program in the language itself.
	runsCode
)

// runners are functions of JavaScript, PHP, Python, Java, Ruby and Perl by their last name.
var runners = map[string]runner{
	"exec": runsLine, "execSync": runsLine, "system": runsLine, "shell_exec": runsLine, "passthru": runsLine, "popen": runsLine, "proc_open": runsLine,
	"spawn": runsWords, "spawnSync": runsWords, "execFile": runsWords, "execFileSync": runsWords, "pcntl_exec": runsWords, "execAsync": runsLine,
	"check_output": runsLine, "Popen": runsLine, "getoutput": runsLine, "ProcessBuilder": runsLine, "subprocess.call": runsLine, "subprocess.run": runsLine,
	"eval": runsCode, "assert": runsCode, "Function": runsCode, "create_function": runsCode,
}

const maxCalls = 100

// calls finds calls that run something, in whatever language; true when it found one whose argument is known.
func (d *decoder) calls(s span) (found bool) {
	b := d.bytes(s)
	if !d.spend(len(b)) {
		return false
	}
	done := 0
	for i, n := 0, 0; i < len(b) && n < maxCalls; i++ {
		if b[i] != '(' || i < done {
			continue
		}
		name := nameBefore(b, i)
		if name == "chr" || name == "CHR" || name == "fromCharCode" {
			n++
			done = d.characters(s, i-len(name))
			continue
		}
		run := runnerOf(b, i, name)
		if run == 0 {
			continue
		}
		n++
		if !d.spend(64) {
			return found
		}
		e := &evaluation{d: d, b: b, budget: maxEvaluation}
		args, end := e.arguments(i + 1)
		if d.call(s, i+1, end, name, run, args) {
			found = true
		}
	}
	return found
}

// runnerOf is what the function before b[i] does; call and run are too common to count without their module.
func runnerOf(b []byte, i int, name string) runner {
	if run := runners[name]; run != 0 {
		return run
	}
	if name == "call" || name == "run" {
		if at := i - len(name) - len("subprocess."); at >= 0 && bytes.HasPrefix(b[at:], []byte("subprocess.")) {
			return runsLine
		}
	}
	return 0
}

// nameBefore is the name that ends before b[i], or the one in ['name'] there.
func nameBefore(b []byte, i int) string {
	end := i
	if end > 3 && b[end-1] == ']' && (b[end-2] == '\'' || b[end-2] == '"') {
		end -= 2
	}
	start := end
	for start > 0 && isName[b[start-1]] && end-start < 40 {
		start--
	}
	return string(b[start:end])
}

var isName = letters("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")

// call adds what a call runs.
func (d *decoder) call(s span, from, end int, name string, run runner, args []value) bool {
	if len(args) == 0 || len(args[0].text) == 0 && len(args[0].list) == 0 || !args[0].known && !args[0].partly {
		return false
	}
	v := args[0]
	line := v.text
	switch {
	case len(v.list) > 0:
		line = []byte(words{list: v.list}.text())
	case run == runsWords || name == "ProcessBuilder":
		list := []string{string(v.text)}
		for _, a := range args[1:] {
			if len(a.list) > 0 {
				list = append(list, a.list...)
				break
			}
			if name == "ProcessBuilder" && a.known {
				list = append(list, string(a.text))
			}
		}
		if len(list) > 1 || name == "ProcessBuilder" {
			line = []byte(words{list: list}.text())
		}
	}
	if v.end > 0 && len(v.list) == 0 && len(args) == 1 {
		from, end = v.off, v.end
	}
	l := layer{kind: "shell", note: "given to " + name, bytes: line, lang: shell, runs: true}
	if run == runsCode || looksPython(line) {
		l.kind, l.lang = "code", code
	}
	if v.how != "" {
		l.kind = v.how
	}
	return d.add(s.sub(from, max(from, end)), l)
}

// looksPython tells Python's exec, which evaluates, from the others.
func looksPython(b []byte) bool {
	return bytes.HasPrefix(b, []byte("import ")) || bytes.HasPrefix(b, []byte("from ")) || bytes.HasPrefix(b, []byte("__import__"))
}

// characters puts together what is written as numbers of characters; it returns where that ends.
func (d *decoder) characters(s span, from int) int {
	e := &evaluation{d: d, b: d.bytes(s), budget: maxEvaluation}
	for from > 0 && (isName[e.b[from-1]] || e.b[from-1] == '.') {
		from--
	}
	v, end := e.sum(from, 0)
	if v.known && len(v.text) > 1 && plausible(v.text) {
		d.add(s.sub(from, end), layer{kind: "characters", bytes: v.text})
	}
	return max(end, from+1)
}

// value is what an expression amounts to.
type value struct {
	text []byte
	list []string
	// off and end are where a literal stands that is the whole value.
	off, end int
	// known says that all of it is known; partly that some literal is in it, and the rest is written as ${name}.
	known, partly bool
	// how is the kind of what was undone last.
	how string
}

// maxEvaluation bounds the operands of one expression, maxNested how deep they stand, maxText a value's length.
const (
	maxEvaluation = 2000
	maxNested     = 12
	maxText       = 64 << 10
)

// evaluation computes strings as JavaScript, PHP, Python and Java put them together.
type evaluation struct {
	d      *decoder
	b      []byte
	budget int
}

// arguments evaluates a call's arguments; i stands behind the parenthesis, end before the closing one.
func (e *evaluation) arguments(i int) (args []value, end int) {
	return e.list(i, 0, ')')
}

func (e *evaluation) list(i, nested int, closing byte) (list []value, end int) {
	for n := 0; n < 4096 && e.d.work > 0; n++ {
		i = e.blanks(i)
		if i >= len(e.b) || e.b[i] == closing {
			return list, i
		}
		v, end := e.sum(i, nested)
		list = append(list, v)
		i = e.blanks(e.skip(end))
		if i >= len(e.b) || e.b[i] != ',' {
			return list, i
		}
		i++
	}
	return list, i
}

func (e *evaluation) blanks(i int) int {
	for i < len(e.b) && (e.b[i] == ' ' || e.b[i] == '\n' || e.b[i] == '\r' || e.b[i] == '\t') {
		i++
	}
	return i
}

// skip goes to the end of an argument, over what is not understood.
func (e *evaluation) skip(i int) int {
	depth, start := 0, i
	for ; i < len(e.b) && e.d.work > 0; i++ {
		switch e.b[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth < 0 {
				e.d.spend(i - start)
				return i
			}
		case ',', ';':
			if depth == 0 {
				e.d.spend(i - start)
				return i
			}
		case '\'', '"', '`':
			_, i = e.literal(i)
			i--
		}
	}
	e.d.spend(i - start)
	return i
}

// sum evaluates operands that are put together with + or "." .
func (e *evaluation) sum(i, nested int) (value, int) {
	total, end := e.operand(i, nested)
	for n := 0; n < 4096 && e.budget > 0; n++ {
		i = e.blanks(end)
		if i >= len(e.b) || e.b[i] != '+' && e.b[i] != '.' {
			break
		}
		v, next := e.operand(e.blanks(i+1), nested)
		if next <= i+1 || len(total.text)+len(v.text) > maxText {
			break
		}
		if total.how == "" {
			total.how = v.how
		}
		total = value{text: append(bytes.Clone(total.text), v.text...), known: total.known && v.known, partly: total.known || total.partly || v.known || v.partly, how: total.how}
		e.d.spend(len(total.text))
		end = next
	}
	return total, end
}

// operand evaluates a literal, a list, a call or a name.
func (e *evaluation) operand(i, nested int) (value, int) {
	if e.budget--; e.budget < 0 || nested > maxNested || i >= len(e.b) || !e.d.spend(8) {
		return value{}, i
	}
	switch c := e.b[i]; {
	case c == '\'' || c == '"' || c == '`':
		text, end := e.literal(i)
		v := value{text: text, known: true, off: i + 1, end: max(end-1, i+1)}
		return e.methods(v, end, nested)
	case c == '[', c == '{' && i > 0 && e.b[i-1] == ']': // new String[]{…}
		items, end := e.list(i+1, nested+1, c+2)
		return e.methods(asList(items), min(end+1, len(e.b)), nested)
	case c == '(':
		v, end := e.sum(e.blanks(i+1), nested+1)
		if end = e.blanks(end); end < len(e.b) && e.b[end] == ')' {
			return e.methods(v, end+1, nested)
		}
		return value{}, end
	case isName[c] || c == '$' || c == '@' || c == '\\':
		return e.named(i, nested)
	}
	return value{}, i
}

func asList(items []value) value {
	v := value{known: true}
	for _, item := range items {
		if !item.known && !item.partly {
			v.known = false
		}
		v.list = append(v.list, string(item.text))
	}
	return v
}

// named evaluates a name, a number or a call.
func (e *evaluation) named(i, nested int) (value, int) {
	start := i
	for i < len(e.b) && (isName[e.b[i]] || strings.IndexByte(`$@\:`, e.b[i]) >= 0 || e.b[i] == '.' && i+1 < len(e.b) && isName[e.b[i+1]] && !digits(e.b[start:i])) {
		i++
	}
	name := string(e.b[start:i])
	if name == "new" || name == "await" || name == "b" || name == "r" || name == "f" || name == "u" {
		if next := e.blanks(i); next < len(e.b) && (next > i || e.b[next] == '\'' || e.b[next] == '"') {
			return e.operand(next, nested+1)
		}
	}
	switch next := e.blanks(i); {
	case next < len(e.b) && e.b[next] == '(':
		args, end := e.list(next+1, nested+1, ')')
		v := apply(last(name), args)
		return e.methods(v, min(end+1, len(e.b)), nested)
	case next+1 < len(e.b) && e.b[next] == '[' && e.b[next+1] == ']':
		return e.operand(next+2, nested+1)
	}
	if digits([]byte(name)) {
		return value{text: []byte(name), known: true}, i
	}
	if v, ok := e.variable(name, start, nested); ok {
		return e.methods(v, i, nested)
	}
	return value{text: []byte("${" + strings.TrimLeft(name, "$") + "}")}, i
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

func last(name string) string {
	return name[strings.LastIndexAny(name, ".:\\@")+1:]
}

// variable is the value of the nearest assignment before a place.
func (e *evaluation) variable(name string, before, nested int) (value, bool) {
	for end, n := before, 0; n < 8; n++ {
		at := bytes.LastIndex(e.b[:end], []byte(name))
		if at < 0 || !e.d.spend(end-at) {
			return value{}, false
		}
		end = at
		if at > 0 && isName[e.b[at-1]] {
			continue
		}
		i := e.blanks(at + len(name))
		if i+1 >= len(e.b) || e.b[i] != '=' || e.b[i+1] == '=' || e.b[i+1] == '>' {
			continue
		}
		v, _ := e.sum(e.blanks(i+1), nested+2)
		v.off, v.end = 0, 0
		return v, v.known
	}
	return value{}, false
}

// methods applies what is called on a value, such as .join(”).
func (e *evaluation) methods(v value, i, nested int) (value, int) {
	for n := 0; n < 16; n++ {
		if i+1 >= len(e.b) || e.b[i] != '.' || !isName[e.b[i+1]] {
			return v, i
		}
		from := i + 1
		end := from
		for end < len(e.b) && isName[e.b[end]] {
			end++
		}
		if end >= len(e.b) || e.b[end] != '(' || functions[string(e.b[from:end])] {
			return v, i
		}
		args, stop := e.list(end+1, nested+1, ')')
		v = method(v, string(e.b[from:end]), args)
		i = min(stop+1, len(e.b))
	}
	return v, i
}

func method(v value, name string, args []value) value {
	switch name {
	case "join":
		if len(v.list) > 0 && len(args) > 0 {
			return value{text: []byte(strings.Join(v.list, string(args[0].text))), known: v.known}
		}
	case "toString", "decode", "trim", "strip", "valueOf", "getBytes":
		if v.known || len(args) == 0 {
			return v
		}
	case "concat":
		return apply("concat", append([]value{v}, args...))
	}
	if !v.known { // The receiver is a module or an object.
		if out := apply(name, args); out.known {
			return out
		}
	}
	return value{text: v.text, list: v.list, partly: v.partly, how: v.how}
}
