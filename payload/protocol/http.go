package protocol

import "bytes"

// maxLine bounds a first line.
const maxLine = 2048

// firstLine is the first line without its end.
func firstLine(b []byte) []byte {
	b = b[:min(len(b), maxLine)]
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i]
	}
	return bytes.TrimRight(b, "\r")
}

// request is a request line of HTTP or one of its relatives.
type request struct {
	method, target []byte
	// protocol is HTTP, RTSP, SIP or "", where the line has no version.
	protocol string
	// known says that the method is one of methods, blank that a blank follows it.
	known, blank bool
}

// methods are those of RFC 9110, WebDAV, what scanners use, then those of RTSP (RFC 2326), SIP (RFC 3261 and extensions) and SSDP.
// A word stands before those that it begins with.
var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL",
	"COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "QUERY", "REPORT", "DEBUG", "TRACK", "PURGE", "PRI",
	"DESCRIBE", "ANNOUNCE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER", "REDIRECT", "RECORD",
	"REGISTER", "INVITE", "ACK", "BYE", "CANCEL", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "INFO", "REFER", "UPDATE", "PRACK", "M-SEARCH"}

// byMethod are the methods by their first letter.
var byMethod = func() (table [256][]string) {
	for _, m := range methods {
		table[m[0]] = append(table[m[0]], m)
	}
	return table
}()

// parseRequest splits a request line. Its method is a word; without a blank behind it, one of methods.
func parseRequest(b []byte) (r request, ok bool) {
	line := firstLine(b)
	rest, protocol := cutVersion(line)
	r.protocol = protocol
	n := 0
	for n < len(line) && n <= 20 && (isLetter(line[n]) || line[n] == '-' || line[n] == '_') {
		n++
	}
	if n == 0 {
		return r, false
	}
	if n < len(line) && (line[n] == ' ' || line[n] == '\t') && n < len(rest) {
		r.method, r.target, r.blank = line[:n], bytes.TrimSpace(rest[n:]), true
		r.known = knownMethod(r.method)
		return r, true
	}
	if protocol == "" {
		return r, false
	}
	for _, m := range byMethod[line[0]] {
		if has(rest, m) && len(m) > len(r.method) {
			r.method, r.target, r.known = rest[:len(m)], rest[len(m):], true
		}
	}
	return r, r.known
}

func knownMethod(b []byte) bool {
	for _, m := range byMethod[b[0]&^0x20] {
		if len(m) == len(b) && bytes.EqualFold(b, []byte(m)) {
			return true
		}
	}
	return false
}

// cutVersion takes the version off the end of a line.
func cutVersion(line []byte) (rest []byte, protocol string) {
	end := bytes.TrimRight(line, " \t")
	n := len(end)
	if n < 6 || !isDigit(end[n-1]) {
		return line, ""
	}
	i := bytes.LastIndexByte(end, '/')
	if i < 3 || n-i > 5 || !isDigit(end[i+1]) {
		return line, ""
	}
	for _, p := range [...]string{"HTTP", "RTSP", "SIP"} {
		if at := i - len(p); at >= 0 && (string(end[at:i]) == p || p == "HTTP" && string(end[at:i]) == "http") {
			return end[:at], p
		}
	}
	return line, ""
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' || c == '-' || c == '_' }

// nameRequest names what begins with a request line: HTTP, an API over it, a request to a proxy, RTSP or SIP. Empty lines may come
// first (RFC 9112 §2.2, RFC 3261 §7.5). Who sends a status line has mistaken the direction, but speaks the protocol.
func nameRequest(b []byte) string {
	b = bytes.TrimLeft(b, "\r\n")
	switch {
	case has(b, "HTTP/1.") || has(b, "HTTP/2"):
		return "http"
	case has(b, "SIP/2.0 "):
		return "sip"
	}
	r, ok := parseRequest(b)
	if !ok || len(r.target) == 0 {
		return ""
	}
	switch r.protocol {
	case "HTTP":
		if r.isProxy() {
			return "http-proxy"
		}
		if r.known || all(r.method, isUpper) {
			return r.api(b)
		}
	case "RTSP":
		if all(r.method, isUpper) {
			return "rtsp"
		}
	case "SIP":
		if has(r.target, "sip:") || has(r.target, "sips:") || has(r.target, "tel:") {
			return "sip"
		}
	default:
		if r.isOld() {
			return "http"
		}
	}
	return ""
}

// isProxy: CONNECT (RFC 9110 §9.3.6) or a request in absolute form (RFC 9112 §3.2.2).
func (r *request) isProxy() bool {
	if bytes.EqualFold(r.method, []byte("CONNECT")) {
		return bytes.IndexByte(r.target, ':') > 0
	}
	return r.known && (has(r.target, "http://") || has(r.target, "https://") || has(r.target, "ftp://"))
}

// isOld: HTTP/0.9 has no version, and a line that is cut off has none yet.
func (r *request) isOld() bool {
	switch string(r.method) {
	case "GET", "HEAD", "POST", "PUT":
		return r.blank && r.target[0] == '/'
	}
	return false
}

func isRTSP(b []byte) bool { return nameRequest(b) == "rtsp" }
func isSIP(b []byte) bool  { return nameRequest(b) == "sip" }

// isSSDP: UPnP Device Architecture §1.3: HTTP's form on UDP.
func isSSDP(b []byte) bool {
	r, ok := parseRequest(b)
	return ok && r.protocol == "HTTP" && (string(r.method) == "M-SEARCH" || string(r.method) == "NOTIFY") && has(r.target, "*")
}

// path is the target without query and fragment.
func (r *request) path() []byte {
	p := r.target
	if i := bytes.IndexAny(p, "?#"); i >= 0 {
		p = p[:i]
	}
	return p
}

// body is what follows the headers.
func body(b []byte) []byte {
	if _, after, ok := bytes.Cut(b, []byte("\r\n\r\n")); ok {
		return after
	}
	_, after, _ := bytes.Cut(b, []byte("\n\n"))
	return after
}

// maxUserAgent bounds a user agent, maxHeaders the bytes among which it is looked for.
const (
	maxUserAgent = 512
	maxHeaders   = 64 << 10
)

// UserAgent is the value of the first User-Agent header of a request of HTTP, RTSP, SIP or SSDP, cut at 512 bytes; "" without one. The
// bytes are those of the client: not made safe, and not always UTF-8.
func UserAgent(b []byte) string {
	b = bytes.TrimLeft(b[:min(len(b), maxHeaders)], "\r\n")
	if r, ok := parseRequest(b); !ok || len(r.target) == 0 || r.protocol == "" && !r.isOld() {
		return ""
	}
	for line := range bytes.Lines(b) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return ""
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(bytes.TrimSpace(name), []byte("User-Agent")) {
			value = bytes.TrimSpace(value)
			return string(value[:min(len(value), maxUserAgent)])
		}
	}
	return ""
}
