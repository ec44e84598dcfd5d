package protocol

import "bytes"

// Protocols of lines of text.

// line is a first line that has come whole.
type line struct {
	words [4][]byte
	// n counts the words, of which the first four are kept.
	n int
	// crlf says that the line ended as most protocols demand.
	crlf bool
}

// parseLine splits the first line at blanks. A line without its end is none: more may follow.
func parseLine(b []byte) (l line, ok bool) {
	i := bytes.IndexByte(b[:min(len(b), maxLine)], '\n')
	if i < 1 {
		return l, false
	}
	l.crlf = b[i-1] == '\r'
	for rest := b[:i]; ; l.n++ {
		rest = bytes.TrimLeft(rest, " \t\r")
		if len(rest) == 0 {
			return l, l.n > 0
		}
		end := bytes.IndexAny(rest, " \t\r")
		if end < 0 {
			end = len(rest)
		}
		if l.n < len(l.words) {
			l.words[l.n] = rest[:end]
		}
		rest = rest[end:]
	}
}

// is reports whether word i is the given one, in capitals or in small letters.
func (l *line) is(i int, words ...string) bool {
	for _, w := range words {
		if fold(l.words[i], w) {
			return true
		}
	}
	return false
}

// fold compares with a word of capitals; b may be the same in small letters, not in a mixture as prose has it.
func fold(b []byte, word string) bool {
	if len(b) != len(word) || len(b) == 0 {
		return false
	}
	small := byte(0)
	if b[0] >= 'a' && b[0] <= 'z' {
		small = 0x20
	}
	for i := range b {
		if isLetter(word[i]) && b[i] != word[i]|small || !isLetter(word[i]) && b[i] != word[i] {
			return false
		}
	}
	return true
}

// isSSH: RFC 4253 §4.2.
func isSSH(b []byte) bool { return has(b, "SSH-1.") || has(b, "SSH-2.") }

// isRsync: rsync's csprotocol.txt.
func isRsync(b []byte) bool { return has(b, "@RSYNCD:") }

// isVNC: RFC 6143 §7.1.1: a client repeats the version that it was offered.
func isVNC(b []byte) bool {
	return len(b) >= 12 && has(b, "RFB ") && all(b[4:7], isDigit) && b[7] == '.' && all(b[8:11], isDigit) && b[11] == '\n'
}

// isSMTP: RFC 5321 §4.1.1.1.
func isSMTP(b []byte) bool {
	l, ok := parseLine(b)
	return ok && l.n == 2 && l.is(0, "EHLO", "HELO", "LHLO")
}

// isFTP: RFC 959, RFC 2389, RFC 4217: commands that no other protocol has.
func isFTP(b []byte) bool {
	l, ok := parseLine(b)
	if !ok {
		return false
	}
	switch l.n {
	case 1:
		return l.is(0, "FEAT", "SYST", "PASV", "EPSV")
	case 2:
		return l.is(0, "AUTH") && l.is(1, "TLS", "SSL", "TLS-C") || l.is(0, "USER") && l.is(1, "ANONYMOUS", "FTP")
	}
	return false
}

// isPOP3: RFC 1939, RFC 2449, RFC 2595: commands that no other protocol has.
func isPOP3(b []byte) bool {
	l, ok := parseLine(b)
	return ok && (l.n == 1 && l.is(0, "CAPA", "STLS") || l.n == 3 && l.is(0, "APOP") && len(l.words[2]) == 32)
}

// isIMAP: RFC 9051 §6: a tag with a digit, and a command.
func isIMAP(b []byte) bool {
	l, ok := parseLine(b)
	if !ok || l.n < 2 || len(l.words[0]) > 10 || !bytes.ContainsAny(l.words[0], "0123456789") ||
		!all(l.words[0], func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' }) {
		return false
	}
	switch l.n {
	case 2:
		return l.is(1, "CAPABILITY", "STARTTLS", "LOGOUT", "NOOP")
	case 3:
		return l.is(1, "AUTHENTICATE")
	}
	return l.n == 4 && l.is(1, "LOGIN")
}

// isXMPP: RFC 6120 §4.2.
func isXMPP(b []byte) bool {
	return (has(b, "<?xml ") || has(b, "<stream:stream")) && contains(b[:min(len(b), 512)], "<stream:stream")
}

// isGIOP: CORBA's General Inter-ORB Protocol (CORBA 3.3 part 2 §9.4.1).
func isGIOP(b []byte) bool { return len(b) >= 12 && has(b, "GIOP\x01") && b[5] <= 3 && b[7] <= 7 }

// isT3: WebLogic's hello: the version, then headers of two letters.
func isT3(b []byte) bool {
	return (has(b, "t3 ") && len(b) > 3 && isDigit(b[3]) || has(b, "t3s ") && len(b) > 4 && isDigit(b[4])) && bytes.IndexByte(b, '\n') > 0
}

// isGh0st: the RAT's header: its name, the length of the packet and of what it holds unpacked.
func isGh0st(b []byte) bool {
	c := cursor{b: b}
	c.take(5)
	size, unpacked := c.le32(), c.le32()
	return has(b, "Gh0st") && !c.short && size >= 13 && size < 1<<20 && unpacked < 1<<24
}

// isStratum: JSON-RPC of miners without HTTP: Bitcoin's, Ethereum's and that of CryptoNote's coins.
func isStratum(b []byte) bool {
	method := rpcMethod(b)
	switch {
	case has(method, "mining."), has(method, "eth_submit"), string(method) == "eth_getWork":
		return true
	}
	return string(method) == "login" && contains(b, `"login"`) && contains(b, `"pass"`)
}
