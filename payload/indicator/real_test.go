package indicator

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	neturl "net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"terroir"
	"terroir/payload/decode"
)

// shared is a file of the real data; tests that need it are skipped where it is not at hand.
func shared(t testing.TB, name ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		file := filepath.Join(append([]string{dir, "shared", "data"}, name...)...)
		if _, err := os.Stat(file); err == nil {
			return file
		}
		dir = filepath.Dir(dir)
	}
	t.Skip("the data is not at hand")
	return ""
}

func eachLine(t testing.TB, file string, use func([]byte)) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		use(lines.Bytes())
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
}

// Every URL and host that the bodies of containers/create hide is found, as often as it was counted by others.
func TestDockerBodiesNameWhatIsKnown(t *testing.T) {
	var facts struct {
		URLs  map[string]int `json:"urls_all_layers"`
		Hosts []string       `json:"hosts_all_layers"`
	}
	b, err := os.ReadFile(shared(t, "docker", "ioc_facts.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &facts); err != nil {
		t.Fatal(err)
	}
	urls, hosts := map[string]int{}, map[string]bool{}
	known := map[string][]terroir.Indicator{}
	self := []netip.Addr{netip.MustParseAddr("142.93.53.4")}
	eachLine(t, shared(t, "docker", "docker_2021_2022.jsonl.gz"), func(line []byte) {
		raw := dockerRequest(t, line)
		if raw == "" {
			return
		}
		list, ok := known[raw]
		if !ok {
			list = Find(decode.Decode([]byte(raw), decode.Options{}), self, nil)
			known[raw] = list
		}
		for _, i := range list {
			switch i.Type {
			case "url":
				urls[i.Value]++
			case "domain", "ipv4":
				hosts[i.Value] = true
			}
		}
	})
	for u, n := range facts.URLs {
		if urls[u] != n {
			t.Errorf("%s: %d, want %d", u, urls[u], n)
		}
	}
	for _, h := range facts.Hosts {
		if !hosts[h] {
			t.Errorf("%s is missing", h)
		}
	}
	for _, u := range slices.Sorted(maps.Keys(urls)) {
		if facts.URLs[u] == 0 {
			t.Logf("beside the facts: %s, %d times", u, urls[u])
		}
	}
}

// dockerRequest puts a request that creates a container together as it was sent; "" for others.
func dockerRequest(t *testing.T, line []byte) string {
	var r struct {
		Method, URL string
		Headers     [][2]string
		Data        []byte `json:"data_b64"`
	}
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	u, err := neturl.Parse(r.URL)
	if err != nil || !strings.HasSuffix(u.Path, "/containers/create") {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, u.RequestURI())
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	return b.String() + "\r\n" + string(r.Data)
}

// The study's Log4j requests name where the victim is to call, what it is to fetch and run, and nothing else.
func TestTheStudysRequestsToPort8888(t *testing.T) {
	var got []string
	eachLine(t, shared(t, "seed", "payloads.jsonl"), func(line []byte) {
		var p struct {
			Port     json.RawMessage
			Rendered string
		}
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		if strings.Trim(string(p.Port), `"`) != "8888" {
			return
		}
		raw, err := strconv.Unquote(`"` + strings.ReplaceAll(p.Rendered, `"`, `\"`) + `"`)
		if err != nil {
			raw = strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(p.Rendered)
		}
		var s strings.Builder
		for _, i := range Find(decode.Decode([]byte(raw), decode.Options{}), nil, nil) {
			if strings.HasPrefix(i.Value, "ldap:") {
				i.Value, _, _ = strings.Cut(i.Value, "/Command/")
			}
			fmt.Fprintf(&s, "%s %s %s\n", i.Type, i.Value, i.Role)
		}
		got = append(got, s.String())
	})
	const log4j = "file aktualisieren.sh \nipv4 135.148.91.146 dropper\nipv4 185.196.220.213 callback\n" +
		"url http://135.148.91.146:%d/aktualisieren.sh dropper\nurl ldap://185.196.220.213:1389/TomcatBypass callback\n"
	want := []string{fmt.Sprintf(log4j, 1942), "", fmt.Sprintf(log4j, 1980)}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "--\n"), strings.Join(want, "--\n"))
	}
}
