package pcapfile

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"terroir"
	"terroir/ingest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shared is where the captures stand, beside the repository.
var shared = filepath.Join("..", "..", "..", "shared", "data")

func captureFiles(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, dir := range []string{"ja4", "pcap"} {
		err := filepath.WalkDir(filepath.Join(shared, dir), func(path string, d fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err == nil && (ext == ".pcap" || ext == ".pcapng") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestCaptures reads every capture at hand and compares what is found with the golden summary, which was checked
// against tcpdump by hand.
func TestCaptures(t *testing.T) {
	var summary strings.Builder
	for _, path := range captureFiles(t) {
		name, err := filepath.Rel(shared, path)
		if err != nil {
			t.Fatal(err)
		}
		name = filepath.ToSlash(name)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var sink memory
		report, err := Read(context.Background(), ingest.Source{Name: name, Reader: bytes.NewReader(content)}, Options{}, &sink)
		// None of them is cut, and a client speaks in each.
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if report.Events == 0 {
			t.Errorf("%s: no events, skipped %v", name, report.Skipped)
		}
		if report.Events != int64(len(sink.records)) {
			t.Errorf("%s: report has %d events, sink %d", name, report.Events, len(sink.records))
		}
		fmt.Fprintf(&summary, "%s\t%s\t%s\n", name, counts(sink.kinds()), counts(report.Skipped))
	}
	golden := filepath.Join("testdata", "captures.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(summary.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	compareLines(t, summary.String(), string(want))
}

func compareLines(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		t.Errorf("%d lines, want %d", len(g), len(w))
	}
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Errorf("got  %s\nwant %s", g[i], w[i])
		}
	}
}

func counts(m map[string]int64) string {
	if len(m) == 0 {
		return "-"
	}
	var parts []string
	for _, k := range ingest.Keys(m) {
		parts = append(parts, fmt.Sprintf("%s=%d", k, m[k]))
	}
	return strings.Join(parts, " ")
}

// memory is a sink that keeps what it gets.
type memory struct{ records []terroir.Record }

func (m *memory) Put(_ context.Context, r terroir.Record) error {
	m.records = append(m.records, r)
	return nil
}

func (m *memory) kinds() map[string]int64 {
	kinds := map[string]int64{}
	for _, r := range m.records {
		kinds[r.Event.Kind.String()+"/"+r.Event.Transport.String()]++
	}
	return kinds
}
