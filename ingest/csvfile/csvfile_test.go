package csvfile

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/mapping"
)

// list is a sink that keeps what it is given.
type list []terroir.Record

// Put implements ingest.Sink.
func (l *list) Put(_ context.Context, r terroir.Record) error {
	*l = append(*l, r)
	return nil
}

const columns = `
columns: {ts: when, sensor: host, src_ip: from, dst_port: port, payload: data, kind: what, transport: proto, attempts: n}
formats: {ts: "2006-01-02 15:04:05", payload: hex}
values: {kind: {closed: unserved}}
regions: {paris: eu-west-3}
`

func read(t *testing.T, text string) (list, ingest.Report, []string, error) {
	t.Helper()
	m, err := mapping.Parse("map.yaml", []byte(columns))
	if err != nil {
		t.Fatal(err)
	}
	var got list
	var rejected []string
	rep, err := Read(context.Background(), ingest.Source{Name: "t.csv", Reader: strings.NewReader(text), Sensor: "s", Region: "r"},
		Options{Mapping: m, Reject: func(line int, _ []string, why error) error {
			rejected = append(rejected, fmt.Sprintf("%d: %v", line, why))
			return nil
		}}, &got)
	return got, rep, rejected, err
}

const header = "when,host,from,port,proto,what,data,n\n"

func TestRowsBecomeEvents(t *testing.T) {
	got, _, rejected, err := read(t, header+
		"2022-06-14 10:00:00,paris,198.51.100.7,22.0,TCP,closed,,\n"+
		"2022-06-14 10:00:01,,::ffff:198.51.100.8,6379,tcp,,50494e47,3\n"+
		"2022-06-14 10:00:02,\"\",2001:DB8::1,53,udp,payload,00,\n")
	if err != nil || len(rejected) > 0 || len(got) != 3 {
		t.Fatalf("%d records, rejected %v, %v", len(got), rejected, err)
	}
	a, b, c := got[0].Event, got[1].Event, got[2].Event
	if a.Sensor != "paris" || a.Region != "eu-west-3" || a.Kind != terroir.KindUnserved || a.Destination.Port() != 22 || a.Attempts != 1 ||
		!a.Time.Equal(time.Date(2022, 6, 14, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("first: %+v", a)
	}
	if b.Sensor != "s" || b.Region != "r" || b.Kind != terroir.KindPayload || b.Source.Addr().String() != "198.51.100.8" || b.Attempts != 3 ||
		string(got[1].Payload) != "PING" || b.SourceBytes != 4 {
		t.Errorf("second: %+v", b)
	}
	if c.Source.Addr().String() != "2001:db8::1" || c.Transport != terroir.UDP {
		t.Errorf("third: %+v", c)
	}
}

func TestRowsThatCannotBeReadAreKept(t *testing.T) {
	good := "2022-06-14 10:00:00,paris,198.51.100.7,22,tcp,closed,,\n"
	for row, want := range map[string]string{
		"a,b": "3: 2 columns, want at least 8",
		"yesterday,paris,198.51.100.7,22,tcp,closed,,":                "3: parsing time",
		"2022-06-14 10:00:00,pa ris,198.51.100.7,22,tcp,closed,,":     "3: sensor",
		"2022-06-14 10:00:00,paris,198.51.100.7.1,22,tcp,closed,,":    "3: ParseAddr",
		"2022-06-14 10:00:00,paris,198.51.100.7,65536,tcp,closed,,":   "3: dst_port \"65536\" is not a whole number from 0 to 65535",
		"2022-06-14 10:00:00,paris,198.51.100.7,,tcp,closed,,":        "3: no port",
		"2022-06-14 10:00:00,paris,198.51.100.7,22,sctp,closed,,":     "3: ",
		"2022-06-14 10:00:00,paris,198.51.100.7,22,tcp,opened,,":      "3: ",
		"2022-06-14 10:00:00,paris,198.51.100.7,22,tcp,payload,5g,":   "3: payload: ",
		"2022-06-14 10:00:00,paris,198.51.100.7,22,tcp,closed,,0":     "3: attempts",
		"9999-06-14 10:00:00,paris,198.51.100.7,22,tcp,closed,,":      "3: time",
		"2022-06-14 10:00:00,paris,198.51.100.7,22,tcp,closed,,1e300": "3: attempts",
	} {
		got, rep, rejected, err := read(t, header+good+row+"\n"+good)
		if err != nil || len(got) != 2 || len(rejected) != 1 || !strings.HasPrefix(rejected[0], want) {
			t.Errorf("%q: %d events, rejected %q, want %q (%v)", row, len(got), rejected, want, err)
		}
		var skipped int64
		for _, n := range rep.Skipped {
			skipped += n
		}
		if rep.Events != 2 || skipped != 1 {
			t.Errorf("%q: the report is %+v", row, rep)
		}
	}
}

func TestAQuoteThatIsNeverClosedEndsTheRead(t *testing.T) {
	got, _, _, err := read(t, header+"2022-06-14 10:00:00,paris,198.51.100.7,22,tcp,closed,,\n\""+strings.Repeat("x\n", 2<<20))
	if len(got) != 1 || terroir.ErrorCode(err) != terroir.EINVALID || !strings.Contains(err.Error(), "is a quote not closed?") {
		t.Errorf("%d events, %v", len(got), err)
	}
}

func TestTheFirstColumnWithAValueCounts(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte("columns: {ts: ts, src_ip: [from, source, nowhere], transport: proto, dst_port: port, event_id: id}\nconstants: {kind: unserved}"))
	if err != nil {
		t.Fatal(err)
	}
	var got list
	rep, err := Read(context.Background(), ingest.Source{Name: "t.csv", Sensor: "s", Region: "r", Reader: strings.NewReader("ts,source,from,proto,port,id\n" +
		"2022-06-14T10:00:00Z,192.0.2.1,,tcp,22,a\n" +
		"2022-06-14T10:00:00Z,192.0.2.9,192.0.2.2,tcp,22,b\n" +
		"2022-06-14T10:00:00Z,192.0.2.9,192.0.2.3,tcp,22,a\n")}, Options{Mapping: m}, &got)
	if err != nil || len(got) != 2 || got[0].Event.Source.Addr().String() != "192.0.2.1" || got[1].Event.Source.Addr().String() != "192.0.2.2" ||
		rep.Skipped["duplicate"] != 1 {
		t.Errorf("%+v %+v %v", got, rep, err)
	}
	if _, err := Read(context.Background(), ingest.Source{Name: "t.csv", Reader: strings.NewReader("ts,proto,port,id\n")}, Options{Mapping: m}, &got); err == nil ||
		!strings.Contains(err.Error(), `no column "from|source|nowhere"`) {
		t.Errorf("%v", err)
	}
}
