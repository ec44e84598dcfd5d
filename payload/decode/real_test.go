package decode

import (
	"encoding/json"
	"os"
	"path"
	"regexp"
	"sort"
	"strings"
	"testing"
)

// firstWord is the name of the first program of a command line, as the labels of the data have it: without folder, sudo
// and parentheses; of an assignment the name.
func firstWord(line string) string {
	fields := strings.Fields(strings.TrimLeft(line, "( \n"))
	for len(fields) > 1 && (fields[0] == "sudo" || fields[0] == "nohup") {
		fields = fields[1:]
	}
	if len(fields) == 0 {
		return ""
	}
	word, _, _ := strings.Cut(fields[0], "=")
	word, _, _ = strings.Cut(word, ";")
	return strings.TrimSuffix(path.Base(strings.Trim(word, `"'\`)), ".exe")
}

// TestExploits: the innermost command of an exploit begins with the program of its label.
func TestExploits(t *testing.T) {
	agree, outer, all := 0, 0, 0
	misses := map[string]int{}
	for _, e := range exploits(t) {
		wrapper, want, _ := strings.Cut(e.Label, ":")
		if wrapper == "js" {
			continue // There is no command.
		}
		all++
		tr := Decode(e.Body, Options{})
		i := tr.Cargo()
		if i >= 0 && firstWord(string(tr.Nodes[i].Bytes)) == want {
			agree++
			continue
		}
		for ; i > 0; i = tr.Nodes[i].Parent {
			if firstWord(string(tr.Nodes[i].Bytes)) == want {
				outer++
				break
			}
		}
		if i <= 0 {
			misses[e.Label]++
			if misses[e.Label] == 1 {
				t.Logf("%s: %.300q\n%s", e.Label, e.Body, show(tr))
			}
		}
	}
	t.Logf("%.1f %% of %d agree, %.1f %% with a command further out", 100*float64(agree)/float64(all), all, 100*float64(outer)/float64(all))
	t.Log(misses)
	if float64(agree+outer) < 0.97*float64(all) || float64(agree) < 0.9*float64(all) {
		t.Error("too few")
	}
}

var urlPattern = regexp.MustCompile(`https?://[A-Za-z0-9.\-]+(:[0-9]+)?/[A-Za-z0-9._~/\-]*`)

// TestContainers: every URL that a container would fetch is found, whatever the layers around it, in as many requests.
func TestContainers(t *testing.T) {
	var facts struct {
		Creates int
		URLs    map[string]int `json:"urls_all_layers"`
	}
	b, err := os.ReadFile(shared(t, "docker", "ioc_facts.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &facts); err != nil {
		t.Fatal(err)
	}
	found, creates := map[string]int{}, 0
	known := map[string][]string{}
	for _, r := range dockerRequests(t) {
		if !strings.Contains(r.URL, "/containers/create") || r.Method != "POST" {
			continue
		}
		creates++
		key := string(r.Data)
		if _, ok := known[key]; !ok {
			tr := Decode(r.raw(), Options{})
			if tr.Truncated != "" {
				t.Errorf("truncated by %s", tr.Truncated)
			}
			known[key] = urlsOf(tr)
			if len(r.Data) > 0 && !strings.Contains(show(tr), "container from image") {
				t.Errorf("no container in %q\n%s", r.Data, show(tr))
			}
		}
		for _, u := range known[key] {
			found[u]++
		}
	}
	if creates != facts.Creates {
		t.Errorf("%d requests, want %d", creates, facts.Creates)
	}
	for u, n := range facts.URLs {
		if found[u] != n {
			t.Errorf("%s: in %d, want %d", u, found[u], n)
		}
	}
	for u, n := range found {
		if facts.URLs[u] == 0 {
			t.Logf("also %s: %d", u, n)
		}
	}
}

func urlsOf(tr *Tree) (list []string) {
	seen := map[string]bool{}
	for _, n := range tr.Nodes {
		for _, u := range urlPattern.FindAllString(string(n.Bytes), -1) {
			seen[u] = true
		}
	}
	for u := range seen {
		list = append(list, u)
	}
	sort.Strings(list)
	return list
}
