package log4j

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// eachLine calls use for the lines of a file of shared/data, which may be compressed.
func eachLine(t testing.TB, use func([]byte) error, path ...string) {
	t.Helper()
	f, err := os.Open(filepath.Join(append([]string{data}, path...)...))
	if os.IsNotExist(err) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(f.Name(), ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if err := use(lines.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestRealRequestsHoldWhatTheySay: of tens of thousands of real requests those have a lookup that name it, and no other; the
// scripts of some, full of "${", have none.
func TestRealRequestsHoldWhatTheySay(t *testing.T) {
	requests, fires, attempts := 0, 0, 0
	check := func(b []byte) {
		requests++
		found := find(t, string(b))
		if named := bytes.Contains(bytes.ToLower(b), []byte("${jndi:")); named != (len(found) == 1) {
			t.Errorf("%d lookups in %.300q", len(found), b)
		}
		for _, l := range found {
			if l.Fires {
				fires++
			} else {
				attempts++
			}
			if l.Scheme != "ldap" || l.Host == "" || l.Malformed {
				t.Errorf("%+v", l)
			}
		}
	}
	eachLine(t, func(line []byte) error {
		var r struct{ B []byte }
		err := json.Unmarshal(line, &r)
		check(r.B)
		return err
	}, "react2shell", "payloads.jsonl")
	eachLine(t, func(line []byte) error {
		var r struct {
			Method, URL string
			Headers     [][2]string
			Data        []byte `json:"data_b64"`
		}
		err := json.Unmarshal(line, &r)
		b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\n", r.Method, r.URL)
		for _, h := range r.Headers {
			b = fmt.Appendf(b, "%s: %s\r\n", h[0], h[1])
		}
		check(append(append(b, "\r\n"...), r.Data...))
		return err
	}, "docker", "docker_2021_2022.jsonl.gz")
	if fires != 1 || attempts != 1 { // The second lost its brace.
		t.Errorf("of %d requests %d fire, %d are attempts", requests, fires, attempts)
	}
}
