package jsonlfile

import (
	"context"
	"encoding/base64"
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

// result is what came of a text.
type result struct {
	events   list
	report   ingest.Report
	rejected []string
	texts    []string
	err      error
}

// read reads the text with the mapping, "" being the default one.
func read(t *testing.T, how, text string) result {
	t.Helper()
	var r result
	opt := Options{Reject: func(line int, text []byte, why error) error {
		r.rejected = append(r.rejected, fmt.Sprintf("%d: %v", line, why))
		r.texts = append(r.texts, string(text))
		return nil
	}}
	if how != "" {
		m, err := mapping.Parse("m.yaml", []byte(how))
		if err != nil {
			t.Fatal(err)
		}
		opt.Mapping = m
	}
	r.report, r.err = Read(context.Background(), ingest.Source{Name: "t.jsonl", Reader: strings.NewReader(text), Sensor: "s", Region: "r"}, opt, &r.events)
	return r
}

const good = `{"ts":"2022-06-14T10:00:00.5Z","transport":"tcp","src_ip":"198.51.100.7","dst_port":6379,"payload_b64":"UElORw=="}`

func TestLinesBecomeEventsWithoutAMapping(t *testing.T) {
	r := read(t, "", "\ufeff"+good+"\r\n \n"+
		`{"ts":"2022-06-14T12:00:00+02:00","proto":"UDP","src_ip":"2001:DB8::1","src_port":9,"dst_ip":"192.0.2.1","dst_port":53,"kind":"closed",`+
		`"sensor":"paris","region":"eu-west-3","attempts":4294967296,"src_bytes":9007199254740993,"payload_b64":null,"close":"","more":{"a":[1,{"ts":0}]},"tool":"zmap","explored":true}`)
	if r.err != nil || len(r.rejected) > 0 || len(r.events) != 2 {
		t.Fatalf("%d events, rejected %v, %v", len(r.events), r.rejected, r.err)
	}
	a, b := r.events[0].Event, r.events[1].Event
	if a.Kind != terroir.KindPayload || string(r.events[0].Payload) != "PING" || a.Sensor != "s" || a.Region != "r" || a.Destination.Port() != 6379 ||
		!a.Time.Equal(time.Date(2022, 6, 14, 10, 0, 0, 5e8, time.UTC)) {
		t.Errorf("first: %+v", a)
	}
	if b.Kind != terroir.KindUnserved || b.Transport != terroir.UDP || b.Sensor != "paris" || b.Region != "eu-west-3" || b.Attempts != terroir.MaxAttempts || b.SourceBytes != 9007199254740993 ||
		b.Destination.String() != "192.0.2.1:53" || b.Source.String() != "[2001:db8::1]:9" || b.Tool != "zmap" || !b.Explored || !b.Time.Equal(a.Time.Truncate(time.Second)) {
		t.Errorf("second: %+v", b)
	}
}

func TestPathsAndFormats(t *testing.T) {
	r := read(t, `
columns: {ts: "@timestamp", src_ip: [source.ip, client], dst_port: "conn[1].ports[0]", transport: net.proto, payload: body, sensor: 'k"e'}
formats: {ts: unix_ms, payload: hex}
`, `{"@timestamp":1655200800123,"source":{"geo":{"ip":1},"ip":"192.0.2.1"},"client":"192.0.2.9","conn":[0,{"ports":[22,23]}],"net":{"proto":"tcp"},"body":"00fF","k\"e":"a"}
{"@timestamp":"1655200800123","source.ip":"192.0.2.2","conn":[{"ports":[1]},{"ports":[22]}],"net.proto":"tcp","body":"01"}
{"client":"192.0.2.3","source":{"ip":null},"@timestamp":1655200800123,"conn":[[],{"ports":["22"]}],"net":{"proto":"udp"},"net":{"proto":"tcp"},"body":"01"}`)
	if r.err != nil || len(r.rejected) > 0 || len(r.events) != 3 {
		t.Fatalf("%d events, rejected %v, %v", len(r.events), r.rejected, r.err)
	}
	for i, e := range r.events {
		if e.Event.Destination.Port() != 22 || e.Event.Transport != terroir.TCP || e.Event.Time.UnixMilli() != 1655200800123 ||
			e.Event.Source.Addr().String() != fmt.Sprintf("192.0.2.%d", i+1) {
			t.Errorf("%d: %+v", i, e.Event)
		}
	}
	if string(r.events[0].Payload) != "\x00\xff" || r.events[0].Event.Sensor != "a" {
		t.Errorf("payload %x of %s", r.events[0].Payload, r.events[0].Event.Sensor)
	}
}

func TestLinesThatCannotBeReadAreKept(t *testing.T) {
	with := func(more string) string { return strings.TrimSuffix(good, "}") + "," + more + "}" }
	for line, want := range map[string]string{
		"x":                         "2: not a JSON object",
		"[1]":                       "2: not a JSON object",
		`{"ts":`:                    "2: the JSON object is cut short",
		good[:40]:                   "2: the JSON object is cut short",
		good + good:                 "2: something follows",
		good + "}":                  "2: something follows",
		`{"ts" "2022"}`:             "2: byte 7: ",
		`{}`:                        "2: no ts",
		with(`"dst_port":65536`):    `2: dst_port "65536" is not`,
		with(`"dst_port":22.5`):     `2: dst_port "22.5" is not`,
		with(`"dst_port":[22]`):     "2: dst_port is an object or a list",
		with(`"src_ip":{"a":1}`):    "2: src_ip is an object or a list",
		with(`"sensor":"a b"`):      "2: sensor",
		with(`"tool":"\ud800"`):     "2: tool is not a text in UTF-8",
		with("\"tool\":\"\xff\""):   "2: tool is not a text in UTF-8",
		with(`"payload_b64":"%"`):   "2: payload: ",
		with(`"payload_id":"00"`):   "2: payload_id is not the SHA-256",
		with(`"attempts":1e400`):    "2: attempts",
		with(`"explored":"maybe"`):  "2: explored",
		with(`"other":01`):          "2: byte ",
		with(`"duration_us":-1`):    "2: duration_us",
		with(`"close":"suddenly"`):  "2: ",
		with(`"ts":"9999-01-01"`):   "2: parsing time",
		strings.Repeat("[", 100000): "2: not a JSON object",
		with(`"deep":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)):       "2: byte ",
		with(`"deep":` + strings.Repeat(`{"a":`, 100_000) + strings.Repeat("}", 100_000)):   "2: byte ",
		with(`"tool":"` + strings.Repeat("x", 5000) + `"`):                                  "2: tool is longer",
		with(`"src_ip":` + strings.Repeat(`{"a":`, 100_000) + strings.Repeat("}", 100_000)): "2: byte ",
	} {
		r := read(t, "", good+"\n"+line+"\n"+good+"\n")
		if r.err != nil || len(r.events) != 2 || len(r.rejected) != 1 || !strings.HasPrefix(r.rejected[0], want) || r.texts[0] != line {
			t.Errorf("%.80q: %d events, rejected %.200q, want %q (%v)", line, len(r.events), r.rejected, want, r.err)
		}
	}
}

func TestAKeyThatIsNotAskedForDoesNoHarm(t *testing.T) {
	for _, more := range []string{"\"\xff\":1", "\"agent\":\"\xff\\ud800\"", `"a":1e999`, `"":{}`, `"ts.a[0]":{"ts":{"ts":[]}}`} {
		if r := read(t, "", strings.TrimSuffix(good, "}")+","+more+"}"); len(r.events) != 1 || r.err != nil {
			t.Errorf("%q: %v %v", more, r.rejected, r.err)
		}
	}
}

func TestARowThatCameBeforeIsLeftOut(t *testing.T) {
	line := func(id string) string { return strings.TrimSuffix(good, "}") + `,"event_id":` + id + "}\n" }
	r := read(t, "", line(`"a"`)+line(`"b"`)+line(`"a"`)+good+"\n"+good+"\n"+line(`7`)+line(`"7"`)+line("null")+line("null"))
	if r.err != nil || r.report.Events != 7 || r.report.Skipped["duplicate"] != 2 || len(r.rejected) > 0 {
		t.Errorf("%+v, rejected %v, %v", r.report, r.rejected, r.err)
	}
	// A broken row must not hide the good one of the same name.
	r = read(t, "", strings.Replace(line(`"a"`), "6379", "-1", 1)+line(`"a"`))
	if r.report.Events != 1 || r.report.Skipped["dst_port"] != 1 {
		t.Errorf("%+v", r.report)
	}
}

func TestALineThatIsTooLongIsNotHeld(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", maxLine) + `"}`
	r := read(t, "", long+"\n"+good+"\n"+long)
	if r.err != nil || r.report.Events != 1 || r.report.Skipped["long"] != 2 || len(r.texts) != 2 || r.texts[0] != long[:keptOfLong] ||
		!strings.HasPrefix(r.rejected[1], "3: the line is longer") {
		t.Errorf("%+v, %.100q, %v", r.report, r.rejected, r.err)
	}
	payload := base64.StdEncoding.EncodeToString(make([]byte, 11<<20))
	r = read(t, "", strings.Replace(good, "UElORw==", payload, 1))
	if r.err != nil || r.report.Events != 1 || len(r.events[0].Payload) != 11<<20 {
		t.Errorf("a line of %d bytes: %+v %.100q", len(payload), r.report, r.rejected)
	}
}

func TestAFileThatIsNoneOfOursIsAnError(t *testing.T) {
	r := read(t, "", "{\"a\":1}\n{\"a\":2}\n")
	if terroir.ErrorCode(r.err) != terroir.EINVALID || !strings.Contains(r.err.Error(), "no line could be read: line 1: no ts") || len(r.rejected) != 2 {
		t.Errorf("%v, %v", r.err, r.rejected)
	}
	if r := read(t, "", ""); r.err != nil {
		t.Errorf("an empty file: %v", r.err)
	}
}

func TestPathsThatAreWrong(t *testing.T) {
	for path, want := range map[string]string{
		"a..b": "a key is missing", "[0]": "a key is missing", "a[": "not closed", "a[x]": "not an index", "a[-1]": "not an index",
		"a[65536]": "not an index", "a[0]b": "dot or another", "a." + strings.Repeat("b.", 40) + "c": "steps",
	} {
		r := read(t, fmt.Sprintf("columns: {ts: %q, src_ip: b, transport: c}", path), good)
		if terroir.ErrorCode(r.err) != terroir.ECONFIG || !strings.Contains(r.err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, r.err, want)
		}
	}
}

// discard is a sink that counts.
type discard int

// Put implements ingest.Sink.
func (d *discard) Put(context.Context, terroir.Record) error {
	*d++
	return nil
}

// BenchmarkRead reads lines as terroir writes them, without storing them.
func BenchmarkRead(b *testing.B) {
	line := `{"event_id":"%08d","ts":"2022-06-13T00:00:12.173Z","region":"eu-west-3","sensor":"paris","ip_version":4,"proto":"tcp","dst_ip":"192.0.2.7",` +
		`"dst_port":6379,"src_ip":"198.51.100.7","src_port":32716,"kind":"payload","tls":false,"payload_b64":"KjENCiQ0DQpJTkZPDQo=","received":"2022-06-13T00:00:13.191Z"}` + "\n"
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, line, i)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		var n discard
		if _, err := Read(context.Background(), ingest.Source{Name: "b", Reader: strings.NewReader(text.String())}, Options{}, &n); err != nil || n != 10_000 {
			b.Fatal(n, err)
		}
	}
}
