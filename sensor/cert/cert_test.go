package cert

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"terroir"
)

func TestTheCertificateStaysTheSame(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	first, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Certificate[0], second.Certificate[0]) {
		t.Error("another certificate")
	}
	info, err := os.Stat(filepath.Join(dir, "sensor.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key can be read by others: %v %v", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sensor.pem"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); terroir.ErrorCode(err) != terroir.EUNREACHABLE {
		t.Errorf("a broken file: %v", err)
	}
}
