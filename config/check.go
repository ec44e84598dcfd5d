package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"terroir"
)

func wrong(where, message, hint string) error {
	return &terroir.Error{Code: terroir.ECONFIG, Where: where, Message: message, Hint: hint}
}

func (s *Sensor) check() error {
	for _, step := range []func() error{s.checkNames, s.checkAddresses, s.checkListen, s.checkProxies, s.checkLimits, s.checkTap, s.checkExplore, s.checkConfine, s.checkConfigurations} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sensor) checkNames() error {
	if err := terroir.ValidateName("sensor", s.Sensor); err != nil {
		return wrong(s.pos.of("sensor"), err.Error(), "")
	}
	if err := terroir.ValidateName("region", s.Region); err != nil {
		return wrong(s.pos.of("region"), err.Error(), "")
	}
	if s.Dir == "" {
		return wrong(s.pos.of("dir"), "dir is empty", "name a folder")
	}
	if bad, ok := areBus(s.Hub); !ok {
		return wrong(s.pos.of("hub"), fmt.Sprintf("%q is not the address of a bus", bad), busHint)
	}
	for _, x := range []struct{ key, reference string }{{"token", s.Token}, {"credentials", s.Credentials}, {"ca", s.CA}} {
		if x.reference != "" && !secretReference(x.reference) {
			return wrong(s.pos.of(x.key), "a secret does not stand in the configuration", "write file:NAME or env:NAME")
		}
	}
	if s.Token != "" && (s.Credentials != "" || s.CA != "") {
		return wrong(s.pos.of("token"), "token with credentials or ca", "who joins a fleet gets these from there: leave out one or the other")
	}
	if s.Theme != "containers" && s.Theme != "none" {
		return wrong(s.pos.of("theme"), fmt.Sprintf("there is no theme %q", s.Theme), "use containers, or none with listen.ports")
	}
	return nil
}

func secretReference(s string) bool {
	kind, name, ok := strings.Cut(s, ":")
	return ok && name != "" && (kind == "file" || kind == "env")
}

// Secret is what the reference file:NAME or env:NAME stands for.
//
// One that is not there yields an ECONFIG error.
func Secret(reference string) (string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	if kind == "env" {
		if v := os.Getenv(name); v != "" {
			return v, nil
		}
		return "", wrong(reference, "the variable is not set", "")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", &terroir.Error{Code: terroir.ECONFIG, Where: reference, Message: "cannot read the secret", Err: cause(err)}
	}
	return strings.TrimSpace(string(text)), nil
}

// isBus reports whether the address is one of a NATS server.
func isBus(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || (u.Scheme != "nats" && u.Scheme != "tls") {
		return false
	}
	_, err = strconv.ParseUint(u.Port(), 10, 16)
	return err == nil || u.Port() == ""
}

func (s *Sensor) checkAddresses() error {
	seen := map[netip.Addr]bool{}
	for i, text := range s.Listen.Addresses {
		where := fmt.Sprintf("listen.addresses[%d]", i)
		a, err := netip.ParseAddr(text)
		if err != nil {
			return wrong(s.pos.of(where), fmt.Sprintf("%q is not an IP address", text), "")
		}
		if seen[a.Unmap()] {
			return wrong(s.pos.of(where), fmt.Sprintf("address %s is listed twice", text), "")
		}
		seen[a.Unmap()] = true
	}
	return nil
}

func (s *Sensor) checkListen() error {
	if _, err := checkPorts(s.Listen.Ports, "listen.ports", s.pos); err != nil {
		return err
	}
	if len(s.Listen.Ports) == 0 && s.Theme == "none" {
		return wrong(s.pos.of("listen.ports"), "nothing is served", "list ports, or use a theme")
	}
	return nil
}

// checkPorts checks a list of ports that stands at a place, and returns its entries by what they serve.
func checkPorts(ports []Port, at string, pos positions) (map[terroir.ServedPort]int, error) {
	seen := map[terroir.ServedPort]int{}
	for i, p := range ports {
		path := fmt.Sprintf("%s[%d]", at, i)
		if p.Port < 1 || p.Port > 65535 {
			return nil, wrong(pos.of(path+".port"), fmt.Sprintf("port %d is out of range", p.Port), "use 1 to 65535")
		}
		transports, ok := p.transports()
		if !ok {
			return nil, wrong(pos.of(path+".transport"), fmt.Sprintf("%q is not a transport", p.Transport), "use tcp, udp or both")
		}
		if p.TLS && p.Transport == "udp" {
			return nil, wrong(pos.of(path+".tls"), "tls is for tcp only", "")
		}
		for _, t := range transports {
			key := terroir.ServedPort{Transport: t, Port: uint16(p.Port)}
			if first, twice := seen[key]; twice {
				return nil, wrong(pos.of(path+".port"), fmt.Sprintf("port %s is listed twice", key), fmt.Sprintf("it is entry %d already", first+1))
			}
			seen[key] = i
		}
	}
	return seen, nil
}

