package ingest

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"terroir"
)

// TestTheFormatIsDetected writes each text plain and compressed, under a name that says nothing and under its own.
func TestTheFormatIsDetected(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.log", `{"ts":1}`, "jsonl"}, {"a.log", "\ufeff \r\n\t{", "jsonl"}, {"a.csv", "ts,src_ip\n", "csv"}, {"a.csv", "", "csv"},
		{"a.jsonl", "ts,src_ip\n", "jsonl"}, {"A.NDJSON", "", "jsonl"}, {"jsonl", "ts\n", "csv"},
		{"a.jsonl", "\xa1\xb2\xc3\xd4{", "pcap"}, {"a", "\x0a\x0d\x0d\x0a", "pcap"}, {"a.csv", "[{", "csv"},
	} {
		for ending, pack := range map[string]func(io.Writer) io.WriteCloser{
			"":     func(w io.Writer) io.WriteCloser { return nop{w} },
			".gz":  func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
			".zst": func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
		} {
			var b bytes.Buffer
			w := pack(&b)
			if _, err := io.WriteString(w, c.text); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), c.name+ending)
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			f, err := Open(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := Detect(file, f); got != c.want {
				t.Errorf("%s with %q is %s, want %s", c.name+ending, c.text, got, c.want)
			}
			text, err := io.ReadAll(f)
			if done, total := f.Progress(); err != nil || string(text) != c.text || done != total || total != int64(b.Len()) {
				t.Errorf("%s: %q (%v), %d of %d bytes", c.name+ending, text, err, done, total)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

type nop struct{ io.Writer }

// Close implements io.Closer.
func (nop) Close() error { return nil }

func TestWhatCannotBeOpened(t *testing.T) {
	for _, name := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, err := Open(name); terroir.ErrorCode(err) != terroir.ENOTFOUND {
			t.Errorf("%v", err)
		}
	}
}
