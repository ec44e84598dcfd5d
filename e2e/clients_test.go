package e2e

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// client is a command that talks to a served port. Its words stand between blanks or, where there is one, between bars;
// those with "=" before the program are its environment. What follows " < " is typed.
type client struct{ port, command, want string }

// answered are conversations that succeed.
var answered = []client{
	{"tcp/6379", "redis-cli -h HOST -p PORT ping", "PONG"},
	{"tcp/6379", "redis-cli -h HOST -p PORT info", "redis_version:6.2.6"},
	{"tcp/6379", "redis-cli -h HOST -p PORT config get dir", "/data"},
	{"tcp/6379", "redis-cli -h HOST -p PORT save", "OK"},
	{"tcp/6379", "redis-cli -h HOST -p PORT --bigkeys", "session:1"},
	{"tcp/6379", "redis-cli -3 -h HOST -p PORT get visits", "1204"},
	{"tcp/6379", "redis-cli -h HOST -p PORT < set a \"\\n* * * * * b\\n\"\nget a\nconfig set dir /etc\nconfig get dir\nquit\n", "* * * * * b \nOK\ndir\n/etc\n"},
	{"tcp/6379", "telnet HOST PORT < PING\nSET a b\nGET a\nQUIT\n", "+PONG\n+OK\n$1\nb\n"},

	{"tcp/2375", "docker -H tcp://HOST:PORT version", "20.10.17"},
	{"tcp/2375", "docker -H tcp://HOST:PORT info", "Server Version: 20.10.17"},
	{"tcp/2375", "docker -H tcp://HOST:PORT ps", "nginx:1.21"},
	{"tcp/2375", "docker -H tcp://HOST:PORT pull alpine", "Image is up to date for alpine:latest"},
	{"tcp/2375", "docker -H tcp://HOST:PORT run --rm -v /:/mnt alpine id", ""},
	{"tcp/2375", "docker -H tcp://HOST:PORT exec web id", ""},
	{"tcp/2375", "docker -H tcp://HOST:PORT exec -d web id", ""},
	{"tcp/2375", "curl -s http://HOST:PORT/version", "Docker Engine - Community"},
	{"tcp/2376", "curl -sk https://HOST:PORT/_ping", "OK"},
	{"tcp/2376", "openssl s_client -brief -connect HOST:PORT", "CONNECTION ESTABLISHED"},

	// Without --no-sync it would go on to the address that the member announces, which by default is localhost.
	{"tcp/2379", "ETCDCTL_API=2 etcdctl --no-sync --endpoints http://HOST:PORT ls /", "/registry\n/config"},
	{"tcp/2379", "ETCDCTL_API=2 etcdctl --no-sync --endpoints http://HOST:PORT get /config", "1"},
	{"tcp/2379", "ETCDCTL_API=2 etcdctl --no-sync --endpoints http://HOST:PORT set /a b", ""},
	{"tcp/2379", "ETCDCTL_API=2 etcdctl --no-sync --endpoints http://HOST:PORT member list", "8e9e05c52164694d: name=default"},
	{"tcp/2379", "ETCDCTL_API=3 etcdctl --endpoints http://HOST:PORT endpoint health", "is healthy"},
	{"tcp/2379", "ETCDCTL_API=3 etcdctl --endpoints http://HOST:PORT endpoint status", "8e9e05c52164694d, 3.5.4, 20 kB, true"},
	{"tcp/2379", "ETCDCTL_API=3 etcdctl --endpoints http://HOST:PORT member list", "8e9e05c52164694d, started, default"},
	{"tcp/2379", "ETCDCTL_API=3 etcdctl --endpoints http://HOST:PORT put a b", "OK"},
	{"tcp/2379", "curl -s http://HOST:PORT/v3/maintenance/status -d {}", `"version":"3.5.4"`},
	{"tcp/2379", `curl -s http://HOST:PORT/v3/kv/range -d {"key":"YQ=="}`, `"revision":"27"`},
	{"tcp/2380", "curl -s http://HOST:PORT/members", "http://localhost:2380"},

	{"tcp/6443", "kubectl --server=https://HOST:PORT --insecure-skip-tls-verify --token=x version", "v1.23.6"},
	{"tcp/6443", "kubectl --server=https://HOST:PORT --insecure-skip-tls-verify --token=x api-resources", "deployments"},
	{"tcp/6443", "openssl s_client -brief -connect HOST:PORT", "CONNECTION ESTABLISHED"},

	{"tcp/5432", "psql|host=HOST port=PORT user=postgres password=x sslmode=prefer|-tAc|select version()", "PostgreSQL 14.3"},
	{"tcp/5432", "psql|host=HOST port=PORT user=postgres password=x sslmode=disable|-tAc|select 1", "1\n"},
	{"tcp/5432", "psql|host=HOST port=PORT user=ann password=x dbname=shop|-tAc|select current_user|-c|select current_database()", "ann\nshop\n"},
	{"tcp/5432", "psql|host=HOST port=PORT user=postgres password=x|-c|create table a(b text)", "CREATE TABLE"},
	{"tcp/5432", "psql|host=HOST port=PORT user=postgres password=x|-c|copy a from program 'id'", "COPY 1"},
	{"tcp/5432", "psql|host=HOST port=PORT user=postgres password=x|-l", "template1"},

	{"tcp/11211", "memcping --servers=HOST:PORT", ""},
	{"tcp/11211", "memcstat --servers=HOST:PORT", "version: 1.5.22"},
	{"tcp/11211", "memccp --servers=HOST:PORT FILE", ""},
	{"tcp/11211", "memccp --binary --servers=HOST:PORT FILE", ""},
	{"tcp/11211", "memccat --servers=HOST:PORT session", "\n"},
	{"tcp/11211", "memcdump --servers=HOST:PORT", "session\n"},

	{"tcp/5984", "curl -s http://HOST:PORT/", "Welcome"},
	{"tcp/5001", "curl -s http://HOST:PORT/", "DiskStation"},
	{"tcp/8090", "curl -sL http://HOST:PORT/", "Log In - Confluence"},
	{"tcp/8888", "curl -s http://HOST:PORT/api/kernels", "python3"},
	{"tcp/9992", "curl -s http://HOST:PORT/", "Welcome to nginx!"},

	{"tcp/2323", "telnet HOST PORT < root\nx\nroot\ny\n/bin/busybox ABCD\nexit\n", "# /bin/busybox ABCD\r\nABCD: applet not found\r\n# exit"},
	{"tcp/25", "curl -sv smtp://HOST:PORT/x --mail-from a@x --mail-rcpt b@x -T FILE", "250 2.0.0 Ok: queued as"},
	{"tcp/5900", "nmap -Pn -n -sT -p PORT --script vnc-info HOST", "VNC Authentication"},
	{"tcp/2376", "nmap -Pn -n -sT -p PORT --script docker-version HOST", "Version: 20.10.17"},
}

