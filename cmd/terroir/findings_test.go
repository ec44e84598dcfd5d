package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dockerIndicators are the URLs that the requests' commands lead to, counted independently in all layers (ioc_facts.json).
type dockerIndicators struct {
	Creates int64
	URLs    map[string]int64 `json:"urls_all_layers"`
	Hosts   []string         `json:"hosts_all_layers"`
}

// TestFindings: what an analyst is shown of real requests, after an import with the command, is what stands in them.
func TestFindings(t *testing.T) {
	var facts dockerFacts
	readJSON(t, sharedData(t, "docker", "facts.json"), &facts)
	var indicators dockerIndicators
	readJSON(t, sharedData(t, "docker", "ioc_facts.json"), &indicators)
	dir := t.TempDir()
	writeDocker(t, sharedData(t, "docker", "docker_2021_2022.jsonl.gz"), filepath.Join(dir, "requests.jsonl"))
	if err := os.WriteFile(filepath.Join(dir, "mapping.yaml"), []byte(dockerMapping), 0o644); err != nil {
		t.Fatal(err)
	}
	a, _ := imported(t, "--mapping", filepath.Join(dir, "mapping.yaml"), "--address", dockerSensor, "--sensor", "docker-1", "--region", "new-york",
		filepath.Join(dir, "requests.jsonl"))
	a.dockerContainers(&facts)
	a.dockerURLs(&indicators)
	a.dockerSecret()
	a.dockerFamilies()
}

// dockerContainers: image, mounts and command of containers, as they were decoded.
func (a *answers) dockerContainers(facts *dockerFacts) {
	const creates = "FROM events JOIN payload_facts USING (payload_id) WHERE label = 'POST /containers/create'"
	a.same("creations", a.one("SELECT count(*) "+creates), facts.Creates)
	a.same("sources of creations", a.one("SELECT count(DISTINCT src_ip) "+creates), facts.CreateSources)
	a.same("images", a.counts("SELECT value, count(*) FROM events JOIN indicators i USING (payload_id) WHERE i.type = 'image' GROUP BY 1"), facts.Images)
	binds, commands, without := map[string]int64{}, map[string]bool{}, 0
	for _, row := range a.sql("SELECT steps, count(*) " + creates + " GROUP BY 1") {
		var steps []struct{ Kind, Note, Text string }
		if err := json.Unmarshal([]byte(row[0].(string)), &steps); err != nil || steps[0].Kind != "docker" {
			a.t.Fatalf("no container: %v\n%.300s", err, row[0])
		}
		image := ""
		for _, note := range strings.Split(steps[0].Note, "; ") {
			if mounts, ok := strings.CutPrefix(note, "mounts "); ok {
				for _, b := range strings.Split(mounts, ", ") {
					binds[b] += row[1].(int64)
				}
			}
			if of, ok := strings.CutPrefix(note, "container from image "); ok {
				image = of
			}
		}
		if steps[0].Text == image {
			without = 1 // No command is one of the values that were counted.
		} else {
			commands[steps[0].Text] = true
		}
	}
	a.same("binds", binds, facts.Binds)
	a.same("commands", len(commands)+without, facts.Commands)
}

// dockerURLs: each URL comes in as many requests as it stands in, whatever hides it.
func (a *answers) dockerURLs(indicators *dockerIndicators) {
	got := a.counts("SELECT i.value, count(DISTINCT e.event_id) FROM events e JOIN payload_facts f USING (payload_id) JOIN indicators i USING (payload_id) " +
		"WHERE i.type = 'url' AND f.label = 'POST /containers/create' GROUP BY 1")
	a.same("URLs", got, indicators.URLs)
	hosts := a.counts("SELECT i.value, count(*) FROM payload_facts f JOIN indicators i USING (payload_id) " +
		"WHERE i.type IN ('ipv4', 'domain') AND i.role IN ('dropper', 'stage2') AND f.label = 'POST /containers/create' GROUP BY 1")
	for _, h := range indicators.Hosts {
		if hosts[h] == 0 {
			a.t.Errorf("%s is no indicator of a dropper", h)
		}
	}
}

