package family

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"terroir"
	"terroir/payload"
	"terroir/simulate"
)

// labelled is a payload event with what is true of it.
type labelled struct {
	template terroir.Template
	// raw names the bytes, masked those without what names the sensor.
	raw, masked terroir.PayloadID
	port        int
	variant     string
	family      string
}

var ownPort = regexp.MustCompile(`\[?(<HONEYPOT IP>)\]?:\d+`)

func newLabelled(b []byte, self payload.Self, t terroir.Transport, port int, variant, family string) labelled {
	return labelled{newTemplate(b, self, t), terroir.NewPayloadID(b), terroir.NewPayloadID(ownPort.ReplaceAll(payload.ReplaceSelf(b, self), []byte("$1"))), port, family + " " + variant, family}
}

// shared finds the data that is not part of the project, in a folder beside it.
func shared(t testing.TB, name ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		file := filepath.Join(append([]string{dir, "..", "shared", "data"}, name...)...)
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	t.Skipf("no %s", filepath.Join(name...))
	return ""
}

// eachLine calls use with the lines of a file, which may be compressed.
func eachLine(t testing.TB, file string, use func([]byte) error) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	if filepath.Ext(file) == ".gz" {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		lines = bufio.NewScanner(z)
	}
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		if err := use(lines.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func selfOf(a string) payload.Self { return payload.Self{Addrs: []netip.Addr{netip.MustParseAddr(a)}} }

// independentWeek is what came to port 6379 in the independent labelled week.
func independentWeek(t testing.TB) (list []labelled) {
	type truth struct {
		EventID         string `json:"event_id"`
		Family, Variant string
	}
	truths := map[string]truth{}
	eachLine(t, shared(t, "synth", "truth.jsonl.gz"), func(line []byte) error {
		var x truth
		err := json.Unmarshal(line, &x)
		truths[x.EventID] = x
		return err
	})
	seen := map[string]bool{}
	eachLine(t, shared(t, "synth", "events.jsonl.gz"), func(line []byte) error {
		var e struct {
			EventID string `json:"event_id"`
			Kind    string
			DstIP   string `json:"dst_ip"`
			DstPort int    `json:"dst_port"`
			Payload []byte `json:"payload_b64"`
			Version int    `json:"ip_version"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		x, ok := truths[e.EventID]
		if e.Kind == "payload" && e.DstPort == 6379 && e.Version == 4 && ok && !seen[e.EventID] {
			seen[e.EventID] = true
			list = append(list, newLabelled(e.Payload, selfOf(e.DstIP), terroir.TCP, e.DstPort, x.Variant, x.Family))
		}
		return nil
	})
	return list
}

// simulatedWeek is a week of the project's own simulation.
func simulatedWeek(t testing.TB) (list []labelled) {
	w, err := simulate.New(simulate.Options{Scale: .2})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Events(context.Background(), func(r terroir.Record, l simulate.Label) error {
		if r.Event.Kind == terroir.KindPayload {
			to := r.Event.Destination
			list = append(list, newLabelled(r.Payload, selfOf(to.Addr().String()), r.Event.Transport, int(to.Port()), strconv.Itoa(l.Variant), l.Family))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// sameBytes gives one label to all that send the same bytes once the sensor's address and port are masked: no analysis of bytes can tell them apart.
func sameBytes(list []labelled, label func(*labelled) *string) {
	parent := map[string]string{}
	var find func(string) string
	find = func(s string) string {
		if p, ok := parent[s]; ok && p != s {
			return find(p)
		}
		return s
	}
	first := map[terroir.PayloadID]string{}
	for i := range list {
		l := *label(&list[i])
		if f, ok := first[list[i].masked]; ok {
			if a, b := find(f), find(l); a != b {
				parent[max(a, b)] = min(a, b)
			}
		} else {
			first[list[i].masked] = l
		}
	}
	for i := range list {
		*label(&list[i]) = find(*label(&list[i]))
	}
}

// exploits are real bodies of December 2025; their label is the wrapper and the first word of the command.
func exploits(t testing.TB) (list []labelled) {
	eachLine(t, shared(t, "react2shell", "payloads.jsonl"), func(line []byte) error {
		var x struct {
			B []byte
			L string
		}
		err := json.Unmarshal(line, &x)
		list = append(list, newLabelled(x.B, payload.Self{}, terroir.TCP, 0, "", x.L))
		return err
	})
	return list
}
