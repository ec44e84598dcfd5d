package log4j

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden file anew, from what Log4j says")

const goldenFile = "oracle/golden.jsonl"

// verdict is what Log4j 2.14.1 would look up for a message, in order. Thrown says that it ended in an exception.
type verdict struct {
	Name   string   `json:"name"`
	Fired  []string `json:"fired"`
	Thrown bool     `json:"thrown,omitempty"`
}

// mine is what the strict machine says.
func mine(t *testing.T, message string) (v verdict) {
	t.Helper()
	m := &machine{budget: &Budget{Left: enough}}
	m.substitute(newBuffer([]byte(message), nil), 0, len(message), 0, nil, 0)
	if m.spent {
		t.Errorf("%q: the budget does not suffice", message)
	}
	for _, h := range m.hits {
		v.Fired = append(v.Fired, "jndi:"+string(m.render(h.name)))
	}
	v.Thrown = m.aborted
	return v
}

func TestFiresIsWhatLog4jEvaluates(t *testing.T) {
	golden := make(map[string]verdict)
	for _, v := range lines[verdict](t, goldenFile) {
		golden[v.Name] = v
	}
	fired := 0
	for _, v := range vectors(t) {
		want, ok := golden[v.Name]
		if !ok {
			t.Errorf("%s is not in the golden file: -update with mvn and java at hand", v.Name)
			continue
		}
		got := mine(t, v.message())
		if !slices.Equal(got.Fired, want.Fired) || got.Thrown != want.Thrown {
			t.Errorf("%s: %+v, Log4j: %+v", v.Name, got, want)
		}
		var fires []string
		for _, l := range find(t, v.Text) {
			if l.Fires {
				fires = append(fires, l.Resolved)
			}
		}
		if !slices.Equal(sorted(fires), sorted(want.Fired)) {
			t.Errorf("%s: fires %q, Log4j: %q", v.Name, fires, want.Fired)
		}
		if len(fires) > 0 {
			fired++
		}
	}
	t.Logf("%d of %d vectors fire", fired, len(golden))
}

// sorted is the set of the strings: what Log4j evaluates twice because it is still there counts once.
func sorted(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// ask runs Log4j itself.
func ask(t *testing.T, messages []string) (list []verdict) {
	t.Helper()
	for _, p := range []string{"mvn", "java"} {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	var in bytes.Buffer
	for _, m := range messages {
		in.WriteString(base64.StdEncoding.EncodeToString([]byte(m)) + "\n")
	}
	cmd := exec.Command(filepath.Join("testdata", "oracle", "run.sh"))
	cmd.Stdin = &in
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
			t.Fatalf("%v: %s", err, errs.Bytes())
		}
		t.Skipf("%v: %s", err, errs.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		var v verdict
		for _, word := range strings.Fields(line) {
			if word == "!" {
				v.Thrown = true
				continue
			}
			name, err := base64.StdEncoding.DecodeString(word)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			v.Fired = append(v.Fired, string(name))
		}
		list = append(list, v)
	}
	if len(list) != len(messages) {
		t.Fatalf("%d answers to %d messages: %s", len(list), len(messages), errs.Bytes())
	}
	return list
}

// TestLog4jItself has Log4j 2.14.1 evaluate the vectors, which must come out as in the golden file, and thousands of messages put
// together at random, on which the machine must agree with it.
func TestLog4jItself(t *testing.T) {
	list := vectors(t)
	var messages []string
	for _, v := range list {
		messages = append(messages, v.message())
	}
	r := rand.New(rand.NewPCG(20, 14))
	for range 20_000 {
		messages = append(messages, message(r, 4))
	}
	atRandom := messages[len(list):]
	hidden := rapid.Custom(func(t *rapid.T) [2]string {
		p := drawTarget(t)
		return [2]string{obfuscated(t, p), p.String()}
	})
	var plain []string
	for i := range 3_000 {
		e := hidden.Example(i)
		messages, plain = append(messages, e[0]), append(plain, e[1])
	}
	said := ask(t, messages)
	for i, want := range plain {
		if at := len(messages) - len(plain) + i; len(said[at].Fired) != 1 || !strings.EqualFold(said[at].Fired[0], want) || said[at].Fired[0][5:] != want[5:] {
			t.Errorf("%s in %q: Log4j says %+v", want, messages[at], said[at])
		}
	}
	var golden bytes.Buffer
	for i, v := range list {
		said[i].Name = v.Name
		e := json.NewEncoder(&golden)
		e.SetEscapeHTML(false)
		if err := e.Encode(said[i]); err != nil {
			t.Fatal(err)
		}
	}
	if file := filepath.Join("testdata", goldenFile); *update {
		if err := os.WriteFile(file, golden.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, golden.Bytes()) {
		t.Errorf("the golden file is not what Log4j says (%v)", err)
	}
	fired, thrown, wrong := 0, 0, 0
	for i, m := range atRandom {
		want, got := said[len(list)+i], mine(t, m)
		if !slices.Equal(got.Fired, want.Fired) || got.Thrown != want.Thrown {
			if wrong++; wrong < 10 {
				t.Errorf("%q: %+v, Log4j: %+v", m, got, want)
			}
		}
		if len(want.Fired) > 0 {
			fired++
		}
		if want.Thrown {
			thrown++
		}
	}
	t.Logf("%d messages at random: %d fire, %d end in an exception; the machine differs on %d", len(atRandom), fired, thrown, wrong)
}

// pieces are what messages at random are made of.
var pieces = []string{"$", "{", "}", ":", ":-", `:\-`, "-", "$${", "${", "jndi:", "jNDI:", "ldap://h/a", "lower:", "UPPER:", "env:X", "sys:os.name",
	"sys:file.separator", "sys:none", "java:version", "date:'j'", "date:yyyy", "date:", "date:'", "date:''", "hostName", "x:contextName", "ctx:a", "main:0", "::-", "j", "n", "di:",
	"ı", "İ", "ß", "K", " ", "#", "/", `\`, "k8s:a", "event:Level", "event:Marker", "map:x", "marker:x", "sd:id", "bundle:a:b", "a"}

// message writes one with expressions nested to a depth.
func message(r *rand.Rand, depth int) string {
	var b strings.Builder
	for range 1 + r.IntN(4) {
		switch n := r.IntN(12); {
		case n < 5 && depth > 0:
			b.WriteString("${" + []string{"", "lower:", "upper:", "env:A", ":", "jndi:", "x"}[r.IntN(7)] + message(r, depth-1))
			if r.IntN(3) == 0 {
				b.WriteString(":-" + message(r, depth-1))
			}
			b.WriteString("}")
		case n == 5 && depth > 0:
			b.WriteString("${${lower:j}n" + []string{"${::-d}", "d", "${lower:D}"}[r.IntN(3)] + "i:" + message(r, depth-1) + "}")
		default:
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
	}
	return b.String()
}
