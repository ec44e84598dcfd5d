package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"terroir/query"
)

// answers is an open lake whose answers are compared with what is known.
type answers struct {
	*store
	t *testing.T
}

// imported runs terroir import with the arguments into a new folder, and opens the lake. said is what the command said.
func imported(t *testing.T, args ...string) (a *answers, said string) {
	t.Helper()
	dir := t.TempDir()
	said, code := shell(t, []string{"env"}, "terroir import --dir '"+dir+"' '"+strings.Join(args, "' '")+"'")
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, said)
	}
	s, err := openStore(context.Background(), source{dir: dir}, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &answers{s, t}, said
}

// view runs a view and calls f with each row, by the names of its columns.
func (a *answers) view(name string, params map[string]string, f func(row map[string]any)) {
	a.t.Helper()
	v, err := a.views.Get(name)
	if err != nil {
		a.t.Fatal(err)
	}
	r, err := query.Run(context.Background(), a.engine, v, params)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, values := range r.Rows {
		row := map[string]any{}
		for i, c := range r.Columns {
			row[c.Name] = values[i]
		}
		f(row)
	}
}

// sql runs a statement.
func (a *answers) sql(format string, args ...any) [][]any {
	a.t.Helper()
	r, err := a.engine.Query(context.Background(), fmt.Sprintf(format, args...))
	if err != nil {
		a.t.Fatal(err)
	}
	return r.Rows
}

// one is the only number that a statement gives.
func (a *answers) one(format string, args ...any) any {
	a.t.Helper()
	return a.sql(format, args...)[0][0]
}

// counts is a statement's rows of a name and a number.
func (a *answers) counts(format string, args ...any) map[string]int64 {
	a.t.Helper()
	m := map[string]int64{}
	for _, row := range a.sql(format, args...) {
		m[fmt.Sprint(row[0])] = row[1].(int64)
	}
	return m
}

func (a *answers) same(what string, got, want any) {
	a.t.Helper()
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if string(g) != string(w) {
		a.t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// sharedData is the path of a file beside the repository.
func sharedData(t *testing.T, path ...string) string {
	t.Helper()
	return absolute(t, filepath.Join(append([]string{"..", "..", "..", "shared", "data"}, path...)...))
}

// readJSON reads a file of facts.
func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
