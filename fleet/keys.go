package fleet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nkeys"

	"terroir"
)

// keys are the fleet's secrets, as keys.json has them. Nobody keeps the account's own key: its signers do its work.
type keys struct {
	Operator, System []byte
	// AccountID is the account's public key.
	AccountID string
	// OwnKeyUntil is when the account's own key, which vouched in the first folders, was rotated away; zero if it never was.
	OwnKeyUntil time.Time `json:",omitzero"`
	// Generations, the newest last; there is at least one.
	Generations []generation
	firstKeys
}

// firstKeys are what folders have that were made before there were generations.
type firstKeys struct {
	Account      []byte `json:",omitempty"`
	Hub          []byte `json:",omitempty"`
	Authority    []byte `json:",omitempty"`
	AuthorityKey []byte `json:",omitempty"`
}

// generation is the keys that change together.
type generation struct {
	// Signer vouches for users, Hub is the hub's own user.
	Signer, Hub []byte
	// Configurations signs what sensors are to serve.
	Configurations []byte
	// Authority is the certificate (DER) that vouches for the hub's TLS, AuthorityKey its key (PKCS #8).
	Authority, AuthorityKey []byte
	Made                    time.Time
	// Ends is when it holds no more; zero for the newest.
	Ends time.Time `json:",omitzero"`
}

func (g *generation) holds(now time.Time) bool { return g.Ends.IsZero() || g.Ends.After(now) }

func makeKeys() (k keys, err error) {
	if k.Operator, _, err = makeKey(nkeys.CreateOperator); err != nil {
		return k, err
	}
	if k.System, _, err = makeKey(nkeys.CreateAccount); err != nil {
		return k, err
	}
	if _, k.AccountID, err = makeKey(nkeys.CreateAccount); err != nil {
		return k, err
	}
	g, err := makeGeneration()
	k.Generations = []generation{g}
	return k, err
}

func makeKey(create func() (nkeys.KeyPair, error)) (seed []byte, public string, err error) {
	pair, err := create()
	if err != nil {
		return nil, "", err
	}
	if seed, err = pair.Seed(); err != nil {
		return nil, "", err
	}
	public, err = pair.PublicKey()
	return seed, public, err
}

// Certificates hold from before they were made: clocks differ.
const (
	validBefore    = 24 * time.Hour
	authorityYears = 20
)

func makeGeneration() (g generation, err error) {
	g.Made = time.Now().UTC()
	if g.Signer, _, err = makeKey(nkeys.CreateAccount); err != nil {
		return g, err
	}
	if g.Hub, _, err = makeKey(nkeys.CreateUser); err != nil {
		return g, err
	}
	if g.Configurations, _, err = makeKey(nkeys.CreateServer); err != nil {
		return g, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return g, err
	}
	// Each has a name of its own: which of two is meant is told by it.
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "terroir fleet " + random()},
		NotBefore: g.Made.Add(-validBefore), NotAfter: g.Made.AddDate(authorityYears, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	if g.Authority, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key); err != nil {
		return g, err
	}
	g.AuthorityKey, err = x509.MarshalPKCS8PrivateKey(key)
	return g, err
}

func (f *Fleet) keysFile() string { return filepath.Join(f.dir, "keys.json") }

// readKeys reads the keys where they are not those that were read last.
func (f *Fleet) readKeys() error { return f.readKeysIf(false) }

// readKeysIf reads the keys where they are others, or in any case.
func (f *Fleet) readKeysIf(anyhow bool) error {
	info, err := os.Stat(f.keysFile())
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !anyhow && info.ModTime().Equal(f.read) {
		return nil
	}
	var k keys
	if err := readJSON(f.keysFile(), &k); err != nil {
		return err
	}
	if len(k.Generations) == 0 {
		if k.AccountID, err = public(k.Account); err != nil {
			return err
		}
		k.Generations = []generation{{Signer: k.Account, Hub: k.Hub, Authority: k.Authority, AuthorityKey: k.AuthorityKey}}
	}
	f.keys, f.read = k, info.ModTime()
	return nil
}

func (f *Fleet) writeKeys(k keys) error {
	k.firstKeys = firstKeys{}
	if err := writeJSON(f.keysFile(), &k); err != nil {
		return err
	}
	return f.readKeysIf(true) // Two files that were written within a tick of the clock have the same time.
}

// holding are the generations that hold now, the oldest first.
func (f *Fleet) holding() []generation {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.keys.Generations), func(g generation) bool { return !g.holds(time.Now()) })
}

// newest is the last that was made.
func (f *Fleet) newest() generation {
	all := f.holding()
	return all[len(all)-1] // The newest has no end.
}

// authorities are the certificate that vouches for the hub now, and those that do later.
func (f *Fleet) authorities() (now []byte, next [][]byte) {
	all := f.holding()
	for _, g := range all[1:] {
		next = append(next, g.Authority)
	}
	return all[0].Authority, next
}

// Rotate makes the next generation of keys. Those before it hold for the overlap, in which sensors that reach the hub
// change over by themselves; the others have to join again afterwards. An overlap of zero ends all credentials at once.
//
// A negative overlap yields an EINVALID error.
func (f *Fleet) Rotate(overlap time.Duration) error {
	if overlap < 0 {
		return &terroir.Error{Code: terroir.EINVALID, Where: "--overlap", Message: "an overlap cannot be negative", Hint: "give a duration such as 336h"}
	}
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := f.readKeys(); err != nil {
		return err
	}
	next, err := makeGeneration()
	if err != nil {
		return err
	}
	k := f.snapshot()
	for i := range k.Generations {
		if own, err := public(k.Generations[i].Signer); err == nil && own == k.AccountID {
			k.OwnKeyUntil = next.Made
		}
		if g := &k.Generations[i]; g.Ends.IsZero() || g.Ends.After(next.Made.Add(overlap)) {
			g.Ends = next.Made.Add(overlap)
		}
	}
	k.Generations = append(k.Generations, next)
	return f.writeKeys(k)
}

func (f *Fleet) snapshot() keys {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.keys
	k.Generations = slices.Clone(k.Generations)
	return k
}

// forget removes the keys of generations that hold no more.
func (f *Fleet) forget() error {
	k := f.snapshot()
	if len(f.holding()) == len(k.Generations) {
		return nil
	}
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := f.readKeys(); err != nil {
		return err
	}
	k = f.snapshot()
	k.Generations = f.holding()
	return f.writeKeys(k)
}

// serverLasts is how long the hub's own certificate is valid; it gets another one each time it starts, or its authority
// changes.
const serverLasts = 2 * 365 * 24 * time.Hour

// TLS is the configuration of the hub's bus. Its certificate is made for it now, and anew when the authority changes.
func (f *Fleet) TLS() (*tls.Config, error) {
	c := &certificates{fleet: f}
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: c.get}, nil
}

func serverCertificate(g *generation) (*tls.Certificate, error) {
	authority, err := x509.ParseCertificate(g.Authority)
	if err != nil {
		return nil, err
	}
	signer, err := x509.ParsePKCS8PrivateKey(g.AuthorityKey)
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
		NotBefore: time.Now().Add(-validBefore), NotAfter: time.Now().Add(serverLasts), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
