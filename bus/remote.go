package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"terroir"
)

// Remote is what a bus elsewhere asks of those who connect to it.
type Remote struct {
	// Credentials is the text of a NATS credentials file, or the seed of a user's NKey; none where none are asked for.
	Credentials Given
	// CA is the certificate, or several, in PEM, of those who may answer; none means those whom the system trusts, where the
	// address is tls://.
	CA Given
}

// Given is a text, and where it is from, which errors say.
type Given struct{ Text, From string }

// Options are those of a connection. Text that is neither a key nor a certificate yields an ECONFIG error that does not
// repeat it.
func (r Remote) Options() ([]nats.Option, error) {
	var options []nats.Option
	if r.Credentials.Text != "" {
		o, err := keyOption([]byte(r.Credentials.Text))
		if err != nil {
			return nil, &terroir.Error{Code: terroir.ECONFIG, Where: r.Credentials.From, Message: "these are not credentials of NATS", Err: err,
				Hint: "give a .creds file, or a user's seed, which begins with SU"}
		}
		options = append(options, o)
	}
	if r.CA.Text != "" {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(r.CA.Text)) {
			return nil, &terroir.Error{Code: terroir.ECONFIG, Where: r.CA.From, Message: "there is no certificate in this", Hint: "give a file in PEM"}
		}
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}))
	}
	return options, nil
}

// keyOption shows who connects: by JWT and seed where there is a JWT, else by the seed alone.
func keyOption(text []byte) (nats.Option, error) {
	if strings.Contains(string(text), "BEGIN NATS USER JWT") {
		if _, err := nkeys.ParseDecoratedJWT(text); err != nil {
			return nil, err
		}
		if _, err := nkeys.ParseDecoratedUserNKey(text); err != nil {
			return nil, errors.New("no seed of a user")
		}
		return nats.UserCredentialBytes(text), nil
	}
	key, err := nkeys.ParseDecoratedUserNKey(text)
	if err != nil {
		return nil, errors.New("no seed of a user")
	}
	public, err := key.PublicKey()
	if err != nil {
		return nil, err
	}
	return nats.Nkey(public, key.Sign), nil
}
