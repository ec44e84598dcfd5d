package decode

import (
	"net/netip"
	"slices"
	"strings"
)

// noteOf says in words what a command of note does, or "".
func noteOf(words []string) string {
	switch name := base(words); name {
	case "curl", "wget":
		return download(name, words)
	case "tftp", "ftpget", "scp", "ftp":
		return "downloads with " + name
	case "chmod":
		return "makes executable or opens: " + operand(words, 2)
	case "chattr":
		return "locks or unlocks against change: " + operand(words, 2)
	case "crontab":
		return "changes what cron runs"
	case "nc", "ncat", "netcat", "nc.traditional":
		return connection(words)
	}
	return ""
}

// download says what is fetched and where it goes.
func download(name string, words []string) string {
	from, to := "", ""
	for i, w := range words[1:] {
		switch {
		case strings.Contains(w, "://"), from == "" && isAddress(w, words[i]):
			from = w
		case i+2 < len(words) && (w == "-o" && name == "curl" || strings.HasPrefix(w, "-") && strings.HasSuffix(w, "O") && name == "wget" || w == "--output"):
			to = words[i+2]
		}
	}
	if from == "" {
		return "downloads with " + name
	}
	note := "downloads " + cut(from, maxNote)
	if to != "" && to != "-" {
		note += " to " + cut(to, maxNote)
	}
	return note
}

// isAddress says that a word is an address without its scheme: of IP, or a name that is neither a path nor an option's value.
func isAddress(w, before string) bool {
	if _, err := netip.ParseAddr(w); err == nil {
		return true
	}
	return strings.Contains(w, ".") && w[0] != '-' && w[0] != '/' && w[0] != '.' && (strings.Contains(w, "/") || !strings.HasPrefix(before, "-"))
}

// operand is what follows the options, from the n-th word on.
func operand(words []string, n int) string {
	if len(words) <= n {
		return "?"
	}
	return cut(strings.Join(words[n:], " "), maxNote)
}

func connection(words []string) string {
	var plain []string
	for i, w := range words[1:] {
		if !strings.HasPrefix(w, "-") && !(i > 0 && slices.Contains([]string{"-e", "-c", "-w", "-p"}, words[i])) {
			plain = append(plain, w)
		}
	}
	note := "connects with nc"
	if len(plain) >= 2 {
		note = "connects to " + cut(plain[0], maxNote) + ":" + cut(plain[1], maxNote)
	}
	if slices.Contains(words, "-e") || slices.Contains(words, "-c") {
		note += " and gives it a shell"
	}
	return note
}
