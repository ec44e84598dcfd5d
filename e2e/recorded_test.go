package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"terroir"
	"terroir/wire"
)

// record makes the streams of the present version anew. Whoever is about to change package wire in a way that a hub or a
// sensor of the version before could notice runs this first, with the last code of that version, into a folder of its own:
//
//	go test ./e2e -run TestRecordAStream -record ../wire/testdata/recorded/v2
//
// and commits what it wrote. What was recorded before stays as it is: TestRecordedStreams and package wire read all.
var record = flag.String("record", "", "record what sensors send into this folder")

// batchFile is a message as it was on the bus.
type batchFile struct {
	File, Sensor string
	Oldest       uint64
}

// recording is what a stream means: the rows, by table, that a hub makes of it.
type recording struct {
	Batches []batchFile
	Rows    map[string][]string
}

// meaning is what is compared: what sensors tell, not what a hub adds.
var meaning = map[string]string{
	"events": "SELECT event_id, region, revision, kind, transport, ip_version, src_ip, src_port, dst_ip, dst_port, attempts, payload_id, src_bytes, truncated, close, " +
		"tls_version, tls_sni, tls_alpn, ja3, ja4, tcp_signature, tool, explored, transcript_id, duration_us, epoch_us(ts) FROM events",
	"payloads":     "SELECT payload_id, size, md5(bytes) FROM payloads",
	"losses":       "SELECT sensor, stage, reason, attempts, epoch_us(ts) FROM losses",
	"heartbeats":   "SELECT sensor, region, revision, interval_us, epoch_us(ts) FROM heartbeats",
	"served_ports": "SELECT sensor, revision, transport, port, service FROM served_ports",
}

// rows are those of the meaning, sorted.
func (f *field) rows() map[string][]string {
	f.t.Helper()
	all := map[string][]string{}
	for table, statement := range meaning {
		r, err := f.engine.Query(context.Background(), statement+" ORDER BY ALL")
		if err != nil {
			f.t.Fatal(err)
		}
		for _, row := range r.Rows {
			all[table] = append(all[table], strings.Trim(fmt.Sprint(row), "[]"))
		}
	}
	return all
}

// TestRecordAStream runs sensors, on IPv4 and IPv6, has clients do one thing of each kind, and keeps what came to the bus.
func TestRecordAStream(t *testing.T) {
	if *record == "" {
		t.Skip("nothing is recorded without -record")
	}
	if err := os.MkdirAll(*record, 0o755); err != nil {
		t.Fatal(err)
	}
	f := newField(t)
	tape := f.tape(*record)
	four := f.sensorThat("recorded-4", "127.77.9.1", true)
	drive(t, four)
	six := f.start("recorded-6", "listen: {addresses: [\"::1\"], answer: true}\nlimits: {idle_before: 1s, idle_after: 500ms, per_source: 2}\nheartbeat: 1s\ntap: {interval: 200ms}\n")
	for range 4 { // Two are one too many each.
		defer six.dial("tcp/2323").Close()
	}
	time.Sleep(2 * time.Second)
	c := six.dial("tcp/6379")
	say(t, c, "PING\r\n")
	time.Sleep(100 * time.Millisecond)
	say(t, c, "INFO\r\n")
	time.Sleep(100 * time.Millisecond)
	c.Close()
	udp := six.dial("udp/11211")
	say(t, udp, "stats\r\n")
	udp.Close()
	time.Sleep(2 * time.Second)
	four.end()
	six.end()
	time.Sleep(time.Second) // The hub commits.
	text, err := json.MarshalIndent(recording{tape(), f.rows()}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*record, "meaning.json"), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tape writes every batch that comes to the bus into the folder; the returned function lists them.
func (f *field) tape(folder string) func() []batchFile {
	f.t.Helper()
	nc, err := nats.Connect(f.bus.URL())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(nc.Close)
	var mu sync.Mutex
	var list []batchFile
	_, err = nc.Subscribe("terroir.events.*", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		b := batchFile{File: fmt.Sprintf("%03d.bin", len(list)+1), Sensor: strings.TrimPrefix(m.Subject, "terroir.events.")}
		b.Oldest, _ = strconv.ParseUint(m.Header.Get("Terroir-Oldest"), 10, 64)
		if err := os.WriteFile(filepath.Join(folder, b.File), m.Data, 0o644); err != nil {
			f.t.Error(err)
		}
		list = append(list, b)
	})
	if err != nil {
		f.t.Fatal(err)
	}
	_ = nc.Flush()
	return func() []batchFile {
		mu.Lock()
		defer mu.Unlock()
		return list
	}
}

