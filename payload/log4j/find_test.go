package log4j

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"runtime/metrics"
	"strings"
	"testing"
)

var data = filepath.Join("..", "..", "..", "shared", "data")

// study is what the study's sensors saw on a port.
func study(t testing.TB, port int) (list []string) {
	t.Helper()
	f, err := os.Open(filepath.Join(data, "seed", "payloads.jsonl"))
	if os.IsNotExist(err) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var p struct {
			Port     int
			Rendered string
		}
		if err := json.Unmarshal(s.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if p.Port == port {
			list = append(list, p.Rendered)
		}
	}
	return list
}

// TestTheStudysLookups: the payloads of 8888, as they were printed and with the line ends that they had.
func TestTheStudysLookups(t *testing.T) {
	want := []struct {
		lookups int
		stage2  string
	}{{4, "http://135.148.91.146:1942/"}, {0, ""}, {5, "http://135.148.91.146:1980/"}}
	list := study(t, 8888)
	if len(list) != len(want) {
		t.Fatalf("%d payloads", len(list))
	}
	for i, rendered := range list {
		for _, text := range []string{rendered, strings.ReplaceAll(rendered, `\r\n`, "\r\n")} {
			found := find(t, text)
			if len(found) != want[i].lookups {
				t.Fatalf("payload %d: %d lookups", i+1, len(found))
			}
			for _, l := range found {
				if l.Scheme != "ldap" || l.Host != "185.196.220.213" || l.Port != 1389 || !l.Fires || l.Evaluations != 4 || l.Malformed {
					t.Errorf("payload %d: %+v", i+1, l)
				}
				kind, command, _, _, _ := CommandIn(l.Path)
				if kind != "TomcatBypass/Command" || !strings.Contains(string(command), want[i].stage2) || !strings.HasPrefix(string(command), "cd /tmp || ") {
					t.Errorf("payload %d: %s %q", i+1, kind, command)
				}
			}
		}
	}
}

// TestOnlyWhatTheStudyNamesIsFound: no other payload of the study holds a lookup.
func TestOnlyWhatTheStudyNamesIsFound(t *testing.T) {
	for _, port := range []int{2323, 2375, 2376, 2379, 2380, 5001, 5432, 5984, 6379, 6443, 8090, 9992, 11211} {
		for _, text := range study(t, port) {
			if found := find(t, text); len(found) > 0 {
				t.Errorf("%d: %+v", port, found)
			}
		}
	}
}

