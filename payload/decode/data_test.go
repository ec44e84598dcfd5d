package decode

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shared is the folder of real data; tests that need it are skipped where it is not at hand.
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

// eachLine calls use for each line of a file, which may be compressed.
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

// request is one of the Docker honeypot's.
type request struct {
	Method, URL string
	Headers     [][2]string
	Data        []byte `json:"data_b64"`
}

// raw puts it together as it was sent, the target in the form of an origin server.
func (r request) raw() []byte {
	target := r.URL
	if u, err := url.Parse(r.URL); err == nil {
		target = u.RequestURI()
	}
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\n", r.Method, target)
	for _, h := range r.Headers {
		b = fmt.Appendf(b, "%s: %s\r\n", h[0], h[1])
	}
	return append(append(b, "\r\n"...), r.Data...)
}

func dockerRequests(t testing.TB) (list []request) {
	t.Helper()
	eachLine(t, shared(t, "docker", "docker_2021_2022.jsonl.gz"), func(line []byte) {
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	})
	return list
}

// exploit is a body of React2Shell with its label, "wrapper:first word of the command".
type exploit struct {
	Body  []byte `json:"b"`
	Label string `json:"l"`
}

func exploits(t testing.TB) (list []exploit) {
	t.Helper()
	eachLine(t, shared(t, "react2shell", "payloads.jsonl"), func(line []byte) {
		var e exploit
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	})
	return list
}

// studyPayloads are those of the study, with the blanks that its observer had taken away where decoding needs them.
func studyPayloads(t testing.TB) (list [][]byte) {
	t.Helper()
	eachLine(t, shared(t, "seed", "payloads.jsonl"), func(line []byte) {
		var p struct{ Rendered string }
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		b := strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\t`, "\t", "GET/?", "GET /?", "GET/HTTP", "GET / HTTP", ")HTTP/1.1", ") HTTP/1.1", "id=HTTP", "id= HTTP",
			`configsetdbfilename"`, `config set dbfilename "`).Replace(p.Rendered)
		out, _ := hexEscapes([]byte(b))
		list = append(list, bytes.Clone(out))
	})
	return list
}

// show prints a tree, for a test that failed.
func show(tr *Tree) string {
	var b strings.Builder
	for _, s := range tr.Steps() {
		fmt.Fprintf(&b, "%d from %d at %d+%d %s runs=%v part=%v [%s] %.300s\n", s.Number, s.From, s.Offset, s.Length, s.Kind, tr.Nodes[s.Number].Runs, tr.Nodes[s.Number].Part, s.Note, s.Text)
	}
	return b.String() + tr.Truncated
}
