package indicator

import (
	"bufio"
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"terroir/payload/decode"
)

// labelled is a payload with what stands in it, by reading: see testdata/README.md.
type labelled struct {
	Source     string  `json:"source"`
	Payload    []byte  `json:"payload"`
	Indicators []label `json:"indicators"`
}

type label struct {
	Type  string `json:"type"`
	Value string `json:"value"`
	Role  string `json:"role"`
}

func readLabelled(t testing.TB) (list []labelled) {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "labelled.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l labelled
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	return list
}

// alone is a tree of the payload only.
func alone(b []byte) *decode.Tree {
	return &decode.Tree{Nodes: []decode.Node{{Parent: -1, Kind: "payload", Length: len(b), Bytes: b}}}
}

// sensor is the one to which the labelled payloads were sent.
var sensor = struct {
	addrs []netip.Addr
	hosts []string
}{[]netip.Addr{netip.MustParseAddr("3.3.3.3")}, []string{"honeypot.example.net"}}

// score counts what was found rightly, wrongly, and not.
type score struct{ right, wrong, missed, role int }

func (s score) precision() float64 { return float64(s.right) / max(float64(s.right+s.wrong), 1) }
func (s score) recall() float64    { return float64(s.right) / max(float64(s.right+s.missed), 1) }

func (s *score) add(o score) {
	s.right, s.wrong, s.missed, s.role = s.right+o.right, s.wrong+o.wrong, s.missed+o.missed, s.role+o.role
}

func TestPrecisionAndRecall(t *testing.T) {
	list := readLabelled(t)
	if len(list) < 150 {
		t.Fatalf("%d payloads", len(list))
	}
	types := map[string]*score{}
	for _, l := range list {
		compare(t, l, types)
	}
	var all score
	for _, typ := range slices.Sorted(maps.Keys(types)) {
		s := types[typ]
		all.add(*s)
		if s.right+s.missed >= 20 && (s.precision() < 0.97 || s.recall() < 0.95) {
			t.Errorf("%s: want a precision of 0.97 and a recall of 0.95", typ)
		}
		t.Logf("%-8s %3d labelled, precision %.3f, recall %.3f, role right %.3f", typ, s.right+s.missed, s.precision(), s.recall(), float64(s.role)/max(float64(s.right), 1))
	}
	t.Logf("all      %3d labelled in %d payloads, precision %.3f, recall %.3f, role right %.3f", all.right+all.missed, len(list), all.precision(), all.recall(), float64(all.role)/float64(all.right))
	if all.precision() < 0.97 || all.recall() < 0.95 {
		t.Error("want a precision of 0.97 and a recall of 0.95")
	}
	if float64(all.role) < 0.95*float64(all.right) {
		t.Error("want 0.95 of the roles right")
	}
}

func compare(t *testing.T, l labelled, types map[string]*score) {
	of := func(typ string) *score {
		if types[typ] == nil {
			types[typ] = &score{}
		}
		return types[typ]
	}
	want := map[key]string{}
	for _, i := range l.Indicators {
		want[key{i.Type, i.Value}] = i.Role
	}
	for _, i := range Find(decode.Decode(l.Payload, decode.Options{}), sensor.addrs, sensor.hosts) {
		role, ok := want[key{i.Type, i.Value}]
		delete(want, key{i.Type, i.Value})
		switch {
		case !ok:
			of(i.Type).wrong++
			t.Logf("wrong: %s %q (%s) in %.300q", i.Type, i.Value, i.Role, l.Payload)
		case role == i.Role:
			of(i.Type).role++
			of(i.Type).right++
		default:
			of(i.Type).right++
			t.Logf("role: %s %q is %q, want %q, in %.300q", i.Type, i.Value, i.Role, role, l.Payload)
		}
	}
	for k := range want {
		of(k.typ).missed++
		t.Logf("missed: %s %q (%s) in %.300q", k.typ, k.value, want[k], l.Payload)
	}
}