// bombs are made to cost much.
var bombs = map[string]string{
	"nested":               strings.Repeat("${lower:", 10_000) + "x" + strings.Repeat("}", 10_000),
	"nested defaults":      strings.Repeat("${::-", 10_000) + "${jndi:ldap://h/a}" + strings.Repeat("}", 10_000),
	"nested without value": strings.Repeat("${a", 10_000) + strings.Repeat("}", 10_000),
	"never closed":         strings.Repeat("${", 30_000),
	"never opened":         strings.Repeat("}", 60_000),
	"long and nested":      strings.Repeat("${lower:", 400) + strings.Repeat("A", 60_000) + strings.Repeat("}", 400),
	"itself":               strings.Repeat("${a:-${a:-", 2_300) + strings.Repeat("}}", 2_300),
	"of 45105":             strings.Repeat("${${::-${::-$${::-j}}}}", 2_000),
	"percents of percents": "%" + strings.Repeat("25", 20_000) + "24{jndi:ldap://h/a}",
	"backslashes":          strings.Repeat(`\`, 60_000) + "u0024{",
	"uuu":                  strings.Repeat(`\u`, 30_000),
	"ampersands":           strings.Repeat("&", 60_000),
	"many":                 strings.Repeat("${jndi:ldap://h/a}", 4_000),
	"many lines":           strings.Repeat("${jndi:ldap://h/a}\n", 4_000),
	"many unterminated":    strings.Repeat("${jndi:ldap://h/a ", 4_000),
	"long default":         "${jndi:ldap://h/" + strings.Repeat("${a:-"+strings.Repeat("b", 100)+"}", 600) + "}",
	"many letters":         strings.Repeat("${upper:ı}", 6_000),
	"jndi in jndi":         strings.Repeat("${jndi:ldap://h/", 3_000) + strings.Repeat("}", 3_000),
	"base64 of base64":     "${base64:" + strings.Repeat("JHtiYXNlNjQ6", 4_000) + "}",
	"empty":                strings.Repeat("${}", 20_000),
	"nothing decoded":      strings.Repeat("%20", 20_000) + "${",
	"escapes":              strings.Repeat("$${", 20_000) + strings.Repeat("}", 20_000),
}

// costFactor is how many bytes of memory are asked for at most for each byte that the budget counts. Work is not measured in time,
// which depends on the machine.
const costFactor = 32

// asked is how much memory was asked for since the program began.
func asked() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func TestBombsCostWhatTheBudgetAllows(t *testing.T) {
	const budget = 1 << 20
	for name, text := range bombs {
		b := Budget{Left: budget}
		before := asked()
		found, complete := Find([]byte(text), &b)
		got, spent := int(asked()-before), budget-b.Left
		t.Logf("%s: %d lookups, complete %v, %d spent, %d KiB", name, len(found), complete, spent, got>>10)
		if b.Left < 0 || len(found) > maxLookups {
			t.Errorf("%s: %d left, %d lookups", name, b.Left, len(found))
		}
		if got > costFactor*spent {
			t.Errorf("%s: %d bytes were asked for, %d spent", name, got, spent)
		}
	}
}

// TestTheBudgetIsShared: when it is used up, what was found so far is what there is.
func TestTheBudgetIsShared(t *testing.T) {
	text := []byte("${jndi:ldap://h/a}\n${jndi:ldap://h/b}\n")
	b := Budget{Left: 100}
	found, complete := Find(text, &b)
	if complete || len(found) != 1 {
		t.Errorf("%d lookups, complete %v", len(found), complete)
	}
	if found, complete := Find(text, &b); complete || len(found) > 0 {
		t.Errorf("%d lookups, complete %v", len(found), complete)
	}
}

// FuzzFind: whatever comes, the result lies within the text and its bounds, costs no more than is allowed, and is always the same.
func FuzzFind(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Text)
	}
	for _, text := range bombs {
		if len(text) < 20_000 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		const budget = 256 << 10
		b := Budget{Left: budget}
		before := asked()
		found, complete := Find([]byte(text), &b)
		if got := int(asked() - before); got > costFactor*(budget-b.Left)+8<<20 { // Other goroutines ask for some as well.
			t.Errorf("%d bytes were asked for, %d spent", got, budget-b.Left)
		}
		if b.Left < 0 || b.Left > budget || len(found) > maxLookups {
			t.Errorf("%d left, %d lookups", b.Left, len(found))
		}
		last := 0
		for _, l := range found {
			if l.Offset < last || l.Length <= 0 || l.Offset+l.Length > len(text) {
				t.Errorf("%d bytes at %d of %d, after %d", l.Length, l.Offset, len(text), last)
			}
			last = l.Offset
			for _, s := range append([]string{l.Resolved, l.Scheme, l.Host, l.Path}, l.Exfil...) {
				if len(s) > MaxResolved || strings.ToValidUTF8(s, "") != s {
					t.Errorf("%q", s)
				}
			}
			if len(l.Exfil) > maxExfil || l.Malformed && l.Host != "" {
				t.Errorf("%+v", l)
			}
			if _, command, offset, length, ok := CommandIn(l.Path); ok && (offset+length > len(l.Path) || len(command) > length) {
				t.Errorf("%d bytes at %d of %q", length, offset, l.Path)
			}
		}
		again, same := Find([]byte(text), &Budget{Left: budget})
		if !reflect.DeepEqual(again, found) || same != complete {
			t.Errorf("%+v, again %+v", found, again)
		}
	})
}

func BenchmarkCleanRequest(b *testing.B) {
	text := []byte("GET / HTTP/1.1\r\nHost: 192.0.2.1:8888\r\nUser-Agent: curl/7.81.0\r\n\r\n")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Find(text, &Budget{Left: enough})
	}
}

func BenchmarkEncodedRequest(b *testing.B) {
	text := []byte("GET /?q=a%20b&c=%7B%7D HTTP/1.1\r\nHost: 192.0.2.1:8888\r\nAccept: */*\r\n\r\n")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Find(text, &Budget{Left: enough})
	}
}

func BenchmarkStudysPayload(b *testing.B) {
	text := []byte(study(b, 8888)[2])
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Find(text, &Budget{Left: enough})
	}
}

func BenchmarkBombs(b *testing.B) {
	for name, text := range bombs {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Find([]byte(text), &Budget{Left: enough})
			}
		})
	}
}
