package main

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryCapture imports every capture that stands beside the repository, each as a user does. None may end the
// program; each says what it found and what it left out.
func TestEveryCapture(t *testing.T) {
	var files []string
	for _, dir := range []string{"pcap", "ja4"} {
		root := absolute(t, filepath.Join("..", "..", "..", "shared", "data", dir))
		if err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); ext == ".pcap" || ext == ".pcapng" || ext == ".cap" {
				files = append(files, path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 50 {
		t.Fatalf("only %d captures", len(files))
	}
	out, code := shell(t, []string{"env"}, `
		cd "$HOME_DIR"; set +e
		terroir import --dir d --sensor lab --region lab `+"'"+strings.Join(files, "' '")+"'"+`; echo "code $?"
		terroir sql --dir d -o csv 'SELECT count(*) AS events, count(DISTINCT app_proto) AS protocols FROM events'`, "HOME_DIR="+t.TempDir())
	if code != 0 || strings.Contains(out, "panic") || strings.Contains(out, "goroutine") {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	read := regexp.MustCompile(`(?m)^\S+: \d+ events`).FindAllString(out, -1)
	if len(read) != len(files) {
		t.Errorf("%d of %d captures have a summary", len(read), len(files))
	}
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "terroir: ") && !regexp.MustCompile(`cut short|not a capture|link type`).MatchString(line) {
			t.Errorf("unexpected: %s", line)
		}
	}
	t.Logf("%d captures\n%s", len(files), out)
}
