package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"terroir"
	"terroir/bus"
)

func userKey(t testing.TB) string {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func granted(t testing.TB, f *Fleet, g Grant) *bus.Token {
	t.Helper()
	g.Region, g.Expires = "eu-west-3", time.Now().Add(time.Hour)
	token, err := f.CreateToken(g, "tls://hub.example:4222")
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestAGrantIsUsedAsOftenAsItSays(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	token := granted(t, f, Grant{Sensor: "web", Group: true, Left: 2})
	first := userKey(t)
	names := map[string]bool{}
	for _, key := range []string{first, first, userKey(t)} { // An answer that was lost is asked for again.
		a, err := f.join(token.ID, key)
		if err != nil {
			t.Fatal(err)
		}
		names[a.Sensor] = true
	}
	if len(names) != 2 {
		t.Errorf("two machines are %v", names)
	}
	if a, err := f.join(token.ID, userKey(t)); err == nil {
		t.Errorf("a third one joined: %+v", a)
	}
	if tokens, err := f.Tokens(); err != nil || len(tokens) != 0 {
		t.Errorf("a used one is listed: %v %v", tokens, err)
	}
	again, err := Open(dir) // another start of the hub, or a command
	if err != nil {
		t.Fatal(err)
	}
	for name := range names {
		if err := again.Remove(name); err != nil {
			t.Error(err)
		}
		if err := again.Remove(name); terroir.ErrorCode(err) != terroir.ENOTFOUND {
			t.Errorf("removed twice: %v", err)
		}
	}
	if removed, err := f.removed(); err != nil || len(removed) != 2 {
		t.Errorf("%v %v", removed, err)
	}
	info, err := os.Stat(dir + "/keys.json")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secrets are readable: %v %v", info.Mode(), err)
	}
}

// FuzzAnswer: whatever is asked, by whatever token, nobody joins but with a grant and a key; and the answer can be read.
func FuzzAnswer(f *testing.F) {
	fl, err := Open(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	token := granted(f, fl, Grant{Sensor: "one", Left: 1})
	key := userKey(f)
	f.Add(token.ID, []byte(fmt.Sprintf(`{"key":%q}`, key)))
	f.Add("../members/one", []byte(`{"key":""}`))
	f.Add("", []byte(`{"key":"`+key+`"}`))
	f.Fuzz(func(t *testing.T, id string, request []byte) {
		var a bus.JoinAnswer
		if err := json.Unmarshal(fl.answer(id, request), &a); err != nil {
			t.Fatal(err)
		}
		if a.Error == "" && id != token.ID {
			t.Errorf("joined with %q", id)
		}
		if members, err := fl.Members(); err != nil || len(members) > 1 {
			t.Errorf("%v %v", members, err)
		}
	})
}
