package bus

import (
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"terroir"
)

func TestWhatABusElsewhereAsksForIsRead(t *testing.T) {
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := key.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds := "-----BEGIN NATS USER JWT-----\na.b.c\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n" + string(seed) + "\n------END USER NKEY SEED------\n"
	for _, c := range []struct {
		remote  Remote
		options int
	}{{Remote{}, 0}, {Remote{Credentials: Given{Text: string(seed), From: "file:x"}}, 1}, {Remote{Credentials: Given{Text: creds, From: "file:x"}}, 1}} {
		if o, err := c.remote.Options(); err != nil || len(o) != c.options {
			t.Errorf("%d options, %v", len(o), err)
		}
	}
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := account.Seed()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Remote{{Credentials: Given{Text: "secret", From: "file:x"}}, {Credentials: Given{Text: string(wrong), From: "file:x"}}, {Credentials: Given{Text: creds[:70], From: "file:x"}}, {CA: Given{Text: "secret", From: "file:x"}}} {
		_, err := r.Options()
		if terroir.ErrorCode(err) != terroir.ECONFIG || strings.Contains(err.Error(), "secret") || !strings.HasPrefix(err.Error(), "file:x: ") || strings.Contains(err.Error(), string(wrong)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
