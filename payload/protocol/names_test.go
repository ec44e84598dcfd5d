package protocol

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"terroir"
)

func TestExpected(t *testing.T) {
	for _, c := range []struct {
		service, fits, wrong string
	}{
		{"docker", "docker http kubernetes etcd ethereum", "tls redis http-proxy ssh bitcoin"}, {"docker-tls", "docker http tls", "ssh"},
		{"kubernetes", "kubernetes http tls", "rdp"}, {"etcd-client", "etcd http", "redis"}, {"telnet-alt", "telnet tn3270 shell", "http"},
		{"redis", "redis", "http tls amqp rtsp rsync"}, {"postgresql", "postgresql", "mysql tls"}, {"jupyter", "jupyter http", "tls"},
		{"synology", "http tls", "http-proxy"}, {"smtp", "smtp", "http"},
	} {
		expected := Expected(c.service)
		fits := func(name string) bool {
			return slices.Contains(expected, name) || slices.Contains(expected, Over(name))
		}
		for _, name := range strings.Fields(c.fits) {
			if !fits(name) {
				t.Errorf("%s is wrong on %s, which expects %v", name, c.service, expected)
			}
		}
		for _, name := range strings.Fields(c.wrong) {
			if fits(name) {
				t.Errorf("%s is right on %s, which expects %v", name, c.service, expected)
			}
		}
	}
	for _, service := range []string{"", "outlier", "explored", "mine"} {
		if Expected(service) != nil {
			t.Errorf("something is expected on %q", service)
		}
	}
	Expected("docker")[0] = "changed"
	if Expected("docker")[0] != "docker" {
		t.Error("the caller can change what is expected")
	}
}

// TestServicesAreJudged: each service of the theme, and each that a shipped persona answers for, has protocols, except those without
// a protocol of their own.
func TestServicesAreJudged(t *testing.T) {
	var services []string
	for _, p := range terroir.Containers().Ports {
		services = append(services, p.Service)
	}
	files, _ := filepath.Glob(filepath.Join("..", "..", "sensor", "persona", "builtin", "*.yaml"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^services: \[(.*)\]$`).FindSubmatch(b)
		if m == nil {
			t.Fatalf("%s: no services", file)
		}
		services = append(services, strings.Split(string(m[1]), ", ")...)
	}
	if len(services) < 30 {
		t.Fatalf("only %v", services)
	}
	for _, service := range services {
		if Expected(service) == nil && service != "outlier" {
			t.Errorf("nothing is expected on %s", service)
		}
	}
}

func TestNamesAreWhole(t *testing.T) {
	names := Names()
	if !slices.IsSorted(names) || slices.Contains(names, "") {
		t.Error(names)
	}
	for service, list := range expected {
		for _, name := range list {
			if !slices.Contains(names, name) {
				t.Errorf("%s expects %s, which has no recogniser", service, name)
			}
		}
	}
	for name := range labels {
		if name != "" && !slices.Contains(names, name) {
			t.Errorf("%s has labels, but no recogniser", name)
		}
	}
	for _, name := range append(names, "", "nonsense") {
		if over := Over(name); over != name && !slices.Contains(names, over) {
			t.Errorf("%s is over %s", name, over)
		}
	}
	// What the study and the field meet.
	for _, name := range strings.Fields(`http tls dtls quic ssh redis postgresql mysql memcached mongodb ldap rdp smb vnc telnet tn3270 rtsp sip amqp
		mqtt socks http-proxy rsync dns ntp snmp ssdp coap ike modbus bacnet bitcoin ethereum jdwp java-rmi x11 adb minecraft docker kubernetes etcd
		elasticsearch jupyter shell`) {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
}
