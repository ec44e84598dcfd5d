package protocol

import "bytes"

// redisCommand is a command that is sent inline, with the number of its arguments.
type redisCommand struct {
	name        string
	least, most int
	// small says that the command is no word of prose or of a shell, so that small letters and a bare line feed are enough.
	small bool
	// sub are the words one of which must follow, if there are any.
	sub []string
}

const many = 1 << 20

// redisCommands are those of https://redis.io/docs/latest/commands/ that scanners and tools send inline, and the word with
// which some ask what the server says of words that it does not know. QUIT is left out: it is said to half a dozen
// protocols.
var redisCommands = []redisCommand{
	{"PING", 0, 1, true, nil}, {"INFO", 0, 2, true, nil}, {"AUTH", 1, 2, true, nil}, {"KEYS", 1, 1, true, nil}, {"DBSIZE", 0, 0, true, nil},
	{"CONFIG", 1, many, true, []string{"GET", "SET", "REWRITE", "RESETSTAT", "HELP"}},
	{"MODULE", 1, many, true, []string{"LOAD", "LOADEX", "UNLOAD", "LIST", "HELP"}},
	{"CLIENT", 1, many, true, []string{"LIST", "SETNAME", "GETNAME", "KILL", "ID", "INFO", "SETINFO"}},
	{"CLUSTER", 1, many, true, []string{"INFO", "NODES", "SLOTS", "SHARDS", "MYID"}}, {"COMMAND", 0, many, false, nil},
	{"ACL", 1, many, true, []string{"LIST", "WHOAMI", "SETUSER", "USERS", "CAT"}}, {"SCRIPT", 1, many, true, []string{"LOAD", "FLUSH", "EXISTS"}},
	{"SLAVEOF", 2, 2, true, nil}, {"REPLICAOF", 2, 2, true, nil}, {"FLUSHALL", 0, 1, true, nil}, {"FLUSHDB", 0, 1, true, nil},
	{"BGSAVE", 0, 1, true, nil}, {"BGREWRITEAOF", 0, 0, true, nil}, {"SAVE", 0, 0, false, nil}, {"LASTSAVE", 0, 0, true, nil},
	{"SET", 2, many, false, nil}, {"SETEX", 3, 3, true, nil}, {"SETNX", 2, 2, true, nil}, {"GET", 1, 1, false, nil}, {"MGET", 1, many, true, nil},
	{"DEL", 1, many, false, nil}, {"EXISTS", 1, many, false, nil}, {"INCR", 1, 1, false, nil}, {"TTL", 1, 1, false, nil},
	{"EVAL", 2, many, false, nil}, {"SELECT", 1, 1, false, nil}, {"ECHO", 1, 1, false, nil}, {"MONITOR", 0, 0, false, nil}, {"SCAN", 1, many, false, nil},
	{"RANDOMKEY", 0, 0, true, nil}, {"PUBLISH", 2, many, false, nil}, {"SUBSCRIBE", 1, many, false, nil}, {"PSUBSCRIBE", 1, many, true, nil},
	{"LPUSH", 2, many, true, nil}, {"RPUSH", 2, many, true, nil}, {"HSET", 3, many, true, nil}, {"HGETALL", 1, 1, true, nil},
	{"ROLE", 0, 0, false, nil}, {"SYNC", 0, 0, false, nil}, {"PSYNC", 2, 2, true, nil}, {"REPLCONF", 1, many, true, nil}, {"HELLO", 1, many, false, []string{"2", "3"}},
	{"NONEXISTENT", 0, 0, false, nil},
}

// redisByFirst are the commands by the first letter, a capital.
var redisByFirst = func() (table [256][]redisCommand) {
	for _, c := range redisCommands {
		table[c.name[0]] = append(table[c.name[0]], c)
	}
	return table
}()

// isRedis: RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/) and inline commands.
func isRedis(b []byte) bool {
	if b[0] == '*' {
		return isRESP(b)
	}
	if configWithoutBlanks(b) != "" {
		return true
	}
	l, ok := parseLine(b)
	if !ok || !isLetter(b[0]) {
		return false
	}
	for i := range redisByFirst[b[0]&^0x20] {
		c := &redisByFirst[b[0]&^0x20][i]
		if args := l.n - 1; !fold(l.words[0], c.name) || args < c.least || args > c.most {
			continue
		}
		if !c.small && (b[0] >= 'a' || !l.crlf) || c.sub != nil && !l.is(1, c.sub...) {
			return false
		}
		switch c.name {
		case "AUTH": // SMTP and FTP have one, too.
			return !l.is(1, "PLAIN", "LOGIN", "TLS", "SSL", "CRAM-MD5", "NTLM")
		case "GET":
			return l.words[1][0] != '/'
		case "SELECT", "SCAN":
			return all(l.words[1], isDigit)
		}
		return true
	}
	return false
}

