package fleet

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
)

// signs is the key that signs now.
func signs(t *testing.T, f *Fleet) string {
	t.Helper()
	k, err := f.ConfigurationSigner()
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestTheOldKeySignsWhileBothHold rotates: until the overlap ends, sensors learn the next key.
func TestTheOldKeySignsWhileBothHold(t *testing.T) {
	f := opened(t)
	first := signs(t, f)
	if err := f.Rotate(time.Hour); err != nil {
		t.Fatal(err)
	}
	keys, err := f.ConfigurationKeys()
	if err != nil || len(keys) != 2 || keys[0] != first || signs(t, f) != first {
		t.Errorf("while both hold: %v %v, %s signs, %s did", keys, err, signs(t, f), first)
	}
	if err := f.Rotate(0); err != nil {
		t.Fatal(err)
	}
	keys, err = f.ConfigurationKeys()
	if err != nil || len(keys) != 1 || slices.Contains(keys, first) || signs(t, f) != keys[0] || !nkeys.IsValidPublicServerKey(keys[0]) {
		t.Errorf("after: %v %v", keys, err)
	}
}

// TestAnEarlierFolderGetsAKeyForConfigurations opens a folder as versions before left it.
func TestAnEarlierFolderGetsAKeyForConfigurations(t *testing.T) {
	f := opened(t)
	k := f.snapshot()
	k.Generations[0].Configurations = nil
	text, err := json.Marshal(&k)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, "keys.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	key := signs(t, again)
	if third, err := Open(f.dir); err != nil || signs(t, third) != key {
		t.Errorf("it has another key each time: %v", err)
	}
	if signer, err := public(again.newest().Signer); err != nil || signer == "" {
		t.Errorf("the others are gone: %v", err)
	}
}
