// Package fleet is the hub's side of trust: it makes the keys of a fleet, the tokens with which sensors join, and the
// credentials with which they are known from then on; and it takes them back.
//
// The keys are those of NATS (decentralised JWT authentication, https://docs.nats.io): an operator vouches for one account,
// in which stream and marks are, and the account vouches for users. A user that is a sensor may publish its own events
// and read its own marks. TLS has a certificate authority of its own, whose certificate every token carries.
//
// Everything is in files below one folder, so that the commands need no connection to a running hub:
//
//	keys.json           the seeds, and the certificate authority's key: the fleet's secrets
//	tokens/ID.json      a token that can be used
//	members/NAME.json   a sensor that joined
//	removed/KEY.json    a key that is not accepted any more
package fleet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nkeys"

	"terroir"
)

// Fleet is a folder with keys, tokens and members.
type Fleet struct {
	dir  string
	keys keys
}

// keys are the fleet's secrets, as keys.json has them.
type keys struct {
	Operator, System, Account, Hub []byte
	// Authority is the certificate (DER), AuthorityKey its key (PKCS #8).
	Authority, AuthorityKey []byte
}

// Open opens the fleet in the folder, and makes its keys where there are none.
//
// A folder that cannot be used yields an EUNREACHABLE error.
func Open(dir string) (*Fleet, error) {
	f := &Fleet{dir: dir}
	if err := f.open(); err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: dir, Message: "cannot use the keys of the fleet", Err: err}
	}
	return f, nil
}

func (f *Fleet) open() error {
	for _, name := range []string{"tokens", "members", "removed"} {
		if err := os.MkdirAll(filepath.Join(f.dir, name), 0o700); err != nil {
			return err
		}
	}
	file := filepath.Join(f.dir, "keys.json")
	err := readJSON(file, &f.keys)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f.keys, err = makeKeys(); err != nil {
		return err
	}
	return writeJSON(file, &f.keys)
}

func makeKeys() (k keys, err error) {
	for _, x := range []struct {
		seed *[]byte
		make func() (nkeys.KeyPair, error)
	}{{&k.Operator, nkeys.CreateOperator}, {&k.System, nkeys.CreateAccount}, {&k.Account, nkeys.CreateAccount}, {&k.Hub, nkeys.CreateUser}} {
		pair, err := x.make()
		if err != nil {
			return k, err
		}
		if *x.seed, err = pair.Seed(); err != nil {
			return k, err
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return k, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "terroir fleet"}, NotBefore: time.Now().Add(-24 * time.Hour),
		NotAfter: time.Now().AddDate(20, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	if k.Authority, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key); err != nil {
		return k, err
	}
	k.AuthorityKey, err = x509.MarshalPKCS8PrivateKey(key)
	return k, err
}

// serverLasts is how long the hub's own certificate is valid; it gets another one each time it starts.
const serverLasts = 2 * 365 * 24 * time.Hour

// TLS is the configuration of the hub's bus, with a certificate that is made for it now.
func (f *Fleet) TLS() (*tls.Config, error) {
	authority, err := x509.ParseCertificate(f.keys.Authority)
	if err != nil {
		return nil, err
	}
	signer, err := x509.ParsePKCS8PrivateKey(f.keys.AuthorityKey)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "terroir hub"}, DNSNames: []string{"terroir-hub"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(serverLasts), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}

func readJSON(file string, to any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// writeJSON writes beside and renames: who reads the file reads all of it.
func writeJSON(file string, from any) error {
	text, err := json.MarshalIndent(from, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // readable by the owner only
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
