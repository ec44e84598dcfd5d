package bus

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"terroir"
)

// Token lets a machine join a fleet: where the hub is, how to know it, and a key that may ask for credentials and nothing
// else. It is a secret until it is used up or expires.
type Token struct {
	// ID names the token at the hub.
	ID string `json:"id"`
	// Hub is the address of the bus, CA the certificate (DER) of those who may answer there.
	Hub string `json:"hub"`
	CA  []byte `json:"ca"`
	// NextCAs are the certificates that replace CA while the hub's are rotated.
	NextCAs [][]byte `json:"next_cas,omitempty"`
	// JWT and Seed are the key.
	JWT  string `json:"jwt"`
	Seed string `json:"seed"`
}

// tokenPrefix names the form of a token as text.
const tokenPrefix = "terroir1."

// String is the token as text, in one word.
func (t *Token) String() string {
	text, err := json.Marshal(t)
	if err != nil {
		panic(err) // Strings and bytes can be encoded.
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(text)
}

// ParseToken reads a token. What is none yields an EINVALID error.
func ParseToken(s string) (*Token, error) {
	body, ok := strings.CutPrefix(strings.TrimSpace(s), tokenPrefix)
	text, err := base64.RawURLEncoding.DecodeString(body)
	t := &Token{}
	if err == nil {
		err = json.Unmarshal(text, t)
	}
	if !ok || err != nil || t.ID == "" || t.Hub == "" || len(t.CA) == 0 {
		return nil, &terroir.Error{Code: terroir.EINVALID, Message: "this is not a token", Hint: "terroir fleet token create, at the hub, prints one"}
	}
	return t, nil
}

// Credentials are a sensor's own: who it is, and the key with which it shows that.
type Credentials struct {
	Sensor string `json:"sensor"`
	Region string `json:"region"`
	Hub    string `json:"hub"`
	CA     []byte `json:"ca"`
	// NextCAs are the certificates that replace CA while the hub's are rotated.
	NextCAs [][]byte `json:"next_cas,omitempty"`
	JWT     string   `json:"jwt"`
	Seed    string   `json:"seed"`
	// Configurations are the public keys that sign what the sensor is to serve.
	Configurations []string `json:"configurations,omitempty"`
}

// Options are those of a connection with the credentials as they are.
func (c *Credentials) Options() []nats.Option { return NewIdentity(c).Options() }

// InboxOf is the prefix of the subjects on which the client gets its answers.
func InboxOf(name string) string { return "_INBOX." + name }

// JoinSubject is where the owner of a token asks for credentials.
func JoinSubject(id string) string { return "terroir.join." + id }

// JoinRequest is what a machine that joins says: its public key. JoinAnswer is what the hub says to that.
type JoinRequest struct {
	Key string `json:"key"`
}

// JoinAnswer has an error, or credentials without the seed, which never leaves the machine.
type JoinAnswer struct {
	Error  string `json:"error,omitempty"`
	JWT    string `json:"jwt,omitempty"`
	Sensor string `json:"sensor,omitempty"`
	Region string `json:"region,omitempty"`
	// Configurations are the public keys that sign what the sensor is to serve.
	Configurations []string `json:"configurations,omitempty"`
}

// joinPause is the time between two attempts to reach the hub.
const joinPause = time.Second

// Join makes a key and asks the hub for credentials, again and again until ctx ends where the hub cannot be reached.
//
// A token that the hub does not accept yields an EUNAUTHORIZED error, a hub that is not reached in time EUNREACHABLE.
func Join(ctx context.Context, t *Token) (*Credentials, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, err
	}
	public, err := key.PublicKey()
	if err != nil {
		return nil, err
	}
	seed, err := key.Seed()
	if err != nil {
		return nil, err
	}
	for {
		answer, err := askToJoin(ctx, t, JoinRequest{Key: public})
		switch {
		case err == nil && answer.Error != "":
			return nil, denied(t, errors.New(answer.Error))
		case err == nil:
			return &Credentials{Sensor: answer.Sensor, Region: answer.Region, Hub: t.Hub, CA: t.CA, NextCAs: t.NextCAs, JWT: answer.JWT, Seed: string(seed),
				Configurations: answer.Configurations}, nil
		case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrPermissionViolation):
			return nil, denied(t, err)
		}
		select {
		case <-ctx.Done():
			return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: t.Hub, Message: "cannot join", Err: err, Hint: "is the hub running, and reached from here?"}
		case <-time.After(joinPause):
		}
	}
}

func denied(t *Token, err error) error {
	return &terroir.Error{Code: terroir.EUNAUTHORIZED, Where: t.Hub, Message: "the hub does not accept the token", Err: err, Hint: "make another: terroir fleet token create"}
}

func askToJoin(ctx context.Context, t *Token, r JoinRequest) (a JoinAnswer, err error) {
	as := Credentials{Sensor: "join-" + t.ID, CA: t.CA, NextCAs: t.NextCAs, JWT: t.JWT, Seed: t.Seed}
	nc, err := nats.Connect(t.Hub, append(as.Options(), nats.Timeout(5*time.Second))...)
	if err != nil {
		return a, err
	}
	defer nc.Close()
	text, err := json.Marshal(r)
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, JoinSubject(t.ID), text)
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(m.Data, &a)
}