// refused are conversations that end as they would with somebody who may not.
var refused = []client{
	{"tcp/6443", "kubectl --server=https://HOST:PORT --insecure-skip-tls-verify --token=x get pods", `cannot list resource "pods" in API group "" in the namespace "default"`},
	{"tcp/6443", "kubectl --server=https://HOST:PORT --insecure-skip-tls-verify --token=x get nodes", `cannot list resource "nodes" in API group "" at the cluster scope`},
	{"tcp/6443", "kubectl --server=https://HOST:PORT --insecure-skip-tls-verify --token=x create deployment a --image=b", `cannot create resource "deployments" in API group "apps"`},
	{"tcp/2379", "ETCDCTL_API=2 etcdctl --no-sync --endpoints http://HOST:PORT rm /x", "Key not found (/x)"},
	{"tcp/5432", "psql|host=HOST port=PORT user=postgres password=x sslmode=require|-l", "server does not support SSL"},
	{"tcp/5432", "psql|host=HOST port=PORT user=postgres password=x|-c|bogus", `syntax error at or near "bogus"`},
	{"tcp/22", "ssh -v -p PORT -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@HOST id", "OpenSSH_8.4p1 Debian-5+deb11u1"},
	{"tcp/21", "curl -sv -u a:b ftp://HOST:PORT/", "530 Login incorrect"},
	{"tcp/25", "curl -sv -u a:b smtp://HOST:PORT/", "535 5.7.8"},
	{"tcp/110", "curl -sv -u a:b pop3://HOST:PORT/", "-ERR [AUTH]"},
	{"tcp/143", "curl -sv -u a:b imap://HOST:PORT/", "NO [AUTHENTICATIONFAILED]"},
	{"tcp/3306", "mariadb -h HOST -P PORT -u ann -px -e status", "Access denied for user 'ann'@'172.17.0.1' (using password: YES)"},
	{"tcp/3306", "mariadb -h HOST -P PORT -u ann -e status", "Access denied for user 'ann'@'172.17.0.1' (using password: NO)"},
}

// TestRealClientsAreAnswered lets the services' own clients talk to a sensor.
func TestRealClientsAreAnswered(t *testing.T) {
	p := newField(t).everything()
	for _, c := range answered {
		p.talks(t, c, true)
	}
	for _, c := range refused {
		p.talks(t, c, false)
	}
}

// everything starts a sensor with the theme and the personas that speak first.
func (f *field) everything() *process {
	f.t.Helper()
	return f.start("answers", `listen:
  addresses: [127.77.0.9]
  ports:
  - {port: 21, transport: tcp, service: ftp}
  - {port: 22, transport: tcp, service: ssh}
  - {port: 25, transport: tcp, service: smtp}
  - {port: 110, transport: tcp, service: pop3}
  - {port: 143, transport: tcp, service: imap}
  - {port: 3306, transport: tcp, service: mysql}
  - {port: 5900, transport: tcp, service: vnc}
`)
}

// talks runs the client, and compares how it ends and what it says.
func (p *process) talks(t *testing.T, c client, succeeds bool) {
	separator := " "
	if strings.Contains(c.command, "|") {
		separator = "|"
	}
	text, typed, _ := strings.Cut(c.command, " < ")
	at := p.bound[c.port]
	text = strings.NewReplacer("HOST", at.Addr().String(), "PORT", strconv.Itoa(int(at.Port())), "FILE", p.file()).Replace(text)
	words, environment := strings.Split(text, separator), []string{"HOME=" + p.home, "KUBECONFIG=" + os.DevNull}
	for strings.Contains(words[0], "=") {
		words, environment = words[1:], append(environment, words[0])
	}
	t.Run(words[0]+" "+c.port, func(t *testing.T) {
		out, err := runs(t, words, environment, typed)
		if (err == nil) != succeeds || !strings.Contains(out, c.want) {
			t.Errorf("%s\n%v: %s\nwant %q", c.command, err, out, c.want)
		}
	})
}

// runs gives what a program says. One that is missing skips the test, or fails it where all must be there.
func runs(t *testing.T, words, environment []string, typed string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath(words[0]); err != nil {
		if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env = append(os.Environ(), environment...)
	if typed != "" { // The end of the input comes after the program's, as at a terminal.
		in, err := cmd.StdinPipe()
		if err == nil {
			_, err = io.WriteString(in, typed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s does not end: %s", words[0], out)
	}
	return string(out), err
}