func (p *Port) transports() ([]terroir.Transport, bool) {
	switch p.Transport {
	case "tcp":
		return []terroir.Transport{terroir.TCP}, true
	case "udp":
		return []terroir.Transport{terroir.UDP}, true
	case "", "both":
		return []terroir.Transport{terroir.TCP, terroir.UDP}, true
	}
	return nil, false
}

func (s *Sensor) checkLimits() error {
	l := &s.Limits
	if l.KeepBytes < 1 || l.KeepBytes > 1<<20 {
		return wrong(s.pos.of("limits.keep_bytes"), fmt.Sprintf("keep_bytes %s is out of range", l.KeepBytes), "use 1 to 1MiB")
	}
	if l.SessionBytes < l.KeepBytes {
		return wrong(s.pos.of("limits.session_bytes"), "session_bytes is less than keep_bytes", "")
	}
	if l.SpoolBytes < 1<<20 {
		return wrong(s.pos.of("limits.spool_bytes"), fmt.Sprintf("spool_bytes %s is too little", l.SpoolBytes), "use 1MiB or more")
	}
	if l.Memory < 64<<20 {
		return wrong(s.pos.of("limits.memory"), fmt.Sprintf("memory %s is too little", l.Memory), "use 64MiB or more")
	}
	for _, x := range []struct {
		path  string
		value int64
	}{{"limits.idle_before", int64(l.IdleBefore)}, {"limits.idle_after", int64(l.IdleAfter)}, {"limits.max_age", int64(l.MaxAge)},
		{"limits.sessions", int64(l.Sessions)}, {"limits.per_source", int64(l.PerSource)},
		{"limits.per_network", int64(l.PerNetwork)}, {"limits.datagrams", int64(l.Datagrams)},
		{"heartbeat", int64(s.Heartbeat)}, {"drain", int64(s.Drain)}, {"tap.interval", int64(s.Tap.Interval)}} {
		if x.value <= 0 {
			return wrong(s.pos.of(x.path), x.path+" must be more than 0", "")
		}
	}
	return nil
}

// checkProxies makes sure that Proxies can be read.
func (s *Sensor) checkProxies() error {
	for i, p := range s.Listen.Proxies {
		if _, err := prefix(p); err != nil {
			return wrong(s.pos.of(fmt.Sprintf("listen.proxies[%d]", i)), fmt.Sprintf("%q is neither an address nor a prefix", p), "write 192.0.2.1 or 192.0.2.0/24")
		}
	}
	return nil
}

// Proxies are the addresses whose PROXY headers are believed.
func (s *Sensor) Proxies() []netip.Prefix {
	var list []netip.Prefix
	for _, text := range s.Listen.Proxies {
		p, _ := prefix(text) // checked by checkProxies
		list = append(list, p)
	}
	return list
}

func prefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

func (s *Sensor) checkTap() error {
	for i, p := range s.Tap.Never {
		if p < 1 || p > 65535 {
			return wrong(s.pos.of(fmt.Sprintf("tap.never[%d]", i)), fmt.Sprintf("port %d is out of range", p), "use 1 to 65535")
		}
	}
	return nil
}

// maxExplored bounds the ports that are explored at once.
const maxExplored = 64

func (s *Sensor) checkExplore() error {
	switch x := &s.Explore; {
	case x.Ports < 0 || x.Ports > maxExplored:
		return wrong(s.pos.of("explore.ports"), fmt.Sprintf("explore.ports %d is out of range", x.Ports), fmt.Sprintf("use 0 to %d", maxExplored))
	case x.Minutes < 0 || x.Hold <= 0:
		return wrong(s.pos.of("explore"), "explore.hold must be more than 0, and explore.minutes not less", "")
	case x.Ports > 0 && !s.Tap.Enabled:
		return wrong(s.pos.of("explore.ports"), "explore.ports without tap.enabled", "the tap is what tells which ports are of interest; enable it")
	}
	return nil
}

func (s *Sensor) checkConfine() error {
	if s.Confine.Required && !s.Confine.Enabled {
		return wrong(s.pos.of("confine.required"), "confine.required without confine.enabled", "enable it, or do not require it")
	}
	return nil
}

func (s *Sensor) checkConfigurations() error {
	c := &s.Configurations
	if c.Trust == "" || secretReference(c.Trust) || nkeys.IsValidPublicServerKey(c.Trust) {
		return nil
	}
	return wrong(s.pos.of("configurations.trust"), fmt.Sprintf("%q is not a key for configurations", c.Trust), "write the key, which begins with N, or file:NAME of one, such as the hub's DIR/rollout/key.pub")
}

