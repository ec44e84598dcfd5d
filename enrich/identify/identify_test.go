package identify

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const xpanse = "Expanse, a Palo Alto Networks company, searches across the global IPv4 space multiple times per day to identify customers' " +
	"presences on the Internet. If you would like to be excluded from our scans, please send IP addresses/domains to: scaninfo@paloaltonetworks.com"

func get(headers ...string) string {
	return "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n" + strings.Join(append(headers, "Accept: */*"), "\r\n") + "\r\n\r\n"
}

func TestWhoSaysWhoTheyAre(t *testing.T) {
	for sent, want := range map[string]string{
		"Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)":                  "Censys",
		get("User-Agent: Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)"): "Censys",
		"GET / HTTP/1.1\nuser-agent:  mozilla/5.0 (compatible; censysinspect/1.1)\n\n":            "Censys",
		xpanse:                       expanse,
		get("User-Agent: " + xpanse): expanse,
		"Hello from Palo Alto Networks, find out more about our scans in https://docs-cortex.paloaltonetworks.com/r/1/Cortex-Xpanse/Scanning-activity": expanse,
		"l9scan/2.0.130323e26343e29323e29353 (+https://leakix.net)":                                                                                    "LeakIX",
		"Mozilla/5.0 (compatible; InternetMeasurement/1.0; +https://internet-measurement.com/)":                                                        "Driftnet",
		"Mozilla/5.0 (compatible; +https://probe.onyphe.net)":                                                                                          "ONYPHE",
		"Mozilla/5.0 (compatible; CriminalIP/1.0; https://security.criminalip.com)":                                                                    "Criminal IP",
		"scan by binaryedge.ninja.":                                      "BinaryEdge",
		"Mozilla/5.0 (compatible; ModatScanner/1.0; +https://modat.io/)": "Modat",
		"NetSystemsResearch studies the availability of various services across the internet. Our website is netsystemsresearch.com": "NetSystems Research",
		"HTTP Banner Detection (https://security.ipip.net)":                                                                          "IPIP.net",
		"Mozilla/5.0 Project-Resonance (http://project-resonance.com/)":                                                              "RedHunt Labs",
		"OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nFrom: <sip:probe@scan.shadowserver.org>\r\n\r\n":                                       "Shadowserver",
		get("From: research@shodan.io"):                                                                                              "Shodan",
		"\x00\x01binary https://www.rapid7.com/about/":                                                                               "Rapid7",
	} {
		if got := Identify([]byte(sent)); got != want {
			t.Errorf("%q is %q, want %q", sent, got, want)
		}
	}
}

// Tools are what anybody uses; a host that is asked for, or named in a body or a TLS hello, is not the sender.
func TestWhoSaysNothing(t *testing.T) {
	for _, sent := range []string{
		"", "Mozilla/5.0 zgrab/0.x", "Go-http-client/1.1", "masscan/1.3", "python-requests/2.28.0", "MGLNDD_192.0.2.1_2375\n",
		"Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)", "l9tcpid/v1.1.0", "l9explore/1.2.2",
		"GET / HTTP/1.1\r\nHost: www.shodan.io\r\n\r\n", "CONNECT www.censys.io:443 HTTP/1.1\r\nHost: www.censys.io:443\r\n\r\n",
		"GET http://leakix.net/ HTTP/1.0\r\n\r\n", get("Referer: https://www.shodan.io/host/192.0.2.1"),
		"POST / HTTP/1.1\r\nUser-Agent: x\r\n\r\nUser-Agent: censys.io", "\x16\x03\x01\x00\x20\x01 www.shodan.io",
		"notshodan.io", "shodan.iox", "shodan.io.example.com", "precensysinspecting",
	} {
		if got := Identify([]byte(sent)); got != "" {
			t.Errorf("%q is %q", sent, got)
		}
	}
}

func TestReverseNames(t *testing.T) {
	for host, want := range map[string]string{
		"census8.shodan.io": "Shodan", "red.census.shodan.io.": "Shodan", "SHODAN.IO": "Shodan", "scanner-07.ch1.censys-scanner.com": "Censys",
		"scan-12b.shadowserver.org": "Shadowserver", "zg-0911a-123.stretchoid.com": "Stretchoid", "scanners.labs.rapid7.com": "Rapid7",
		"do-prod-eu-west-scanner-0402-3.do.binaryedge.ninja": "BinaryEdge", "sh-ams-nl-gp1-wk101.internet-census.org": "Bitsight",
		"host.internet-measurement.com": "Driftnet", "probe007.probe.onyphe.net": "ONYPHE", "security.criminalip.com": "Criminal IP",
		"researchscan273.eecs.umich.edu": "University of Michigan", "www.eecs.umich.edu": "", "umich.edu": "", "researchscan1.umich.edu": "",
		"researchscanner12.eecs.berkeley.edu": "University of California, Berkeley", "pinger-w1.ant.isi.edu": "University of Southern California (ISI)",
		"mail.rapid7.com": "", "notshodan.io": "", "shodan.io.example.com": "", "": "", ".": "", "ec2-192-0-2-1.compute.amazonaws.com": "",
		strings.Repeat("a.", 200) + "shodan.io": "",
	} {
		if got := Reverse(host); got != want {
			t.Errorf("%q is %q, want %q", host, got, want)
		}
	}
}

func TestNamesOfAList(t *testing.T) {
	for listed, want := range map[string]string{
		"censys.io": "Censys", "scanner.openportstats.com\t": "Open Port Statistics", "cortex xpanse": expanse, "shodan.io (parking)": "Shodan",
		"ANSSI": "ANSSI", "NYU Osiris  Laboratory": "NYU Osiris Laboratory", "(unknown)": "", "192.0.2.1": "", "2001:db8::1": "", "": "",
		"x.scan.tequilaboomboom.club.": "tequilaboomboom.club", "a\x1b[31mb": "a[31mb",
	} {
		if got := Name(listed); got != want {
			t.Errorf("%q is %q, want %q", listed, got, want)
		}
	}
}

// TestRealRequests counts who called themselves what at a real honeypot: 410 requests of Censys and 39 of Driftnet, none of the
// zgrabs, Docker clients and browsers.
func TestRealRequests(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "docker", "docker_2021_2022.jsonl.gz"))
	if os.IsNotExist(err) {
		t.Skip("the requests are not at hand")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r struct {
			Method, URL string
			Headers     [][2]string
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, r.URL)
		for _, h := range r.Headers {
			fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
		}
		if org := Identify([]byte(b.String() + "\r\n")); org != "" {
			got[org]++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	t.Log(got)
	if got["Censys"] != 410 || got["Driftnet"] != 39 {
		t.Errorf("%v", got)
	}
}

// What was sent with an organisation's name in its user agent is that organisation's, whatever stands around it.
func TestAUserAgentCountsWhereverItStands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		others := rapid.SliceOfN(rapid.StringMatching(`X-[a-z]{1,8}: [ -~]{0,30}`), 0, 8).Draw(t, "headers")
		at := rapid.IntRange(0, len(others)).Draw(t, "at")
		headers := append(append(append([]string{}, others[:at]...), "User-Agent: l9scan/2.0"), others[at:]...)
		if got := Identify([]byte(get(headers...))); got != "LeakIX" {
			t.Fatalf("%q: %q", headers, got)
		}
	})
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte(get("User-Agent: " + xpanse)))
	f.Add([]byte("\x16\x03\x01"))
	f.Add([]byte("GET / HTTP/1.1\nfrom:shodan.io"))
	f.Fuzz(func(t *testing.T, b []byte) {
		org := Identify(b)
		if again := Identify(b); again != org {
			t.Errorf("%q, then %q", org, again)
		}
		Reverse(string(b))
		if name := Name(string(b)); len(name) > maxName {
			t.Errorf("a name of %d bytes", len(name))
		}
	})
}