// isRESP: an array of bulk strings, checked as far as the first of them.
func isRESP(b []byte) bool {
	n, rest, ok := respNumber(b, '*')
	if !ok || n < 1 || n > 1<<20 {
		return false
	}
	if len(rest) == 0 {
		return true
	}
	size, rest, ok := respNumber(rest, '$')
	if !ok {
		return rest[0] == '$' && all(bytes.TrimSuffix(rest[1:], []byte("\r")), isDigit) // cut within the length
	}
	return size >= 1 && size <= 512<<20 && (len(rest) <= size || len(rest) == size+1 && rest[size] == '\r' || has(rest[size:], "\r\n"))
}

// respNumber reads a line of a mark and a number. Where there is none, rest is b.
func respNumber(b []byte, mark byte) (n int, rest []byte, ok bool) {
	if len(b) < 4 || b[0] != mark {
		return 0, b, false
	}
	i := 1
	for i < len(b) && i < 11 && isDigit(b[i]) {
		n = n*10 + int(b[i]-'0')
		i++
	}
	if i == 1 || !has(b[i:], "\r\n") {
		return 0, b, false
	}
	return n, b[i+2:], true
}

// configWithoutBlanks is the subcommand of CONFIG where an observer has taken the blanks out.
func configWithoutBlanks(b []byte) string {
	for _, sub := range [...]string{"SET", "GET"} {
		if n := 6 + len(sub); len(b) > n && isPrintable(b[n]) && b[n] != ' ' && fold(b[:6], "CONFIG") && fold(b[6:n], sub) && bytes.IndexByte(b, '\n') > 0 {
			return sub
		}
	}
	return ""
}

// isMemcached: a message, over UDP behind 8 bytes of a frame.
func isMemcached(b []byte) bool {
	if len(b) > 8 && be16(b[2:]) == 0 && be16(b[4:]) == 1 && be16(b[6:]) == 0 {
		b = b[8:]
	}
	return isMemcachedMessage(b)
}

// isMemcachedMessage: the text protocol (memcached's doc/protocol.txt) or the binary protocol (doc/protocol-binary.xml).
func isMemcachedMessage(b []byte) bool { return isMemcachedText(b) || isMemcachedBinary(b) }

// isMemcachedBinary: a request of a known command, with a key where it needs one and a value only where it takes one.
func isMemcachedBinary(b []byte) bool {
	if len(b) < 24 || b[0] != 0x80 || memcachedOpcodes[b[1]] == "" || b[5] != 0 {
		return false
	}
	key, extras := be16(b[2:]), int(b[4])
	c := cursor{b: b[8:]}
	size := c.u32()
	if key > 250 || extras > 24 || size < key+extras || size > 1<<20 {
		return false
	}
	switch b[1] {
	case 7, 8, 10, 11, 16, 0x20: // quit, flush, noop, version, stat, sasl_list_mechs
		return size == key+extras
	case 1, 2, 3, 14, 15, 0x21, 0x22: // set, add, replace, append, prepend, sasl_auth, sasl_step
		return key > 0
	}
	return key > 0 && size == key+extras
}

func isMemcachedText(b []byte) bool {
	l, ok := parseLine(b)
	if !ok {
		return false
	}
	numbers := func(from, to int) bool {
		for _, w := range l.words[from:to] {
			if !all(w, isDigit) {
				return false
			}
		}
		return true
	}
	switch string(l.words[0]) {
	case "stats", "version", "flush_all", "mn":
		return l.n == 1 || string(l.words[0]) == "stats" && l.n <= 3 && l.crlf || string(l.words[0]) == "flush_all" && l.n <= 3
	case "verbosity":
		return l.n >= 2 && numbers(1, 2)
	case "get", "gets", "me", "mg", "md", "ma":
		return l.n >= 2 && l.crlf
	case "gat", "gats":
		return l.n >= 3 && numbers(1, 2)
	case "set", "add", "replace", "append", "prepend", "cas":
		return l.n >= 5 && l.n <= 7 && numbers(2, 4)
	case "delete":
		return l.n >= 2 && l.n <= 3 && l.crlf
	case "incr", "decr", "touch":
		return l.n >= 3 && l.n <= 4 && numbers(2, 3)
	case "lru_crawler":
		return l.n >= 2
	}
	return false
}
