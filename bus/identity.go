package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Identity is who somebody is to the hub, while that changes: keys are renewed and rotated. Its methods may be called
// concurrently.
type Identity struct {
	mu  sync.Mutex
	now Credentials
}

// NewIdentity begins with the credentials.
func NewIdentity(c *Credentials) *Identity { return &Identity{now: *c} }

// Credentials are those that hold now.
func (i *Identity) Credentials() Credentials {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// Set changes the credentials. A connection has the new ones from its next attempt on.
func (i *Identity) Set(c Credentials) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = c
}

// Options are those of a connection with the credentials that hold whenever it is made.
func (i *Identity) Options() []nats.Option {
	return Authenticated(i.now.Sensor, func() (Credentials, error) { return i.Credentials(), nil }, time.Now)
}

// Authenticated are the options of a connection that knows the server by its CA, and that the server knows by the key;
// both are asked for whenever the connection is made. Answers come to an inbox of its own, the only one that it may read.
// A refusal does not end the attempts: a key that is suspended is accepted again later.
func Authenticated(name string, current func() (Credentials, error), clock func() time.Time) []nats.Option {
	token := func() (string, error) {
		c, err := current()
		return c.JWT, err
	}
	sign := func(nonce []byte) ([]byte, error) {
		c, err := current()
		if err != nil {
			return nil, err
		}
		pair, err := nkeys.FromSeed([]byte(c.Seed))
		if err != nil {
			return nil, err
		}
		defer pair.Wipe()
		return pair.Sign(nonce)
	}
	return []nats.Option{nats.UserJWT(token, sign), nats.Secure(trusting(current, clock)), nats.CustomInboxPrefix(InboxOf(name)), nats.IgnoreAuthErrorAbort()}
}

// trusting believes whoever has a certificate of the CA, by whatever name: the CA has only one.
func trusting(current func() (Credentials, error), clock func() time.Time) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error { //nolint:gosec // verified here
		c, err := current()
		if err != nil {
			return err
		}
		roots, err := c.roots()
		if err != nil {
			return fmt.Errorf("the hub's certificate in the credentials: %w", err)
		}
		if len(s.PeerCertificates) == 0 {
			return errors.New("the hub shows no certificate")
		}
		_, err = s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, CurrentTime: clock()})
		return err
	}}
}

// roots are the certificates of those who may answer as the hub.
func (c *Credentials) roots() (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	for _, der := range append([][]byte{c.CA}, c.NextCAs...) {
		root, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		roots.AddCert(root)
	}
	return roots, nil
}
