package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// namespace is what gives a script mounts of its own; "" and a reason where the system forbids it.
func namespace(t *testing.T) []string {
	t.Helper()
	needs(t, "unshare")
	program := []string{"unshare", "--mount", "--map-root-user"}
	if out, err := exec.Command(program[0], append(program[1:], "true")...).CombinedOutput(); err != nil {
		if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
			t.Fatalf("no mount namespace: %s", out)
		}
		t.Skipf("this system gives no mount namespace: %s", out)
	}
	return program
}

// TestAFullDisk fills the disk while an import runs, and while a hub commits: one clear line, exit code 6, and what was
// stored before stays and goes on once there is room.
func TestAFullDisk(t *testing.T) {
	run := namespace(t)
	dir := t.TempDir()
	var rows strings.Builder
	rows.WriteString("ts,transport,src_ip,dst_port,kind,payload\n")
	for i := range 60000 {
		fmt.Fprintf(&rows, "2022-06-14T10:00:00Z,tcp,10.%d.%d.%d,%d,payload,%s\n", i>>16&255, i>>8&255, i&255, i%65536, strings.Repeat(fmt.Sprintf("%04x", i%65536), 8))
	}
	table := rows.String()
	small := table[:strings.Index(table, "2022-06-14T10:00:00Z,tcp,10.0.3.")]
	for name, text := range map[string]string{"small.csv": small, "large.csv": table} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, code := shell(t, run, `
		cd "$HOME_DIR"; mkdir disk; mount -t tmpfs -o size=20m tmpfs disk
		terroir import --dir disk --sensor a --region r small.csv 2>/dev/null
		terroir sql --dir disk -o csv 'SELECT count(*) AS n FROM events'
		head -c $(($(df --output=avail -B1 disk | tail -1) - 700000)) /dev/zero >disk/ballast
		set +e
		terroir import --dir disk --sensor a --region r large.csv 2>error.txt; echo "code $?"
		grep -c '^terroir: ' error.txt; grep '^terroir: ' error.txt
		terroir sql --dir disk -o csv 'SELECT count(*) >= 768 AS kept, count(*) = count(DISTINCT event_id) AS once FROM events'
		mount -o remount,size=64m disk; rm disk/ballast
		terroir import --dir disk --sensor a --region r large.csv 2>/dev/null; echo "code $?"
		terroir sql --dir disk -o csv 'SELECT count(*) AS n FROM events'`, "HOME_DIR="+dir)
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	for _, want := range []string{"n\n768\n", "code 6\n1\nterroir: ", "disk full: the batch was not committed", "kept,once\ntrue,true", "code 0\nn\n60768"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in what the commands said:\n%s", want, out)
		}
	}
}

// TestPyiceberg reads the tables of the demo with another implementation of Iceberg.
func TestPyiceberg(t *testing.T) {
	python := os.Getenv("TERROIR_TEST_PYTHON")
	if python == "" {
		if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
			t.Fatal("TERROIR_TEST_PYTHON is not set")
		}
		t.Skip("TERROIR_TEST_PYTHON names no Python with pyiceberg; .ci/run installs one")
	}
	dir := t.TempDir()
	out, code := shell(t, []string{"env"}, `
		cd "$HOME_DIR"
		terroir demo --once --dir d >report.md 2>/dev/null
		for t in events payloads payload_facts served_ports; do terroir sql --dir d -o csv "SELECT count(*) FROM $t" | tail -1; done
		terroir sql --dir d -o csv "SELECT count(*) FROM events WHERE dst_port = 6379 AND kind = 'payload'" | tail -1
		"$TERROIR_TEST_PYTHON" "$SCRIPT" d/lake`, "HOME_DIR="+dir, "SCRIPT="+absolute(t, "testdata/count.py"))
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	lines := strings.Fields(out)
	if len(lines) != 10 || strings.Join(lines[:5], " ") != strings.Join(lines[5:], " ") || lines[0] == "0" {
		t.Errorf("terroir and pyiceberg count differently:\n%s", out)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
