package listen

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"terroir"
)

// header is a PROXY header of the version from the client to the port 80 of 192.0.2.80.
func header(t *testing.T, version byte, client string) string {
	t.Helper()
	from, to := netip.MustParseAddrPort(client), netip.MustParseAddrPort("192.0.2.80:80")
	if from.Addr().Is6() {
		to = netip.MustParseAddrPort("[2001:db8::80]:80")
	}
	b, err := proxyproto.HeaderProxyFromAddrs(version, net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to)).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func local(t *testing.T) string {
	t.Helper()
	b, err := (&proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAProxyNamesItsClient(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	const get = "GET / HTTP/1.0\r\n\r\n"
	for name, c := range map[string]struct {
		proxies []netip.Prefix
		port    uint16
		sent    []string
		source  string // of the event; "" for the proxy itself
		own     string
		kind    terroir.Kind
		payload string
	}{
		"version 1":          {trusted, 8080, []string{header(t, 1, "198.51.100.7:4711") + get}, "198.51.100.7:4711", "192.0.2.80:8080", terroir.KindPayload, get},
		"version 2":          {trusted, 8080, []string{header(t, 2, "198.51.100.7:4711") + get}, "198.51.100.7:4711", "192.0.2.80:8080", terroir.KindPayload, get},
		"version 2, IPv6":    {trusted, 8080, []string{header(t, 2, "[2001:db8::7]:4711") + get}, "[2001:db8::7]:4711", "[2001:db8::80]:8080", terroir.KindPayload, get},
		"in pieces":          {trusted, 8080, []string{header(t, 2, "198.51.100.7:4711")[:9], header(t, 2, "198.51.100.7:4711")[9:], get}, "198.51.100.7:4711", "192.0.2.80:8080", terroir.KindPayload, get},
		"nothing behind it":  {trusted, 8080, []string{header(t, 1, "198.51.100.7:4711")}, "198.51.100.7:4711", "192.0.2.80:8080", terroir.KindError, ""},
		"not a header":       {trusted, 8080, []string{get}, "", "127.0.0.1:8080", terroir.KindPayload, get},
		"a broken header":    {trusted, 8080, []string{"PROXY TCP4 1.2.3.4 x\r\n"}, "", "127.0.0.1:8080", terroir.KindPayload, "PROXY TCP4 1.2.3.4 x\r\n"},
		"a stranger's":       {nil, 8080, []string{header(t, 1, "198.51.100.7:4711") + get}, "", "127.0.0.1:8080", terroir.KindPayload, header(t, 1, "198.51.100.7:4711") + get},
		"where nobody asked": {trusted, 6379, []string{header(t, 1, "198.51.100.7:4711") + get}, "", "127.0.0.1:6379", terroir.KindPayload, header(t, 1, "198.51.100.7:4711") + get},
	} {
		t.Run(name, func(t *testing.T) {
			x := start(t, loopbacks["IPv4"], func(o *Options) { o.Proxies, o.IdleBefore, o.IdleAfter = c.proxies, time.Minute, time.Minute })
			conn := x.dial(c.port)
			for _, part := range c.sent {
				say(conn, part)
				time.Sleep(20 * time.Millisecond)
			}
			source := conn.LocalAddr().String()
			conn.Close()
			r := x.one()
			if c.source != "" {
				source = c.source
			}
			if e := r.Event; e.Source.String() != source || e.Destination.String() != c.own || e.Kind != c.kind || string(r.Payload) != c.payload {
				t.Errorf("%s → %s, %s %q", e.Source, e.Destination, e.Kind, r.Payload)
			}
		})
	}
}

func TestAProxysOwnChecksAreCountedApart(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) {
		o.Proxies, o.IdleBefore = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, time.Minute
	})
	x.dial(8080).Close()
	c := x.dial(8080)
	say(c, local(t))
	c.Close()
	x.awaitRefused("proxy_check", 2)
	x.awaitSessions(0)
	if len(x.sink.all()) != 0 {
		t.Errorf("%+v", x.sink.all())
	}
}

func TestClientsBehindAProxyAreBounded(t *testing.T) {
	x := start(t, loopbacks["IPv4"], func(o *Options) {
		o.Proxies, o.IdleBefore, o.MaxPerSource = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, time.Minute, 2
	})
	for range 3 {
		say(x.dial(8080), header(t, 2, "198.51.100.7:4711"))
		say(x.dial(8080), header(t, 2, "198.51.101.7:4711"))
	}
	x.awaitRefused("per_source", 2)
	x.awaitSessions(4)
}
