package payload

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"terroir/payload/decode"
)

// tag is a name that others know a behaviour by, and how it is told. Only what is certain from the bytes has one.
type tag struct {
	name string
	// kind is the kind of layer that is looked at; "" is every layer that runs, "payload" what the client sent.
	kind string
	is   *regexp.Regexp
}

// CVE numbers are those of the flaw that the request is made for; techniques those of MITRE ATT&CK (attack.mitre.org).
var knownTags = []tag{
	{"CVE-2022-26134", "payload", regexp.MustCompile(`(?i)^(?:GET|POST|HEAD) /[^ ]*(?:\$|%24)(?:\{|%7b)[^ ]*(?:java\.lang|ProcessBuilder|Runtime)`)},
	{"CVE-2022-0543", "payload", regexp.MustCompile(`(?i)eval.{0,40}package\.loadlib\(`)},
	{"CVE-2019-9193", "payload", regexp.MustCompile(`(?i)COPY\s+\S+\s+FROM\s+PROGRAM\s`)},
	{"CVE-2025-55182", "payload", regexp.MustCompile(`"then"\s*:\s*"\$1:__proto__:then"`)},
	{"T1105", "", regexp.MustCompile(`(?i)\b(?:curl|wget|tftp|ftpget)\s[^\n;|&]*(?:https?|ftp|tftp)://|\b(?:tftp|ftpget)\s+-?\w`)},
	{"T1059.004", "", regexp.MustCompile(`(?:^|[/\s|;&])(?:ba|da|z|k)?sh(?:\s|$)`)},
	{"T1053.003", "", regexp.MustCompile(`\bcrontab\b|/etc/cron|/var/spool/cron`)},
	{"T1098.004", "", regexp.MustCompile(`\.ssh/authorized_keys`)},
	{"T1222.002", "", regexp.MustCompile(`\b(?:chmod|chattr)\s`)},
	{"T1070.003", "", regexp.MustCompile(`\bhistory\s+-c\b|\bHISTFILE\b`)},
	{"T1082", "", regexp.MustCompile(`(?:^|[;&|]\s*)uname\b`)},
	{"T1033", "", regexp.MustCompile(`(?:^|[;&|]\s*)(?:whoami|id)\s*(?:$|[;&|])`)},
	{"T1496", "", regexp.MustCompile(`(?i)\bxmrig\b|stratum\+(?:tcp|ssl)://`)},
	{"T1053.003", "redis", regexp.MustCompile(`(?i)/var/spool/cron|/etc/cron`)},
	{"T1098.004", "redis", regexp.MustCompile(`(?i)authorized_keys|/\.ssh\b`)},
}

// maxTagged bounds the bytes of a layer that are looked at.
const maxTagged = 16 << 10

// tags are the names of what the payload is known to be made for, sorted.
func tags(tree *decode.Tree) []string {
	var found []string
	for i := range tree.Nodes {
		n := &tree.Nodes[i]
		b := n.Bytes[:min(len(n.Bytes), maxTagged)]
		for _, t := range knownTags {
			if (t.kind == n.Kind || t.kind == "" && n.Runs) && t.is.Match(b) {
				found = append(found, t.name)
			}
		}
		switch {
		case n.Kind == "log4j" && strings.Contains(n.Note, "fires in Log4j"):
			found = append(found, "CVE-2021-44228")
		case n.Kind == "docker" && bytes.Contains(tree.Nodes[0].Bytes[:min(len(tree.Nodes[0].Bytes), maxTagged)], []byte("/containers/create")):
			found = append(found, "T1610")
			if mountsRoot.Match(tree.Nodes[0].Bytes[:min(len(tree.Nodes[0].Bytes), maxTagged)]) {
				found = append(found, "T1611")
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// mountsRoot is a container that is given the host's whole file system.
var mountsRoot = regexp.MustCompile(`"Binds"\s*:\s*\[[^\]]*"/:`)
