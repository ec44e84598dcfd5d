package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestNmapNamesTheServices asks what a scanner takes the personas for. It knows no etcd, and what it says of it is what it
// says of the real one; of Confluence it knows nothing at all. The ports with TLS take it longer than a test may.
func TestNmapNamesTheServices(t *testing.T) {
	p := newField(t).everything()
	want := map[string]string{
		"tcp/21": "ftp//vsftpd 3.0.3", "tcp/22": "ssh//OpenSSH 8.4p1 Debian 5+deb11u1", "tcp/25": "smtp//Postfix smtpd",
		"tcp/110": "pop3//Dovecot pop3d", "tcp/143": "imap//Dovecot imapd", "tcp/3306": "mysql//MySQL 5.7.38-log",
		"tcp/5900": "vnc//VNC (protocol 3.8)",

		"tcp/2323": "telnet//BusyBox telnetd", "tcp/2375": "docker//Docker", "tcp/2379": "http//Golang net|http server",
		"tcp/2380": "http//Golang net|http server", "tcp/5001": "http//nginx", "tcp/5432": "postgresql//PostgreSQL DB 14.1 - 14.5",
		"tcp/5984": "http//CouchDB httpd 3.1.1", "tcp/6379": "redis//Redis key-value store 6.2.6", "tcp/8090": "",
		"tcp/8888": "http//Tornado httpd 6.1", "tcp/9992": "http//nginx 1.18.0", "tcp/11211": "memcached//Memcached 1.5.22",
	}
	var ports []string
	for port := range want {
		ports = append(ports, fmt.Sprint(p.bound[port].Port()))
	}
	out, err := runs(t, []string{"nmap", "-Pn", "-n", "-sT", "-sV", "--version-intensity", "4", "-oG", "-", "-p", strings.Join(ports, ","),
		p.bound["tcp/22"].Addr().String()}, nil, "")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for port, service := range want {
		if line := fmt.Sprintf(" %d/open/tcp//%s", p.bound[port].Port(), service); !strings.Contains(out, line) {
			t.Errorf("%s is not %q", port, service)
		}
	}
	if t.Failed() {
		t.Log(strings.ReplaceAll(out, ", ", "\n"))
	}
}
