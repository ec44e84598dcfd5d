package protocol

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

//go:generate go test -run ^TestDocumentation$ . -update

var update = flag.Bool("update", false, "write docs/protocols.md anew")

// confusion counts what the bytes of each true protocol were taken for.
type confusion map[string]map[string]int

func (c confusion) add(truth, got string) {
	if c[truth] == nil {
		c[truth] = map[string]int{}
	}
	c[truth][unknown(got)]++
}

func unknown(name string) string {
	if name == "" {
		return "unknown"
	}
	return name
}

// String is a table in Markdown, a line a true protocol.
func (c confusion) String() string {
	var b strings.Builder
	b.WriteString("| truth | named |\n|---|---|\n")
	for _, truth := range slices.Sorted(maps.Keys(c)) {
		var parts []string
		for _, got := range slices.Sorted(maps.Keys(c[truth])) {
			parts = append(parts, fmt.Sprintf("%s %d", got, c[truth][got]))
		}
		fmt.Fprintf(&b, "| %s | %s |\n", truth, strings.Join(parts, ", "))
	}
	return b.String()
}

// synonyms are our names for what the sources call otherwise.
var synonyms = map[string][]string{
	"mongo": {"mongodb"}, "postgres": {"postgresql"}, "rfb": {"vnc"}, "rpc": {"sunrpc"}, "memcache": {"memcached"}, "mdns": {"dns"},
	"dtls1.2": {"dtls"}, "portmap": {"sunrpc"}, "wdbrpc": {"sunrpc"}, "upnp": {"ssdp"}, "snmp1": {"snmp"}, "snmp2": {"snmp"}, "snmp3": {"snmp"},
	"http": {"http-proxy"}, "tls": {"dtls"}, "docker": {"http", "http-proxy"},
}

// agrees reports whether a name is right. Of a truth that has no name with us, "" is.
func agrees(truth, named string) bool {
	if !slices.Contains(Names(), truth) && synonyms[truth] == nil {
		return named == ""
	}
	return named == truth || Over(named) == truth || slices.Contains(synonyms[truth], named)
}

// exceptions are the samples whose name differs from the truth.
var exceptions = []struct{ file, named, reason string }{
	{"aduser1.pcap", "krb smb", "a login to a domain: Kerberos and SMB beside LDAP"},
	{"smb_gssapi.pcap", "smb", "Kerberos inside of SMB"},
	{"smb2_krb.pcap", "smb", "Kerberos inside of SMB"},
	{"modbusSmall.pcap", "dns", "the machine's own look-ups beside Modbus"},
	{"modbus-and-non-modbus-p502.pcap", "http rdp tls sunrpc", "scanners of other protocols on port 502"},
	{"modbus-and-non-modbus-p502.pcap", "unknown", "MGLNDD, and a bind of DCE/RPC, which has no name here"},
	{"mysql-on-port-5432.pcap", "mysql", "MySQL on the port of PostgreSQL"},
	{"ocsp-empty-responderid.pcap", "http", "OCSP, which belongs to TLS, is asked over HTTP"},
	{"pop3-starttls.pcap", "pop3", "STARTTLS: the client speaks POP3 first"},
	{"xmpp-dialback-starttls.pcap", "xmpp", "STARTTLS: the client speaks XMPP first"},
	{"dns-invalid-names.pcap", "unknown", "names that are cut short or point into the header, on purpose"},
	{"http-bad-request-with-version.pcap", "unknown", "five bytes of garbage before the request"},
	{"http_09.pcap", "unknown", "requests whose first bytes are missing, and one without a path"},
	{"ntp-no-extensions-mac.pcap", "unknown", "a fuzzer's: neither stratum nor precision can be"},
	{"rdp-invalid-length.pcap", "unknown", "the capture begins in the middle of a message"},
	{"attr.pcap", "unknown", "FAKE COMMAND: not one of Redis"},
	{"sip-junk-before-request.pcap", "unknown", "four zero bytes, which keep an address translation open"},
	{"sip_5060", "unknown", "the bare word OPTIONS"},
}

