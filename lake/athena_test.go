package lake

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheStatementsForAthenaAreUpToDate(t *testing.T) {
	var want bytes.Buffer
	if err := AthenaFile(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "deploy", "athena", "tables.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("deploy/athena/tables.sql is out of date: go generate ./lake")
	}
	if n := strings.Count(want.String(), "CREATE TABLE"); n != len(Tables()) {
		t.Errorf("%d statements for %d tables", n, len(Tables()))
	}
}