// dockerSecret: the sensor's address is in nothing that the analysis made.
func (a *answers) dockerSecret() {
	a.same("templates with the sensor's address",
		a.one("SELECT count(*) FROM templates WHERE strpos(to_hex(text), '%X') > 0 OR strpos(coalesce(to_hex(cargo), ''), '%[1]X') > 0", dockerSensor), 0)
	a.same("templates with the slot for it", a.one("SELECT count(*) > 0 FROM templates WHERE strpos(to_hex(text), '%X') > 0", "<HONEYPOT IP>"), true)
	a.same("indicators with the sensor's address", a.one("SELECT count(*) FROM indicators WHERE strpos(value, '%s') > 0", dockerSensor), 0)
	for proto, n := range a.counts("SELECT coalesce(app_proto, ''), count(*) FROM payload_facts GROUP BY 1") {
		if !slices.Contains([]string{"docker", "http", "http-proxy"}, proto) {
			a.t.Errorf("%d payloads are called %q", n, proto)
		}
	}
}

var dockerHost = regexp.MustCompile(`http://([^/]+)/\w+(?:/s)?/cronb\.sh`)

// dockerFamilies: one campaign is one family, through a year and a half of hosts and of ways to hide them.
func (a *answers) dockerFamilies() {
	families := map[string]bool{}
	for _, row := range a.sql("SELECT family_id FROM families g JOIN payload_facts f USING (template_id) JOIN indicators i USING (payload_id) " +
		"WHERE i.type = 'url' AND i.value LIKE '%%/cronb.sh' AND g.generation = (SELECT max(x.generation) FROM families x WHERE x.template_id = g.template_id)") {
		families[row[0].(string)] = true
	}
	if len(families) != 1 {
		a.t.Fatalf("what fetches cronb.sh is %d families: %v", len(families), families)
	}
	rows, with, campaign := 0, 0, ""
	for id := range families {
		campaign = id
	}
	a.view("findings", map[string]string{"carrying": "anything", "limit": "10000"}, func(row map[string]any) {
		rows++
		if row["cargo"] != "" {
			with++
		}
		if row["family_id"] == campaign {
			a.same("the campaign's events and payloads", []any{row["payload_events"], row["distinct_payloads"]}, []int{2875, 61})
		}
	})
	if templates := a.one("SELECT count(*) FROM templates").(int64); int64(rows)*2 >= templates || with < 8 || with > 20 {
		a.t.Errorf("%d families, %d with a command, of %d templates", rows, with, templates)
	}
	a.dockerRare(campaign)
	a.dockerSlots(campaign)
}

// dockerRare: of what carries a command the rare comes before the campaign that everybody met.
func (a *answers) dockerRare(campaign string) {
	var ids []string
	var sources []int64
	a.view("rare-payloads", map[string]string{"port": "2375", "of": "family", "carrying": "something", "limit": "1000"}, func(row map[string]any) {
		ids, sources = append(ids, row["template_id"].(string)), append(sources, row["sources"].(int64))
	})
	if n := len(ids); n < 8 || n > 40 || ids[n-1] != campaign || slices.Max(sources[:n-1]) > 20 {
		a.t.Errorf("%d rows, sources %v, not with the campaign at the end", n, sources)
	}
}

// dockerSlots: the hosts that stand in plain text are values of the family's slots.
func (a *answers) dockerSlots(id string) {
	f, err := a.family(context.Background(), id)
	if err != nil {
		a.t.Fatal(err)
	}
	got := map[string]bool{}
	text, _ := json.Marshal(f)
	for _, m := range dockerHost.FindAllSubmatch(text, -1) {
		got[string(m[1])] = true
	}
	for _, host := range []string{"107.189.3.150", "199.19.226.117", "205.185.118.246", "dk.zzhreceive.top", "oracle.zzhreceive.top"} {
		if !got[host] {
			a.t.Errorf("%s is the value of no slot of the family: %v", host, got)
		}
	}
}
