package protocol

import (
	"bytes"
	"slices"
)

// loneCommands are commands that bots type first at a prompt, on a line of their own.
var loneCommands = []string{"enable", "system", "shell", "linuxshell", "sh", "bash", "su", "id", "ls", "whoami", "uname", "pwd", "ifconfig",
	"nproc", "lscpu", "ps", "hostname", "busybox"}

// shellCommands are commands that come with arguments.
var shellCommands = []string{"wget", "curl", "tftp", "ftpget", "cd", "cat", "chmod", "rm", "echo", "uname", "ls", "ps", "kill", "killall", "pkill",
	"nohup", "nc", "ncat", "bash", "sh", "ash", "dash", "python", "python3", "perl", "busybox", "mkdir", "cp", "mv", "mount", "iptables", "export", "crontab",
	"systemctl", "dd", "sleep", "sudo", "id", "whoami", "printf", "touch", "awk", "base64", "grep", "find", "powershell", "powershell.exe", "cmd", "cmd.exe",
	"history", "unset", "ulimit", "pwd", "hostname", "eval", "exec", "sed", "tar", "head", "tail", "ping", "ifconfig", "ip", "netstat"}

// commandsByFirst are both, by the first letter.
var lonesByFirst, commandsByFirst = indexWords(loneCommands), indexWords(shellCommands)

func indexWords(list []string) (table [256][]string) {
	for _, w := range list {
		table[w[0]] = append(table[w[0]], w)
	}
	return table
}

func among(table *[256][]string, word []byte) bool {
	if len(word) == 0 {
		return false
	}
	for _, w := range table[word[0]] {
		if string(word) == w {
			return true
		}
	}
	return false
}

// isShell: what is typed at a prompt: a script, a path of a program, or a command with arguments that only a shell has. What
// breaks out of another command (; | & $( and a backquote) may stand before it.
func isShell(b []byte) bool {
	if has(b, "#!/") {
		return true
	}
	whole := bytes.IndexByte(b, '\n') > 0
	line := bytes.TrimLeft(firstLine(bytes.TrimLeft(b[:min(len(b), maxLine)], "\r\n\t ")), ";|&$(`{ \t")
	if len(line) == 0 || !isText(b[:min(len(b), 256)]) {
		return false
	}
	if under(line, "/bin", "/usr/bin", "/sbin", "/usr/sbin", "./busybox") && len(line) > 5 {
		return true
	}
	end := bytes.IndexAny(line, " \t;|&<>)`")
	if end < 0 {
		return whole && among(&lonesByFirst, line)
	}
	return among(&commandsByFirst, line[:end]) && hasArguments(bytes.TrimLeft(line[end:], " \t"))
}

// hasArguments: an option, a path or a URL first, or an operator of the shell behind.
func hasArguments(rest []byte) bool {
	if len(rest) == 0 {
		return false
	}
	if isArgument(rest) {
		return true
	}
	for _, operator := range [...]string{"&&", "||", "$(", ">/", "> /", "|sh", "| sh", "|bash", "| bash", "| base64", "2>&1", " -e ", "/dev/null"} {
		if contains(rest, operator) {
			return true
		}
	}
	for {
		i := bytes.IndexByte(rest, ';')
		if i < 0 {
			return false
		}
		rest = bytes.TrimLeft(rest[i+1:], " \t")
		end := bytes.IndexAny(rest, " \t;|&")
		if end < 0 {
			end = len(rest)
		}
		if has(rest, "/bin/") || among(&commandsByFirst, rest[:end]) &&
			(!slices.Contains(proseCommands, string(rest[:end])) || isArgument(bytes.TrimLeft(rest[end:], " \t"))) {
			return true
		}
	}
}

// proseCommands are the commands that a sentence may go on with after a semicolon.
var proseCommands = []string{"cat", "echo", "find", "sleep", "kill", "head", "tail", "touch", "export", "mount", "eval", "exec", "history", "id", "ip",
	"ping", "tar", "service"}

// isArgument reports whether it begins with an option, a path or a URL.
func isArgument(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	if b[0] == '-' || b[0] == '/' {
		return b[1] != ' ' && b[1] != '-' || has(b, "--") && len(b) > 2 && isLetter(b[2])
	}
	for _, prefix := range [...]string{"./", "~/", "$(", "${", "http://", "https://", "ftp://", "+x "} {
		if has(b, prefix) {
			return true
		}
	}
	return false
}
