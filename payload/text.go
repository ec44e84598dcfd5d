package payload

import (
	"bytes"
	"strings"
)

// Protocols of lines of text. Blanks may be missing: some observers print payloads without them.

func has(b []byte, prefix string) bool { return bytes.HasPrefix(b, []byte(prefix)) }

func contains(b []byte, s string) bool { return bytes.Contains(b, []byte(s)) }

// firstLine is the first line without its end, at most 2048 bytes of it.
func firstLine(b []byte) []byte {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i]
	}
	return bytes.TrimRight(b[:min(len(b), 2048)], "\r")
}

// isSSH: RFC 4253 §4.2.
func isSSH(b []byte) bool { return has(b, "SSH-") }

// words are lists of words by their first byte.
type words [256][]string

func newWords(list ...string) (w words) {
	for _, word := range list {
		w[word[0]] = append(w[word[0]], word)
	}
	return w
}

// at are the words with which a line may begin.
func (w *words) at(line string) []string {
	if line == "" {
		return nil
	}
	return w[line[0]]
}

// httpMethods are those of RFC 9110, WebDAV and what scanners use.
var httpMethods = newWords("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY",
	"MOVE", "LOCK", "UNLOCK", "SEARCH", "QUERY", "REPORT", "DEBUG", "PRI", "get", "post", "head", "options")

// requestLine splits a request line; the target is what lies between method and version.
func requestLine(b []byte) (method, target, version string) {
	line := string(firstLine(b))
	for _, m := range httpMethods.at(line) {
		rest, ok := strings.CutPrefix(line, m)
		if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '/' && rest[0] != '*' && !strings.HasPrefix(rest, "http")) {
			continue
		}
		if i := strings.LastIndex(rest, "/"); i >= 4 {
			if v := rest[i-4 : i]; v == "HTTP" || v == "RTSP" || strings.HasSuffix(v, "SIP") {
				return m, strings.TrimSpace(rest[:i-4]), strings.TrimLeft(rest[i-4:], " ")
			}
		}
		return m, strings.TrimSpace(rest), ""
	}
	return "", "", ""
}

// isHTTP: RFC 9112 §3; HTTP/0.9 has no version; "PRI * HTTP/2.0" is HTTP/2.
func isHTTP(b []byte) bool {
	method, target, version := requestLine(b)
	if method == "" || target == "" {
		return versionAtEnd(b)
	}
	return strings.HasPrefix(version, "HTTP/") || version == "" && (target[0] == '/' || target == "*")
}

// versionAtEnd is a request with a method that is not known but a line that ends as one of HTTP's must.
func versionAtEnd(b []byte) bool {
	line := firstLine(b)
	i := bytes.LastIndex(line, []byte(" HTTP/"))
	if i < 3 || i+9 > len(line)+1 {
		return false
	}
	method, _, ok := bytes.Cut(line, []byte(" "))
	return ok && len(method) <= 20 && bytes.IndexFunc(method, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}

// isHTTPProxy: CONNECT (RFC 9110 §9.3.6) or a request in absolute form (RFC 9112 §3.2.2).
func isHTTPProxy(b []byte) bool {
	if rest, ok := bytes.CutPrefix(firstLine(b), []byte("CONNECT")); ok {
		return bytes.Contains(rest, []byte("HTTP/")) && bytes.ContainsAny(rest, ":")
	}
	method, target, version := requestLine(b)
	return method != "" && strings.HasPrefix(version, "HTTP/") &&
		(strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://"))
}

// isRTSP: RFC 2326 §6.
func isRTSP(b []byte) bool {
	line := firstLine(b)
	return bytes.Contains(line, []byte("RTSP/1.0")) || bytes.Contains(line, []byte("RTSP/2.0"))
}

// sipMethods are those of RFC 3261 and its extensions.
var sipMethods = []string{"OPTIONS", "REGISTER", "INVITE", "ACK", "BYE", "CANCEL", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "INFO", "REFER", "UPDATE"}

// isSIP: RFC 3261 §7. Empty lines may come first.
func isSIP(b []byte) bool {
	line := string(firstLine(bytes.TrimLeft(b, "\r\n")))
	if strings.HasPrefix(line, "SIP/2.0 ") {
		return true
	}
	if !strings.HasSuffix(line, "SIP/2.0") {
		return false
	}
	for _, m := range sipMethods {
		if strings.HasPrefix(line, m) {
			return true
		}
	}
	return false
}

// isSSDP: UPnP Device Architecture 2.0 §1.
func isSSDP(b []byte) bool { return has(b, "M-SEARCH") || has(b, "NOTIFY * HTTP/1.1") }

// isRsync: the greeting of an rsync daemon's client.
func isRsync(b []byte) bool { return has(b, "@RSYNCD:") }

// isVNC: RFC 6143 §7.1.1, the client's side.
func isVNC(b []byte) bool { return has(b, "RFB 0") && len(b) >= 12 && b[11] == '\n' }

// redisCommands are those that scanners and tools send without RESP.
var redisCommands = newWords("PING", "INFO", "CONFIG", "AUTH", "SET", "SETEX", "GET", "KEYS", "SLAVEOF", "REPLICAOF", "MODULE", "COMMAND", "CLIENT", "FLUSHALL",
	"FLUSHDB", "SAVE", "BGSAVE", "EVAL", "SELECT", "DBSIZE", "QUIT", "ECHO", "MONITOR", "LASTSAVE", "DEL", "SCAN", "NONEXISTENT", "CLUSTER")

// isRedis: RESP arrays (https://redis.io/docs/latest/develop/reference/protocol-spec/) and inline commands.
func isRedis(b []byte) bool {
	if b[0] == '*' && len(b) >= 4 {
		i := 1
		for i < len(b) && i < 12 && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > 1 && bytes.HasPrefix(b[i:], []byte("\r\n")) && (len(b) <= i+2 || b[i+2] == '$' || b[i+2] == '\r')
	}
	line := strings.ToUpper(string(bytes.TrimSpace(firstLine(b))))
	if len(line) < 4 || !bytes.ContainsAny(b, "\n") {
		return false
	}
	for _, name := range redisCommands.at(line) {
		if rest, ok := strings.CutPrefix(line, name); ok && (rest == "" || rest[0] == ' ' || name == "CONFIG") {
			return true
		}
	}
	return false
}

// memcachedCommands are those of the text protocol (memcached's doc/protocol.txt).
var memcachedCommands = newWords("stats", "version", "get", "gets", "set", "add", "delete", "flush_all", "verbosity", "lru_crawler", "touch", "incr", "me", "mn")

// isMemcached: the text protocol, also behind the 8-byte header of its UDP frames, and the binary protocol.
func isMemcached(b []byte) bool {
	if len(b) > 8 && b[6] == 0 && b[7] == 0 && b[4] == 0 && b[5] == 1 {
		if isMemcached(b[8:]) {
			return true
		}
	}
	if len(b) >= 24 && b[0] == 0x80 && b[1] <= 0x40 && b[5] == 0 && b[6] == 0 && b[7] == 0 {
		return true
	}
	line := string(firstLine(b))
	if !bytes.ContainsAny(b, "\n") {
		return false
	}
	for _, c := range memcachedCommands.at(line) {
		if rest, ok := strings.CutPrefix(line, c); ok && (rest == "" || rest[0] == ' ') {
			return true
		}
	}
	return false
}
