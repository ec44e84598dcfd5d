package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"terroir/payload"
)

// dockerSensor is the address of the honeypot that took the requests of shared/data/docker.
const dockerSensor = "142.93.53.4"

// dockerMapping reads what writeDocker writes.
const dockerMapping = `
columns: {ts: hour, src_ip: client.address, dst_port: "server[1]", payload: client.request}
formats: {payload: base64}
constants: {transport: tcp, kind: payload}
`

// dockerRequest is one line of the published log.
type dockerRequest struct {
	Hour    string      `json:"ts_hour"`
	Port    int         `json:"port"`
	Source  string      `json:"src"`
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`
	Body    []byte      `json:"data_b64"`
}

// raw is the request as it was on the wire. The log has an absolute URL for each: what was sent is its path and query; of a
// CONNECT, the host and port that it makes a path of.
func (r *dockerRequest) raw() ([]byte, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	_, target, _ := strings.Cut(strings.TrimPrefix(r.URL, u.Scheme+"://"), "/")
	if r.Method != "CONNECT" {
		target = "/" + target
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, target)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	return b.Bytes(), nil
}

// writeDocker makes JSON lines of raw requests from the published log.
func writeDocker(t *testing.T, log, out string) {
	t.Helper()
	in, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	lines := bufio.NewScanner(z)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var r dockerRequest
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		raw, err := r.raw()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, `{"hour":%q,"server":["docker",%d],"client":{"address":%q,"request":%q}}`+"\n", r.Hour, r.Port, r.Source, base64.StdEncoding.EncodeToString(raw))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(out, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// dockerFacts are the numbers that were computed from the log independently (facts.json).
type dockerFacts struct {
	Rows          int64            `json:"rows"`
	First         string           `json:"first"`
	Last          string           `json:"last"`
	ByPort        map[string]int64 `json:"by_port"`
	ByYear        map[string]int64 `json:"by_year"`
	Sources       int64            `json:"sources"`
	Methods       map[string]int64 `json:"methods"`
	Paths         int              `json:"distinct_paths"`
	TopPaths      map[string]int64 `json:"top_paths"`
	Normal        int              `json:"distinct_paths_normalised"`
	TopNormal     map[string]int64 `json:"top_paths_normalised"`
	Agents        int              `json:"distinct_ua"`
	TopAgents     map[string]int64 `json:"top_ua"`
	WithBody      int64            `json:"with_body"`
	Bodies        int              `json:"distinct_bodies"`
	LargestBody   int              `json:"body_bytes_max"`
	Creates       int64            `json:"create_requests"`
	CreateBodies  int              `json:"create_distinct_bodies"`
	CreateSources int              `json:"create_sources"`
	CreateNotJSON int64            `json:"create_body_not_json"`
	Images        map[string]int64 `json:"images"`
	Commands      int              `json:"distinct_cmds"`
	Binds         map[string]int64 `json:"binds"`
	June2022      struct {
		Rows, Sources int64
		WithBody      int64 `json:"with_body"`
	} `json:"june_2022"`
}

// TestRequestsToADockerHoneypot imports real requests through the command, with a mapping of paths, and finds in the
// payloads of the lake what was counted in the published log.
func TestRequestsToADockerHoneypot(t *testing.T) {
	var facts dockerFacts
	readJSON(t, sharedData(t, "docker", "facts.json"), &facts)
	dir := t.TempDir()
	writeDocker(t, sharedData(t, "docker", "docker_2021_2022.jsonl.gz"), filepath.Join(dir, "requests.jsonl"))
	if err := os.WriteFile(filepath.Join(dir, "mapping.yaml"), []byte(dockerMapping), 0o644); err != nil {
		t.Fatal(err)
	}
	a, said := imported(t, "--mapping", filepath.Join(dir, "mapping.yaml"), "--address", dockerSensor, "--sensor", "docker-1", "--region", "new-york",
		filepath.Join(dir, "requests.jsonl"))
	if strings.Contains(said, "skipped") {
		t.Errorf("the import said\n%s", said)
	}
	a.dockerEvents(&facts)
	a.dockerTemplates()
	a.dockerRequests(&facts)
}

func (a *answers) dockerEvents(facts *dockerFacts) {
	rows := a.sql("SELECT count(*), min(ts), max(ts), count(DISTINCT src_ip), min(dst_ip), max(dst_ip), count(payload_id) FROM events")[0]
	a.same("rows", rows, []any{facts.Rows, facts.First, facts.Last, facts.Sources, dockerSensor, dockerSensor, facts.Rows})
	a.same("ports", a.counts("SELECT dst_port, count(*) FROM events GROUP BY 1"), facts.ByPort)
	a.same("years", a.counts("SELECT year(ts), count(*) FROM events GROUP BY 1"), facts.ByYear)
	for name, n := range a.counts("SELECT coalesce(app_proto, ''), count(*) FROM events GROUP BY 1") {
		if name != "http" && name != "docker" && name != "http-proxy" {
			a.t.Errorf("%d requests are called %q", n, name)
		}
	}
	june := "FROM events JOIN payloads p USING (payload_id) WHERE ts >= TIMESTAMP '2022-06-01' AND ts < TIMESTAMP '2022-07-01'"
	a.same("June 2022", a.sql("SELECT count(*), count(DISTINCT src_ip) %s", june)[0], []int64{facts.June2022.Rows, facts.June2022.Sources})
	a.same("June 2022, with a body", a.one("SELECT count(*) %s AND to_hex(p.bytes) NOT LIKE '%%0D0A0D0A'", june), facts.June2022.WithBody)
}

// dockerTemplates: the address that the command was told is known to the analysis, and masked wherever it stands.
func (a *answers) dockerTemplates() {
	self := payload.Self{Addrs: []netip.Addr{netip.MustParseAddr(dockerSensor)}}
	templates := map[string]bool{}
	for _, row := range a.sql("SELECT to_hex(bytes) FROM payloads") {
		raw, err := hex.DecodeString(row[0].(string))
		if err != nil {
			a.t.Fatal(err)
		}
		text := payload.Template(raw, self)
		templates[string(text)] = true
		if bytes.Contains(text, []byte(dockerSensor)) {
			a.t.Errorf("the sensor's address stands in a template: %.200q", text)
		}
	}
	a.same("templates", a.one("SELECT count(DISTINCT template_id) FROM payload_facts"), len(templates))
}

var (
	dockerVersion = regexp.MustCompile(`^/v\d[\d.]*`)
	dockerAgent   = regexp.MustCompile(`(?im)^user-agent: (.*?)\r$`)
)

// dockerSeen counts what stands in requests.
type dockerSeen struct {
	methods, paths, normal, agents, bodies, images, binds map[string]int64
	createBodies, createSources, commands                 map[string]bool
	withBody, creates, notJSON                            int64
	largest                                               int
}

func (a *answers) dockerRequests(facts *dockerFacts) {
	m := func() map[string]int64 { return map[string]int64{} }
	s := &dockerSeen{methods: m(), paths: m(), normal: m(), agents: m(), bodies: m(), images: m(), binds: m(),
		createBodies: map[string]bool{}, createSources: map[string]bool{}, commands: map[string]bool{}}
	for _, row := range a.sql("SELECT src_ip, to_hex(p.bytes), count(*) FROM events JOIN payloads p USING (payload_id) GROUP BY 1, 2") {
		raw, err := hex.DecodeString(row[1].(string))
		if err != nil {
			a.t.Fatal(err)
		}
		s.add(row[0].(string), raw, row[2].(int64))
	}
	a.same("methods", s.methods, facts.Methods)
	a.same("user agents, paths, bodies", []int{len(s.agents), len(s.paths), len(s.normal), len(s.bodies), s.largest},
		[]int{facts.Agents, facts.Paths, facts.Normal, facts.Bodies, facts.LargestBody})
	for what, lists := range map[string][2]map[string]int64{"user agent": {s.agents, facts.TopAgents}, "path": {s.paths, facts.TopPaths}, "normal path": {s.normal, facts.TopNormal}} {
		for key, n := range lists[1] {
			a.same(what+" "+key, lists[0][key], n)
		}
	}
	a.same("requests with a body, and creations", []int64{s.withBody, s.creates, s.notJSON}, []int64{facts.WithBody, facts.Creates, facts.CreateNotJSON})
	a.same("bodies, sources, commands of creations", []int{len(s.createBodies), len(s.createSources), len(s.commands)},
		[]int{facts.CreateBodies, facts.CreateSources, facts.Commands})
	a.same("images", s.images, facts.Images)
	a.same("binds", s.binds, facts.Binds)
}

// add counts a request that a source sent n times.
func (s *dockerSeen) add(source string, raw []byte, n int64) {
	head, body, _ := strings.Cut(string(raw), "\r\n\r\n")
	first, headers, _ := strings.Cut(head, "\r\n")
	method, target, _ := strings.Cut(strings.TrimSuffix(first, " HTTP/1.1"), " ")
	if method == "CONNECT" {
		target = "/" + target
	}
	s.methods[method] += n
	s.paths[cmp.Or(target, "/")] += n
	path, _, _ := strings.Cut(target, "?")
	s.normal[dockerVersion.ReplaceAllString(path, "/v")] += n
	agent := ""
	if m := dockerAgent.FindStringSubmatch(headers + "\r"); m != nil {
		agent = m[1]
	}
	s.agents[agent] += n
	if body == "" {
		return
	}
	s.withBody += n
	s.bodies[body] += n
	s.largest = max(s.largest, len(body))
	if !strings.Contains(path, "/containers/create") {
		return
	}
	s.creates += n
	s.createBodies[body], s.createSources[source] = true, true
	var c struct {
		Image      string
		Cmd        any
		HostConfig struct{ Binds []string }
	}
	if json.Unmarshal([]byte(body), &c) != nil {
		s.notJSON += n
		return
	}
	s.images[c.Image] += n
	command, _ := json.Marshal(c.Cmd)
	s.commands[string(command)] = true
	for _, b := range c.HostConfig.Binds {
		s.binds[b] += n
	}
}
