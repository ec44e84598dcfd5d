package hub

import (
	"context"
	"fmt"
	"testing"

	"terroir"
	"terroir/lake"
)

// byFirstByte puts templates with the same first byte in a family, named by the smallest id.
type byFirstByte struct {
	known map[terroir.PayloadID]terroir.Template
}

func newByFirstByte() Grouper { return &byFirstByte{map[terroir.PayloadID]terroir.Template{}} }

// Add implements Grouper.
func (g *byFirstByte) Add(ts []terroir.Template) (rows []terroir.Grouped) {
	for _, t := range ts {
		g.known[t.ID] = t
	}
	least := map[byte]terroir.PayloadID{}
	for id, t := range g.known {
		if old, ok := least[t.Text[0]]; !ok || id.String() < old.String() {
			least[t.Text[0]] = id
		}
	}
	for id, t := range g.known {
		f := least[t.Text[0]]
		rows = append(rows, terroir.Grouped{Template: id, Substring: f, Family: f, Vehicle: string(t.Text[:1]), Why: "alone", Generation: int64(len(g.known))})
	}
	return rows
}

func templates(names ...string) *lake.Batch {
	b := &lake.Batch{}
	for _, n := range names {
		b.Templates = append(b.Templates, terroir.Template{ID: terroir.NewPayloadID([]byte(n)), Text: []byte(n)})
	}
	return b
}

// families are the sizes of the families that hold, by name.
func families(t *testing.T, l *lake.Lake) map[string]int {
	t.Helper()
	held, _, err := l.Families(context.Background(), -1)
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{}
	one := map[string]terroir.PayloadID{}
	for id, g := range held {
		if id != g.Template {
			t.Errorf("%s is the row of %s", id, g.Template)
		}
		if other, ok := one[g.Vehicle]; ok && other != g.Family {
			t.Errorf("family %s has two ids", g.Vehicle)
		}
		one[g.Vehicle] = g.Family
		sizes[g.Vehicle]++
	}
	return sizes
}

func TestGroupsFollowTheTemplates(t *testing.T) {
	ctx := context.Background()
	l, err := lake.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	one, other := NewGroups(l, newByFirstByte), NewGroups(l, newByFirstByte)
	rows := int64(0)
	grows := func(step string, by int64) {
		t.Helper()
		f, err := l.Files(ctx, "families")
		if err != nil {
			t.Fatal(err)
		}
		if f.Rows-rows != by {
			t.Errorf("%s: %d rows were written, not %d", step, f.Rows-rows, by)
		}
		rows = f.Rows
	}
	for i, step := range []struct {
		name  string
		batch *lake.Batch
		by    *Groups
		most  int64
		want  string
	}{
		{"nothing", &lake.Batch{}, one, 0, "map[]"},
		{"two families", templates("a1", "a2", "b1"), one, 3, "map[a:2 b:1]"},
		{"another hub, nothing new", &lake.Batch{}, other, 0, "map[a:2 b:1]"},
		{"one more", templates("c1"), other, 1, "map[a:2 b:1 c:1]"},
		{"the first again", &lake.Batch{}, one, 0, "map[a:2 b:1 c:1]"},
		{"known already", templates("a1"), one, 0, "map[a:2 b:1 c:1]"},
		{"after a restart", &lake.Batch{}, NewGroups(l, newByFirstByte), 0, "map[a:2 b:1 c:1]"},
	} {
		if _, err := l.Commit(ctx, step.batch); err != nil {
			t.Fatal(err)
		}
		if err := step.by.Update(ctx); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		grows(step.name, step.most)
		if got := fmt.Sprint(families(t, l)); got != step.want {
			t.Errorf("%s: %s, not %s", step.name, got, step.want)
		}
	}
	if err := one.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(families(t, l)); got != "map[a:2 b:1 c:1]" {
		t.Errorf("after a rebuild: %s", got)
	}
}