// recordings calls f with each recorded stream.
func recordings(t *testing.T, f func(t *testing.T, folder string, r recording)) {
	folders, err := filepath.Glob(filepath.Join("..", "wire", "testdata", "recorded", "v*"))
	if err != nil || len(folders) == 0 {
		t.Fatal("no recorded streams", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(folder, "meaning.json"))
			if err != nil {
				t.Fatal(err)
			}
			var r recording
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			f(t, folder, r)
		})
	}
}

// play publishes the stream, changed by change, to a hub, and returns once the hub has taken in all. last is the last
// record of each sensor.
func (f *field) play(folder string, r recording, change func([]byte) []byte) (last map[string]terroir.Position) {
	f.t.Helper()
	last = map[string]terroir.Position{}
	for i, x := range r.Batches {
		data, err := os.ReadFile(filepath.Join(folder, x.File))
		if err != nil {
			f.t.Fatal(err)
		}
		data = change(data)
		batch, err := wire.DecodeBatch(data)
		if err != nil {
			f.t.Fatalf("%s: %v", x.File, err)
		}
		last[x.Sensor] = *batch.Records[len(batch.Records)-1].Position()
		f.publish(x.Sensor, strconv.Itoa(i), x.Oldest, data)
	}
	f.takenIn(last)
	return last
}

func (f *field) publish(sensor, id string, oldest uint64, data []byte) {
	f.t.Helper()
	b, err := f.bus.Connect("recorded", f.asHub...)
	if err != nil {
		f.t.Fatal(err)
	}
	defer b.Close()
	if err := b.Publish(context.Background(), sensor, id, oldest, data); err != nil {
		f.t.Fatal(err)
	}
}

// takenIn waits until the lake has each sensor's records up to the last.
func (f *field) takenIn(last map[string]terroir.Position) {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		m, err := f.lake.Marks(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		reached := map[string]terroir.Position{}
		for s, n := range m.Last {
			reached[s.Sensor] = terroir.Position{Sensor: s.Sensor, Epoch: s.Epoch, Sequence: n}
		}
		if reflect.DeepEqual(reached, last) {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("taken in up to %v of %v", reached, last)
		}
	}
}

// TestRecordedStreams: the hub makes of what sensors of earlier versions sent what it made of it then.
func TestRecordedStreams(t *testing.T) {
	recordings(t, func(t *testing.T, folder string, want recording) {
		f := newField(t)
		f.play(folder, want, func(b []byte) []byte { return b })
		for table, rows := range f.rows() {
			sameLines(t, table, rows, want.Rows[table])
		}
	})
}

// TestStreamsOfALaterVersion: what a sensor of a later version adds is passed over, and what it tells that nobody here
// understands is counted; the rest is taken in as ever.
func TestStreamsOfALaterVersion(t *testing.T) {
	recordings(t, func(t *testing.T, folder string, want recording) {
		f := newField(t)
		last := f.play(folder, want, func(b []byte) []byte { return withUnknown(t, b) })
		for table, rows := range f.rows() {
			sameLines(t, table, rows, want.Rows[table])
		}
		for name, p := range last {
			f.publish(name, "later-"+name, 0, ofLater(p))
			p.Sequence += 3
			last[name] = p
		}
		f.takenIn(last)
		r, err := f.engine.Query(context.Background(), "SELECT stage, reason, count(*), sum(attempts) FROM losses WHERE reason IN ('later_version', 'behind') GROUP BY 1, 2 ORDER BY 1")
		if err != nil {
			t.Fatal(err)
		}
		n := len(last)
		if got, counted := fmt.Sprint(r.Rows), fmt.Sprintf("[[hub later_version %d %d] [tap behind %d %d]]", 2*n, 4*n, n, n); got != counted {
			t.Errorf("%s, want %s", got, counted)
		}
	})
}

// sameLines compares the rows of a table.
func sameLines(t *testing.T, table string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", table, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: got  %s\nwant %s", table, got[i], want[i])
		}
	}
}
