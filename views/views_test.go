package views

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"terroir"
)

func shippedViews(t *testing.T) *Registry {
	t.Helper()
	r, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReferenceIsUpToDate(t *testing.T) {
	var want bytes.Buffer
	if err := shippedViews(t).Reference(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "docs", "views.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/views.md is out of date: go generate ./views")
	}
}

const head = "/*\ntitle: T\nquestion: Q?\nscope: [from, to, regions, kind, over]\nparams:\n  - {name: n, type: int, default: \"3\", min: 1, max: 9}\n" +
	"  - {name: who, type: string}\nchart: {type: table}\ncolumns: [{name: a, type: int}]\n*/\n"

func TestRenderPutsValuesInAsLiterals(t *testing.T) {
	v, err := Parse("x.sql", []byte(head+"SELECT count(*) AS a FROM scope WHERE src_ip = :who -- not :this\n AND place <> ':n' LIMIT :n;"))
	if err != nil {
		t.Fatal(err)
	}
	sql, values, err := v.Render(map[string]string{"who": "O'Hara'; DROP TABLE events; --", "regions": "a, b'c", "from": "2022-06-14", "over": "sensor"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"src_ip = 'O''Hara''; DROP TABLE events; --'", "-- not :this", "<> ':n'", "LIMIT 3", "region IN ('a', 'b''c')",
		"ts >= from_iso8601_timestamp('2022-06-14T00:00:00Z')", "kind = 'payload'", "sensor AS place"} {
		if !strings.Contains(sql, want) {
			t.Errorf("%q is not in:\n%s", want, sql)
		}
	}
	if values["n"] != "3" || values["kind"] != "payload" {
		t.Errorf("values in force: %v", values)
	}
	if strings.Contains(sql, "ts <") {
		t.Error("a window without an end has an end")
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	v, err := Parse("x.sql", []byte(head+"SELECT :n + length(:who) AS a FROM scope"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"n": "10", "who": "a\x00b", "kind": "anything", "from": "yesterday", "nothing": "x", "regions": "a\nb"} {
		if _, _, err := v.Render(map[string]string{name: value}); terroir.ErrorCode(err) != terroir.EINVALID {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
	for _, n := range []string{"", "0", "1e1", "3; DROP", "９"} {
		if _, _, err := v.Render(map[string]string{"n": n}); err == nil {
			t.Errorf("n=%q is accepted", n)
		}
	}
}

// A text stays within its quotes, whatever it is.
func TestNoTextLeavesItsQuotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom([]rune(`'"\-;:/*ab `))).Draw(t, "s")
		lit, err := stringLiteral(s)
		if err != nil {
			t.Fatal(err)
		}
		inner := lit[1 : len(lit)-1]
		if lit[0] != '\'' || lit[len(lit)-1] != '\'' || strings.Contains(strings.ReplaceAll(inner, "''", ""), "'") {
			t.Fatalf("%q became %s", s, lit)
		}
		if strings.ReplaceAll(inner, "''", "'") != s {
			t.Fatalf("%q became %s", s, lit)
		}
	})
}

func TestBrokenViewsAreRefusedWithTheirName(t *testing.T) {
	for what, text := range map[string]string{
		"no front matter":   "SELECT 1",
		"unknown key":       strings.Replace(head, "title", "titel", 1) + "SELECT :n, :who",
		"unknown parameter": head + "SELECT :n, :who, :what",
		"unused parameter":  head + "SELECT :n",
		"no columns":        strings.Replace(head, "columns: [{name: a, type: int}]", "columns: []", 1) + "SELECT :n, :who",
		"chart":             strings.Replace(head, "type: table", "type: pie", 1) + "SELECT :n, :who",
		"chart's column":    strings.Replace(head, "type: table", "type: bars, y: zzz", 1) + "SELECT :n, :who",
		"scope":             strings.Replace(head, "over]", "under]", 1) + "SELECT :n, :who",
		"default":           strings.Replace(head, `"3"`, `"33"`, 1) + "SELECT :n, :who",
	} {
		_, err := Load(fstest.MapFS{"bad.sql": &fstest.MapFile{Data: []byte(text)}})
		if terroir.ErrorCode(err) != terroir.ECONFIG || !strings.HasPrefix(err.Error(), "bad.sql: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
	}
	good := fstest.MapFS{"mine.sql": &fstest.MapFile{Data: []byte(head + "SELECT :n, :who")}}
	if _, err := Load(good, good); terroir.ErrorCode(err) != terroir.ECONFIG {
		t.Errorf("a name that exists twice: %v", err)
	}
	r, err := ShippedAnd(good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get("mine"); err != nil {
		t.Error(err)
	}
}

func TestAViewMayHaveTheStatementOfAnother(t *testing.T) {
	const rows = "step: s\nrows: [{name: a, type: int}]\n"
	first := strings.Replace(head, "chart:", rows+"chart:", 1) + "SELECT :n AS a, :who AS b"
	second := "/*\ntitle: U\nquestion: Q?\nstatement_of: first\nscope: [from]\nparams:\n  - {name: who}\n  - {name: n, type: int, default: \"5\", min: 1, max: 9}\n" +
		"step: other\nchart: {type: table}\ncolumns: [{name: c, type: int}]\n*/\n"
	load := func(second string) (*Registry, error) {
		return Load(fstest.MapFS{"first.sql": &fstest.MapFile{Data: []byte(first)}, "a-second.sql": &fstest.MapFile{Data: []byte(second)}})
	}
	r, err := load(second)
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.Get("a-second")
	if err != nil || len(v.Rows) != 1 || v.Params[1].Name != "who" || v.Params[1].Type != "string" {
		t.Fatalf("%+v %v", v, err)
	}
	sql, _, err := v.Render(map[string]string{"who": "x"})
	if err != nil || !strings.Contains(sql, "SELECT 5 AS a, 'x' AS b") {
		t.Errorf("%v\n%s", err, sql)
	}
	for what, text := range map[string]string{
		"a statement besides":   second + "SELECT 1",
		"of nobody":             strings.Replace(second, "of: first", "of: third", 1),
		"of itself":             strings.Replace(second, "of: first", "of: a-second", 1),
		"a parameter of nobody": strings.Replace(second, "{name: who}", "{name: whom}", 1),
		"a parameter less":      strings.Replace(second, "  - {name: who}\n", "", 1),
	} {
		if _, err := load(text); terroir.ErrorCode(err) != terroir.ECONFIG || !strings.HasPrefix(err.Error(), "a-second.sql: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Parse("a-second.sql", []byte(second)); terroir.ErrorCode(err) != terroir.ECONFIG {
		t.Errorf("by itself: %v", err)
	}
}

func TestPageListsItsViewsInOrder(t *testing.T) {
	vs := shippedViews(t).Page("overview")
	if len(vs) < 6 || !slices.IsSortedFunc(vs, func(a, b *View) int { return a.Order - b.Order }) {
		t.Errorf("%d views, in order: %v", len(vs), vs)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "SELECT :n, :who"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if v, err := Parse("f.sql", text); err == nil {
			if _, _, err := v.Render(nil); err != nil {
				t.Errorf("accepted, but the defaults do not render: %v", err)
			}
		}
	})
}