// TestConfusion holds every name against the truth of five sources. What differs must be among the exceptions, and each of
// those must be needed.
func TestConfusion(t *testing.T) {
	needed := map[string]bool{}
	for _, c := range corpora {
		table := confusion{}
		for _, s := range c.samples(t) {
			named := Recognize(s.b, s.transport)
			table.add(s.truth, named)
			if agrees(s.truth, named) {
				continue
			}
			needed[s.file+" "+unknown(named)] = true
			if !excepted(s.file, unknown(named)) {
				t.Errorf("%s, %s of %s: taken for %s: %.80q", c.name, s.file, s.truth, unknown(named), s.b)
			}
		}
		t.Logf("%s\n%s", c.name, table)
	}
	for _, e := range exceptions {
		for _, named := range strings.Fields(e.named) {
			if !needed[e.file+" "+named] {
				t.Errorf("%s is not taken for %s", e.file, named)
			}
		}
	}
}

// TestCapturesOfOthers names the clients of captures that nothing was made from: those with which fingerprints of TLS are
// tested. Nothing has another name than those that were found by reading the packets.
func TestCapturesOfOthers(t *testing.T) {
	for file, want := range map[string]string{
		"badcurveball.pcap": "tls", "browsers-x509.pcapng": "tls", "dhcp.pcapng": "unknown", "http-empty-useragent.pcap": "http", "http1.pcapng": "http",
		"https-connect.pcap": "http-proxy", "https3-301-get.pcap": "tls", "ipv6.pcapng": "tls", "quic-with-several-tls-frames.pcapng": "quic",
		"single-packets.pcap": "http", "socks-https-example.pcap": "socks", "socks4-https.pcap": "socks", "ssh2-malformed.pcap": "ssh", "ssh2-moloch-crash.pcap": "ssh",
		"tcpdump-geneve.pcap": "unknown", "tls-alpn-h2.pcap": "tls", "tls-handshake.pcapng": "quic tls", "tls-non-ascii-alpn.pcapng": "tls",
		"tls-sni.pcapng": "quic tls", "v6.pcap": "dns ssh unknown",
	} {
		list, err := clients(filepath.Join(data, "ja4", file), "")
		if err != nil {
			t.Fatal(err)
		}
		table := confusion{}
		for _, s := range list {
			table.add("", Recognize(s.b, s.transport))
		}
		if got := strings.Join(slices.Sorted(maps.Keys(table[""])), " "); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}

func excepted(file, named string) bool {
	for _, e := range exceptions {
		if e.file == file && slices.Contains(strings.Fields(e.named), named) {
			return true
		}
	}
	return false
}

// TestDocumentation compares docs/protocols.md with the recognisers and what they make of the sources.
func TestDocumentation(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "protocols.md")
	got := documentation(t)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is out of date: go generate ./payload/protocol", file)
	}
}

func documentation(t *testing.T) string {
	var b strings.Builder
	b.WriteString(`# Protocols

<!-- Made by "go generate ./payload/protocol": do not edit. -->

The column app_proto says what a client spoke, by its first bytes and whatever the port. A name is given only where the structure of the
bytes fits, lengths included. What does not is unknown, and no guess is made.

## Names

A request over HTTP has the name of its API only where method and path, or the method of JSON-RPC, leave no doubt: GET / and GET /version
on Docker's port are http. Such a request counts as HTTP wherever HTTP is expected.

| name | transport | carried by | expected on the services |
|---|---|---|---|
`)
	for _, name := range Names() {
		over := Over(name)
		if over == name {
			over = ""
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, transports(name), over, strings.Join(servicesOf(name), ", "))
	}
	b.WriteString("\n## Truth and name\n")
	for _, c := range corpora {
		table := confusion{}
		samples := c.samples(t)
		for _, s := range samples {
			table.add(unknown(s.truth), Recognize(s.b, s.transport))
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s. %d payloads.\n\n%s", c.name, c.about, len(samples), table)
	}
	b.WriteString("\n## Where name and truth differ\n\n| file | named | why |\n|---|---|---|\n")
	for _, e := range exceptions {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", e.file, strings.ReplaceAll(e.named, " ", ", "), e.reason)
	}
	return b.String()
}

// transports says on which a name is looked for.
func transports(name string) string {
	tcp, udp := slices.Contains(requests, name) || slices.Contains(apis, name), false
	for _, r := range recognizers {
		if r.name == name {
			tcp, udp = tcp || r.tcp, udp || r.udp
		}
	}
	switch {
	case tcp && udp:
		return "tcp, udp"
	case udp:
		return "udp"
	}
	return "tcp"
}

func servicesOf(name string) (list []string) {
	for _, service := range slices.Sorted(maps.Keys(expected)) {
		if slices.Contains(expected[service], name) {
			list = append(list, service)
		}
	}
	return list
}
