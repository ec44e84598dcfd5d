package fleet

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"terroir"
	"terroir/bus"
)

func opened(t *testing.T) *Fleet {
	t.Helper()
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// in is a sensor that joined, by its key and JWT.
func in(t *testing.T, f *Fleet, name string) (key, jwt string) {
	t.Helper()
	key = userKey(t)
	a, err := f.join(granted(t, f, Grant{Sensor: name, Left: 1}).ID, key)
	if err != nil {
		t.Fatal(err)
	}
	return key, a.JWT
}

func (f *Fleet) isRemoved(key string) bool {
	_, err := os.Stat(f.file("removed", key))
	return err == nil
}

func TestTheOldKeyHoldsUntilTheNewOneIsUsed(t *testing.T) {
	f := opened(t)
	old, jwt := in(t, f, "paris-1")
	if a, err := f.renew("paris-1", &bus.RenewRequest{JWT: jwt, Key: userKey(t)}); err != nil || a.JWT != "" {
		t.Errorf("a new key before it is time: %+v %v", a, err)
	}
	f.Lasts *= 4 // so that less than a third is left
	lost, next := userKey(t), userKey(t)
	if a, err := f.renew("paris-1", &bus.RenewRequest{JWT: jwt, Key: lost}); err != nil || a.JWT == "" {
		t.Fatal("no new key when it is time", err)
	}
	a, err := f.renew("paris-1", &bus.RenewRequest{JWT: jwt, Key: next}) // The answer was lost, and the sensor started again.
	if err != nil || a.JWT == "" {
		t.Fatal("no new key", err)
	}
	if f.isRemoved(old) || !f.isRemoved(lost) {
		t.Error("the key in use is refused, or one that was never used is not")
	}
	if again, err := f.renew("paris-1", &bus.RenewRequest{JWT: a.JWT, Key: userKey(t)}); err != nil || again.JWT != "" {
		t.Errorf("the new key: %+v %v", again, err)
	}
	if !f.isRemoved(old) || f.isRemoved(next) {
		t.Error("the old key holds on, or the new one does not")
	}
	if _, err := f.renew("paris-1", &bus.RenewRequest{JWT: jwt, Key: userKey(t)}); err == nil {
		t.Error("the old key is renewed")
	}
	if err := f.Remove("paris-1"); err != nil || !f.isRemoved(next) {
		t.Error("removed, but not its key", err)
	}
}

func TestNobodyRenewsWithWhatIsNotItsOwn(t *testing.T) {
	f := opened(t)
	f.Lasts *= 4
	ownKey, own := in(t, f, "paris-1")
	othersKey, others := in(t, f, "tokyo-1")
	f.Lasts *= 4
	for what, r := range map[string]bus.RenewRequest{
		"another's JWT":    {JWT: others, Key: userKey(t)},
		"no JWT":           {JWT: "", Key: userKey(t)},
		"another's key":    {JWT: own, Key: othersKey},
		"its own key":      {JWT: own, Key: ownKey},
		"not a key":        {JWT: own, Key: "../x"},
		"an account's key": {JWT: own, Key: f.keys.AccountID},
	} {
		if a, err := f.renew("paris-1", &r); err == nil {
			t.Errorf("%s: %+v", what, a)
		}
	}
	if _, err := f.renew("../members/paris-1", &bus.RenewRequest{JWT: own, Key: userKey(t)}); err == nil {
		t.Error("renewed by a path")
	}
}

func TestOneOfManyAtOnceJoins(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	token := granted(t, f, Grant{Sensor: "one", Left: 1})
	var all sync.WaitGroup
	var mu sync.Mutex
	joined := 0
	for range 8 {
		key := userKey(t)
		other, err := Open(dir) // as another process has it
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if _, err := other.join(token.ID, key); err == nil {
				mu.Lock()
				joined++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if joined != 1 {
		t.Errorf("%d joined with a token for one", joined)
	}
}

// TestAFolderOfBeforeGenerationsGoesOn opens one whose account's own key vouched for everybody.
func TestAFolderOfBeforeGenerationsGoesOn(t *testing.T) {
	dir := t.TempDir()
	k, err := makeKeys()
	if err != nil {
		t.Fatal(err)
	}
	g := k.Generations[0]
	k.firstKeys = firstKeys{Account: g.Signer, Hub: g.Hub, Authority: g.Authority, AuthorityKey: g.AuthorityKey}
	k.Generations, k.AccountID = nil, ""
	text, err := json.Marshal(k)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "keys.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	own, err := public(g.Signer)
	if err != nil || f.keys.AccountID != own {
		t.Fatalf("account %q, want %q: %v", f.keys.AccountID, own, err)
	}
	_, jwt := in(t, f, "old-1")
	if err := f.Rotate(time.Hour); err != nil {
		t.Fatal(err)
	}
	if a, err := f.renew("old-1", &bus.RenewRequest{JWT: jwt, Key: userKey(t)}); err != nil || a.JWT == "" || len(a.NextCAs) != 1 {
		t.Errorf("not changed over: %+v %v", a, err)
	}
	if c, err := f.accountClaims(own); err != nil || len(c.Revocations) != 0 || len(c.SigningKeys) != 1 {
		t.Errorf("within the overlap: %+v %v", c, err)
	}
	if err := f.Rotate(0); err != nil {
		t.Fatal(err)
	}
	if c, err := f.accountClaims(own); err != nil || c.Revocations["*"] == 0 || len(c.SigningKeys) != 1 {
		t.Errorf("after it: %+v %v", c, err)
	}
	if err := f.forget(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadFile(f.keysFile())
	if err != nil || strings.Contains(string(left), "AuthorityKey") && strings.Count(string(left), "AuthorityKey") != 1 || strings.Contains(string(left), `"Account"`) {
		t.Errorf("old secrets are kept: %v", err)
	}
	if err := f.Rotate(-time.Second); terroir.ErrorCode(err) != terroir.EINVALID {
		t.Errorf("a negative overlap: %v", err)
	}
}

func TestWhoAsksTooOftenWaits(t *testing.T) {
	f := opened(t)
	answered := 0
	for range 1000 {
		if f.mayAsk("join a") {
			answered++
		}
	}
	if answered < questionsPerSecond || answered > 2*questionsPerSecond || !f.mayAsk("join b") {
		t.Errorf("%d of 1000 questions were answered", answered)
	}
}

// FuzzAnswerRenewal: whatever is asked, in whatever sensor's name, nobody gets credentials without its JWT; and the answer
// can be read.
func FuzzAnswerRenewal(f *testing.F) {
	fl, err := Open(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	key := userKey(f)
	f.Add("paris-1", []byte(`{"jwt":"a.b.c","key":"`+key+`"}`))
	f.Add("../members/paris-1", []byte(`{}`))
	if _, err := fl.join(granted(f, fl, Grant{Sensor: "paris-1", Left: 1}).ID, key); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sensor string, request []byte) {
		var a bus.RenewAnswer
		if err := json.Unmarshal(fl.answerRenewal(sensor, request), &a); err != nil {
			t.Fatal(err)
		}
		if a.JWT != "" {
			t.Errorf("renewed %q by %q", sensor, request)
		}
	})
}
