package jsonlfile

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/mapping"
)

// realLines are the beginning of the labelled week beside the repository; "" where it is not at hand.
func realLines(f *testing.F) string {
	f.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "synth", "events.jsonl.gz"))
	if os.IsNotExist(err) {
		return ""
	}
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		f.Fatal(err)
	}
	text, err := io.ReadAll(io.LimitReader(z, 4<<10))
	if err != nil {
		f.Fatal(err)
	}
	return string(text)
}

// sound says what is wrong with an event that was read.
func sound(r terroir.Record) string {
	e := r.Event
	switch {
	case terroir.ValidateName("sensor", e.Sensor) != nil || terroir.ValidateName("region", e.Region) != nil:
		return "names"
	case e.Attempts < 1 || e.Duration < 0 || e.Revision < 0 || e.SourceBytes < int64(len(r.Payload)):
		return "numbers"
	case !e.Source.Addr().IsValid() || e.Source.Addr().Is4In6() || e.Source.Addr().Zone() != "":
		return "source"
	case e.Time.Year() < 1969 || e.Time.Year() > 2201 || e.Kind == 0 || e.Transport == 0:
		return "time or kind"
	case !utf8.ValidString(e.Tool + e.TLS.SNI + e.TLS.JA4 + e.TCPSignature):
		return "texts"
	}
	return ""
}

// FuzzRead reads any lines with any mapping. What is wrong with the mapping is said on one line; every line that is not blank
// is one sound event, a duplicate or a reject that has the line's own text; the same text gives the same.
func FuzzRead(f *testing.F) {
	paths := "columns: {ts: t, src_ip: [a.b, 'c[1]'], transport: p, sensor: x.y, event_id: 'c[0].id'}\nformats: {ts: unix, payload: text}\nconstants: {dst_port: '1', payload: x}"
	f.Add("", good+"\n"+good)
	f.Add("", realLines(f))
	f.Add(paths, `{"t":1e9,"a":{"b":"::1"},"p":"udp","c":[{"id":1},2]}`+"\n"+`{"t":1e9,"c":[[],"1.1.1.1"],"p":"TCP","x.y":"s"}`)
	f.Add(paths, "\ufeff{\"t\":\"1\",\"a.b\":\"1.1.1.1\",\"p\":\"icmp\",\"\\u0061\":{}} \r\n\n{\"a\":[[[{\xff")
	f.Fuzz(func(t *testing.T, how, text string) {
		var m *mapping.Mapping
		if how != "" {
			var err error
			if m, err = mapping.Parse("m.yaml", []byte(how)); err != nil {
				if terroir.ErrorCode(err) != terroir.ECONFIG || strings.Contains(err.Error(), "\n") {
					t.Errorf("%T %q", err, err)
				}
				return
			}
		}
		got, rejected, rep, err := run(m, text)
		if terroir.ErrorCode(err) == terroir.ECONFIG {
			return // A path that is none.
		}
		if err != nil && (terroir.ErrorCode(err) != terroir.EINVALID || rep.Events > 0) {
			t.Fatalf("%T %v", err, err)
		}
		balance(t, text, got, rejected, rep)
		if again, _, _, _ := run(m, text); len(again) != len(got) {
			t.Errorf("%d events, then %d", len(got), len(again))
		}
	})
}

func run(m *mapping.Mapping, text string) (got list, rejected []string, rep ingest.Report, err error) {
	rep, err = Read(context.Background(), ingest.Source{Name: "t.jsonl", Reader: strings.NewReader(text), Sensor: "s", Region: "r"},
		Options{Mapping: m, Reject: func(_ int, text []byte, _ error) error {
			rejected = append(rejected, string(text))
			return nil
		}}, &got)
	return got, rejected, rep, err
}

// balance compares what came of a text with its lines.
func balance(t *testing.T, text string, got list, rejected []string, rep ingest.Report) {
	t.Helper()
	var skipped, filled int64
	for _, n := range rep.Skipped {
		skipped += n
	}
	for i, line := range bytes.Split([]byte(text), []byte("\n")) {
		if i == 0 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if len(bytes.TrimSpace(line)) > 0 {
			filled++
		}
	}
	if rep.Events != int64(len(got)) || rep.Events+skipped != filled || skipped-rep.Skipped["duplicate"] != int64(len(rejected)) {
		t.Fatalf("of %d lines %d events (%d in the report), %d skipped, %d rejected", filled, len(got), rep.Events, skipped, len(rejected))
	}
	for _, line := range rejected {
		if !strings.Contains(text, line) {
			t.Errorf("the reject %q is no line", line)
		}
	}
	for _, r := range got {
		if why := sound(r); why != "" {
			t.Errorf("%s: %+v", why, r.Event)
		}
	}
}

// FuzzLines cuts any text into lines, whatever the bound and the size of the reads: as splitting does, but for lines that are
// longer than the bound.
func FuzzLines(f *testing.F) {
	f.Add("a\nbc\n\nd", 2, 1)
	f.Add(strings.Repeat("x", 3000)+"\ny\n", 2000, 700)
	f.Fuzz(func(t *testing.T, text string, bound, piece int) {
		bound, piece = max(bound&0xffff, 1), max(piece&0xffff, 1)
		want := strings.Split(text, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		l := newLines(&pieces{strings.NewReader(text), piece}, bound)
		for i, w := range want {
			line, whole, err := l.next()
			if !whole && len(w) > bound {
				w = w[:min(len(w), len(line))]
				whole = len(line) > 0 || bound == 0
			}
			if err != nil || !whole || string(line) != w || l.number != i+1 || cap(l.buf) > 4*bound+1<<20 {
				t.Fatalf("line %d: %q %t %v, want %q", i+1, line, whole, err, w)
			}
		}
		if line, _, err := l.next(); err != io.EOF {
			t.Fatalf("%q %v at the end", line, err)
		}
	})
}

// pieces gives at most n bytes a read.
type pieces struct {
	r io.Reader
	n int
}

// Read implements io.Reader.
func (p *pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }
