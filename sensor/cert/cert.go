// Package cert keeps the certificate with which a sensor answers TLS: made at first start, the same ever after.
package cert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"terroir"
)

// Load returns the certificate in dir, which it makes where there is none: self-signed, ECDSA P-256, ten years, with a
// random name of the kind that container platforms give their nodes.
//
// A folder or file that cannot be used yields an EUNREACHABLE error.
func Load(dir string) (tls.Certificate, error) {
	c, err := load(dir)
	if err != nil {
		return c, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "cannot use the certificate", Err: err}
	}
	return c, nil
}

func load(dir string) (tls.Certificate, error) {
	file := filepath.Join(dir, "sensor.pem")
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		if text, err = create(); err == nil {
			err = write(file, text)
		}
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(text, text)
}

// write writes beside and renames: half a key is never found.
func write(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// create returns key and certificate, one behind the other.
func create() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("node-%06x", new(big.Int).And(serial, big.NewInt(0xffffff)))
	from := time.Now().Add(-24 * time.Hour).Truncate(time.Hour)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name, "localhost"},
		NotBefore: from, NotAfter: from.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...), nil
}
