package protocol

import (
	"maps"
	"slices"
)

// requests are names of requests with a line as HTTP has it.
var requests = []string{"http", "http-proxy", "rtsp", "sip"}

// apis are the names of requests over HTTP.
var apis = []string{"docker", "kubernetes", "etcd", "elasticsearch", "jupyter", "ethereum"}

// Names are all names that Recognize and RecognizeServer give, sorted.
func Names() []string {
	names := slices.Concat(apis, requests)
	for _, r := range recognizers {
		names = append(names, r.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Over is the protocol that carries the named one: "http" for a request to Docker's API and its like, "telnet" for
// tn3270, and the name itself for all others. A view that looks for wrong protocols asks for both, since a Docker request
// is an HTTP request. Two are their own: bitcoin, which is also the name of the peers' protocol, not of JSON-RPC alone; and
// http-proxy, which asks a server for something else than to serve.
func Over(name string) string {
	switch {
	case slices.Contains(apis, name):
		return "http"
	case name == "tn3270":
		return "telnet"
	}
	return name
}

// expected are the protocols that belong on a service. The services are those of the themes, of the personas, and the
// usual names of others.
var expected = map[string][]string{
	"http": {"http"}, "https": {"http", "tls"}, "http-proxy": {"http-proxy", "http"}, "socks": {"socks"},
	"docker": {"docker", "http"}, "docker-tls": {"docker", "http", "tls"}, "kubernetes": {"kubernetes", "http", "tls"},
	"etcd-client": {"etcd", "http"}, "etcd-peer": {"etcd", "http"}, "etcd": {"etcd", "http"},
	"elasticsearch": {"elasticsearch", "http"}, "jupyter": {"jupyter", "http"}, "couchdb": {"http"}, "confluence": {"http"},
	"synology": {"http", "tls"}, "ethereum": {"ethereum", "http"}, "bitcoin": {"bitcoin"},
	"redis": {"redis"}, "memcached": {"memcached"}, "postgresql": {"postgresql"}, "mysql": {"mysql"}, "mongodb": {"mongodb"},
	"ldap": {"ldap"}, "ldaps": {"ldap", "tls"}, "kerberos": {"krb"}, "smb": {"smb"}, "rdp": {"rdp", "tls"}, "vnc": {"vnc"},
	"ssh": {"ssh"}, "telnet": {"telnet", "shell"}, "telnet-alt": {"telnet", "shell"}, "tn3270": {"tn3270", "telnet"},
	"adb": {"adb"}, "x11": {"x11"}, "rsync": {"rsync"}, "ftp": {"ftp"}, "tftp": {"tftp"},
	"smtp": {"smtp"}, "pop3": {"pop3"}, "imap": {"imap"}, "xmpp": {"xmpp"},
	"amqp": {"amqp"}, "mqtt": {"mqtt"}, "sip": {"sip"}, "rtsp": {"rtsp", "http"}, "ssdp": {"ssdp"}, "coap": {"coap", "dtls"},
	"dns": {"dns"}, "ntp": {"ntp"}, "snmp": {"snmp"}, "ike": {"ike"}, "quic": {"quic"}, "netbios": {"netbios"}, "sunrpc": {"sunrpc"},
	"modbus": {"modbus"}, "bacnet": {"bacnet"}, "jdwp": {"jdwp"}, "java-rmi": {"java-rmi"}, "minecraft": {"minecraft"},
}

// Expected are the protocols that clients of a service speak, the service's own first, or nil when the service is not known: then
// nothing can be said of what is wrong there. A name fits if it, or what it is over, is among them. TLS is among them only where
// the service is one of TLS, or leaves it open.
func Expected(service string) []string { return slices.Clone(expected[service]) }

// Services are the services of which Expected knows what they speak, sorted.
func Services() []string { return slices.Sorted(maps.Keys(expected)) }
