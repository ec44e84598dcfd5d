package csvfile

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/mapping"
)

// realTable is the beginning of the published table of 2013; "" where it is not at hand.
func realTable(f *testing.F) string {
	f.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "marx", "marx-2013-03-to-06.csv.gz"))
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
	var text strings.Builder
	for lines := bufio.NewScanner(z); text.Len() < 4<<10 && lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
	}
	return text.String()
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
	}
	return ""
}

// balance compares a report with what came of it and, where the whole table was read, with how many rows that has.
func balance(t *testing.T, text string, got list, rejected int, rep ingest.Report, err error) {
	t.Helper()
	var skipped int64
	for _, n := range rep.Skipped {
		skipped += n
	}
	if int64(len(got)) != rep.Events || skipped != int64(rejected) {
		t.Fatalf("%d events, %d in the report; %d skipped, %d rejected", len(got), rep.Events, skipped, rejected)
	}
	for _, r := range got {
		if why := sound(r); why != "" {
			t.Errorf("%s: %+v", why, r.Event)
		}
	}
	if err != nil {
		if terroir.ErrorCode(err) != terroir.EINVALID {
			t.Errorf("%T %v", err, err)
		}
		return
	}
	rows := csv.NewReader(strings.NewReader(text))
	rows.FieldsPerRecord, rows.LazyQuotes = -1, true
	if all, err := rows.ReadAll(); err != nil || rep.Events+skipped != int64(len(all)-1) {
		t.Errorf("of %d lines %d rows were read and %d skipped: %v", len(all), rep.Events, skipped, err)
	}
}

// FuzzRead reads any table with a mapping that is used: sound events, and every row is either one or rejected.
func FuzzRead(f *testing.F) {
	f.Add(header + "2022-06-14 10:00:00,paris,198.51.100.7,22,tcp,closed,,\n")
	f.Add(header + "\"2022-06-14 10:00:00\",a\"b,::1,1,udp,payload,00,2\n\"")
	f.Add(header + "2022-06-14 10:00:00,paris,fe80::1%eth0,22,tcp,closed,,\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, rep, rejected, err := read(t, text)
		balance(t, text, got, len(rejected), rep, err)
	})
}

// FuzzMapping reads any table with any mapping: what is wrong with the mapping is said on one line, what is read is sound.
func FuzzMapping(f *testing.F) {
	f.Add(columns, header+"2022-06-14 10:00:00,paris,198.51.100.7,22,tcp,closed,,\n")
	f.Add("columns: {ts: a, src_ip: b, transport: c}\nformats: {ts: unix}\n", "a,b,c\n1e9,::1,udp\n")
	f.Add("columns: {ts: a, src_ip: b, transport: c}\nformats: {ts: unix_ms, src_ip: uint32, payload: text}\nconstants: {payload: x, dst_port: '1'}", "a,b,c\n1000000000000,1,udp\n")
	if real := realTable(f); real != "" {
		text, err := os.ReadFile(filepath.Join("..", "..", "bench", "marx.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), real)
	}
	f.Fuzz(func(t *testing.T, how, text string) {
		m, err := mapping.Parse("m.yaml", []byte(how))
		if err != nil {
			if terroir.ErrorCode(err) != terroir.ECONFIG || strings.Contains(err.Error(), "\n") {
				t.Errorf("%T %q", err, err)
			}
			return
		}
		var got list
		rejected := 0
		rep, err := Read(context.Background(), ingest.Source{Name: "t.csv", Reader: strings.NewReader(text), Sensor: "s", Region: "r"},
			Options{Mapping: m, Reject: func(int, []string, error) error {
				rejected++
				return nil
			}}, &got)
		balance(t, text, got, rejected, rep, err)
	})
}