// Configuration is what the sensor serves: the theme, with the listed ports added or put in place of the theme's.
func (s *Sensor) Configuration() terroir.Configuration {
	c := terroir.Configuration{Theme: s.Theme, Revision: 1}
	if s.Theme == "containers" {
		c = terroir.Containers()
	}
	serve(&c, s.Listen.Ports)
	return c
}

// serve adds the ports to what c serves, or puts them in the place of those with the same number.
func serve(c *terroir.Configuration, ports []Port) {
	for _, p := range ports {
		transports, _ := p.transports()
		for _, t := range transports {
			served := terroir.ServedPort{Transport: t, Port: uint16(p.Port), Service: p.Service, TLS: p.TLS && t == terroir.TCP,
				Persona: p.Persona, Proxy: p.Proxy && t == terroir.TCP}
			i := slices.IndexFunc(c.Ports, func(x terroir.ServedPort) bool { return x.Transport == t && x.Port == served.Port })
			if i >= 0 {
				c.Ports[i] = served
			} else {
				c.Ports = append(c.Ports, served)
			}
		}
	}
}

// Servers are the addresses in a list with commas between them.
func Servers(list string) []string {
	var all []string
	for a := range strings.SplitSeq(list, ",") {
		all = append(all, strings.TrimSpace(a))
	}
	return all
}

const busHint = "write nats://HOST:PORT or tls://HOST:PORT; several with commas between them"

// areBus reports whether all addresses in the list are of NATS servers, or which one is not. Those of one bus have one
// scheme.
func areBus(list string) (bad string, ok bool) {
	all := Servers(list)
	scheme, _, _ := strings.Cut(all[0], "://")
	for _, a := range all {
		if !isBus(a) || !strings.HasPrefix(a, scheme+"://") {
			return a, false
		}
	}
	return "", true
}

func (h *Hub) checkBus() error {
	b := &h.Bus
	if b.URL != "" {
		if bad, ok := areBus(b.URL); !ok {
			return wrong(h.pos.of("bus.url"), fmt.Sprintf("%q is not the address of a bus", bad), busHint)
		}
	}
	if b.Auth && b.URL != "" {
		return wrong(h.pos.of("bus.auth"), "bus.auth is for the embedded bus; a server elsewhere has its own", "leave out bus.url or bus.auth")
	}
	for _, x := range []struct{ key, reference string }{{"bus.credentials", b.Credentials}, {"bus.ca", b.CA}} {
		switch {
		case x.reference == "":
		case !secretReference(x.reference):
			return wrong(h.pos.of(x.key), "a secret does not stand in the configuration", "write file:NAME or env:NAME")
		case b.URL == "":
			return wrong(h.pos.of(x.key), x.key+" is for a bus elsewhere", "set bus.url, too; the embedded bus has bus.auth")
		}
	}
	if b.Replicas != 1 && b.Replicas != 3 && b.Replicas != 5 {
		return wrong(h.pos.of("bus.replicas"), fmt.Sprintf("bus.replicas %d is out of range", b.Replicas), "use 1, 3 or 5")
	}
	if b.Replicas > 1 && b.URL == "" {
		return wrong(h.pos.of("bus.replicas"), "the embedded bus is one server", "set bus.url to a cluster, or use 1")
	}
	if b.Wait <= 0 {
		return wrong(h.pos.of("bus.wait"), "bus.wait must be more than 0", "")
	}
	return nil
}

func (h *Hub) check() error {
	if h.Dir == "" {
		return wrong(h.pos.of("dir"), "dir is empty", "name a folder")
	}
	for _, step := range []func() error{h.checkBus, h.checkPage, h.checkWhere} {
		if err := step(); err != nil {
			return err
		}
	}
	return h.checkRest()
}

// checkPage checks who may see the page.
func (h *Hub) checkPage() error {
	p := &h.Page
	switch {
	case p.Users != "" && !secretReference(p.Users):
		return wrong(h.pos.of("page.users"), "users do not stand in the configuration", "write file:NAME or env:NAME")
	case (p.Certificate == "") != (p.Key == ""):
		return wrong(h.pos.of("page.certificate"), "page.certificate and page.key go together", "")
	case p.Host != "" && strings.ContainsAny(p.Host, "/: \t"):
		return wrong(h.pos.of("page.host"), fmt.Sprintf("%q is not the name of a host", p.Host), "write a name without port, such as terroir.example")
	}
	return nil
}

// checkWhere checks the addresses of page and bus: beyond loopback, both ask who is there.
func (h *Hub) checkWhere() error {
	type address struct {
		path, value string
		beyond      bool // loopback
	}
	addresses := []address{{"listen", h.Listen, h.Page.Users != "" && h.Page.Certificate != ""}}
	if h.Bus.URL == "" {
		addresses = append(addresses, address{"bus.listen", h.Bus.Listen, h.Bus.Auth})
	}
	for _, a := range addresses {
		local, err := loopback(a.value)
		if err != nil {
			return wrong(h.pos.of(a.path), fmt.Sprintf("%q is not an address", a.value), "write HOST:PORT, such as 127.0.0.1:8080")
		}
		if !local && !a.beyond {
			hint := "set page.users, page.certificate and page.key, or use 127.0.0.1 or ::1, with a tunnel in front"
			if a.path == "bus.listen" {
				hint = "set bus.auth, or use 127.0.0.1 or ::1"
			}
			return wrong(h.pos.of(a.path), fmt.Sprintf("%q is not on loopback, and there is no authentication", a.value), hint)
		}
	}
	return nil
}

func (h *Hub) checkRest() error {
	if h.Commit.Interval <= 0 || h.Commit.Rows < 1 {
		return wrong(h.pos.of("commit"), "interval and rows must be more than 0", "")
	}
	if h.Care.Every < 0 || h.Care.Target < 1<<20 || h.Care.Snapshots < Duration(time.Minute) {
		return wrong(h.pos.of("care"), "every must not be negative, target at least 1MiB, snapshots at least 1m", "")
	}
	for _, k := range []Duration{h.Care.Keep.Events, h.Care.Keep.Losses, h.Care.Keep.Heartbeats} {
		if k < 0 || k > 0 && k < Duration(24*time.Hour) {
			return wrong(h.pos.of("care.keep"), "less than a day", "rows go by whole days; such as 90d")
		}
	}
	if err := h.checkLake(); err != nil {
		return err
	}
	return h.checkQuery()
}

func (h *Hub) checkLake() error {
	l := &h.Lake
	for path, reference := range map[string]string{"lake.catalog": l.Catalog, "lake.s3.key": l.S3.Key, "lake.s3.secret": l.S3.Secret} {
		if reference != "" && !secretReference(reference) {
			return wrong(h.pos.of(path), "a secret does not stand in the configuration", "write file:NAME or env:NAME")
		}
	}
	if l.Warehouse == "" {
		if l.Catalog != "" {
			return wrong(h.pos.of("lake.catalog"), "lake.catalog is for tables on S3", "name lake.warehouse, or leave it out")
		}
		if l.S3 != (S3{}) {
			return wrong(h.pos.of("lake.s3"), "lake.s3 is for tables on S3", "name lake.warehouse, or leave it out")
		}
		return nil
	}
	u, err := url.Parse(l.Warehouse)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return wrong(h.pos.of("lake.warehouse"), fmt.Sprintf("%q is not a place on S3", l.Warehouse), "write s3://BUCKET/PATH")
	}
	if l.Catalog == "" {
		return wrong(h.pos.of("lake.warehouse"), "tables on S3 need a catalog", "name lake.catalog, a PostgreSQL database")
	}
	if l.S3.Endpoint != "" && !isWeb(l.S3.Endpoint) {
		return wrong(h.pos.of("lake.s3.endpoint"), fmt.Sprintf("%q is not the URL of a server", l.S3.Endpoint), "write https://HOST:PORT")
	}
	if (l.S3.Key == "") != (l.S3.Secret == "") {
		return wrong(h.pos.of("lake.s3"), "one of key and secret is missing", "name both, or none")
	}
	if l.Cache < 64<<20 {
		return wrong(h.pos.of("lake.cache"), fmt.Sprintf("cache %s is too little", l.Cache), "use 64MiB or more")
	}
	return nil
}

func (h *Hub) checkQuery() error {
	q := &h.Query
	switch q.Engine {
	case "duckdb":
		return nil
	case "trino":
	default:
		return wrong(h.pos.of("query.engine"), fmt.Sprintf("there is no engine %q", q.Engine), "use duckdb or trino")
	}
	u, err := url.Parse(q.Trino)
	if err != nil || !isWeb(q.Trino) {
		return wrong(h.pos.of("query.trino"), fmt.Sprintf("%q is not the URL of a Trino", q.Trino), "write https://USER@HOST:PORT")
	}
	if _, there := u.User.Password(); there {
		return wrong(h.pos.of("query.trino"), "a secret does not stand in the configuration", "write query.password: file:NAME or env:NAME")
	}
	if q.Password != "" && !secretReference(q.Password) {
		return wrong(h.pos.of("query.password"), "a secret does not stand in the configuration", "write file:NAME or env:NAME")
	}
	if q.Password != "" && u.Scheme != "https" {
		return wrong(h.pos.of("query.password"), "a password goes over https only", "write query.trino as https://USER@HOST:PORT")
	}
	if h.Lake.Warehouse == "" {
		return wrong(h.pos.of("query.engine"), "Trino reads tables on S3 only", "name lake.warehouse, or use duckdb")
	}
	return nil
}

// isWeb reports whether the address is one of a web server.
func isWeb(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https")
}
