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
	}{{Remote{}, 0}, {Remote{Credentials: string(seed)}, 1}, {Remote{Credentials: creds}, 1}} {
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
	for _, r := range []Remote{{Credentials: "secret"}, {Credentials: string(wrong)}, {Credentials: creds[:70]}, {CA: "secret"}} {
		_, err := r.Options()
		if terroir.ErrorCode(err) != terroir.ECONFIG || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), string(wrong)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
