package terroir

import (
	"fmt"
	"strconv"
	"strings"
)

// ServedPort is one port that a configuration serves, on every transport that it names.
type ServedPort struct {
	Transport Transport
	Port      uint16
	// Service describes what is expected there, such as "redis".
	Service string
	// TLS asks the sensor to complete TLS handshakes on the port (TCP only).
	TLS bool
	// Proxy says that trusted proxies put a PROXY header before what the client sends (TCP only). Persona names what
	// answers there; "" stands for the persona of the service, if there is one, and "none" for silence.
	Proxy   bool
	Persona string
}

// String is transport/port, such as "tcp/6379".
func (p ServedPort) String() string { return p.Transport.String() + "/" + strconv.Itoa(int(p.Port)) }

// ParseServedPort is the inverse of ServedPort.String, for TCP and UDP. Anything else yields an EINVALID error.
func ParseServedPort(s string) (ServedPort, error) {
	name, number, _ := strings.Cut(s, "/")
	t, err := ParseTransport(name)
	n, wrong := strconv.ParseUint(number, 10, 16)
	p := ServedPort{Transport: t, Port: uint16(n)}
	if err != nil || wrong != nil || n == 0 || (t != TCP && t != UDP) {
		return ServedPort{}, Errorf(EINVALID, "%.40q is not a port: write tcp/5601", s)
	}
	return p, nil
}

// Configuration is what a sensor serves: a theme plus the changes of its region, with a revision.
type Configuration struct {
	// Theme is the name of the list of ports, such as "containers".
	Theme    string
	Revision int32
	Ports    []ServedPort
}

// Validate reports the first port that is out of range or served twice, as an ECONFIG error.
func (c *Configuration) Validate() error {
	seen := map[string]bool{}
	for _, p := range c.Ports {
		if p.Port == 0 {
			return Errorf(ECONFIG, "port 0 is out of range 1–65535")
		}
		if p.TLS && p.Transport != TCP {
			return Errorf(ECONFIG, "%s: tls is for tcp only", p)
		}
		if seen[p.String()] {
			return Errorf(ECONFIG, "%s is listed twice", p)
		}
		seen[p.String()] = true
	}
	return nil
}

// Containers is the theme of the study of June 2022: container platforms and the data stores beside them, TCP and UDP.
func Containers() Configuration {
	c := Configuration{Theme: "containers", Revision: 1}
	for _, p := range []struct {
		port    uint16
		service string
		tls     bool
	}{
		{2323, "telnet-alt", false}, {2375, "docker", false}, {2376, "docker-tls", true}, {2379, "etcd-client", false},
		{2380, "etcd-peer", false}, {5001, "synology", false}, {5432, "postgresql", false}, {5984, "couchdb", false},
		{6379, "redis", false}, {6443, "kubernetes", true}, {8090, "confluence", false}, {8888, "jupyter", false},
		{9992, "outlier", false}, {11211, "memcached", false},
	} {
		c.Ports = append(c.Ports,
			ServedPort{Transport: TCP, Port: p.port, Service: p.service, TLS: p.tls},
			ServedPort{Transport: UDP, Port: p.port, Service: p.service})
	}
	return c
}

// Region is a cloud region that the project knows the place of.
type Region struct {
	// Code as the provider writes it; Name of the city or area.
	Code, Name string
}

// StudyRegions are the five AWS regions of the study of June 2022.
func StudyRegions() []Region {
	return []Region{
		{"sa-east-1", "São Paulo"}, {"ap-northeast-2", "Seoul"}, {"ap-south-1", "Mumbai"},
		{"eu-west-3", "Paris"}, {"us-east-2", "Ohio"},
	}
}

// maxNameLength bounds sensor and region names: they become file names, subjects and partition values.
const maxNameLength = 63

// ValidateName checks a sensor's or region's name: 1 to 63 letters, digits, '-' or '_', beginning with a letter or
// digit. It returns an EINVALID error that says what is wrong; what names the thing in it.
func ValidateName(what, name string) error {
	ok := name != "" && len(name) <= maxNameLength && name[0] != '-' && name[0] != '_' &&
		strings.IndexFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) < 0
	if !ok {
		return &Error{Code: EINVALID, Message: fmt.Sprintf("%s %q", what, name),
			Hint: "use 1 to 63 letters, digits, '-' or '_', beginning with a letter or digit"}
	}
	return nil
}
