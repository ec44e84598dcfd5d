package signed

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nkeys"

	"terroir/bus"
)

// prefix is signed before the document: nothing else that is signed begins so.
const prefix = "terroir configuration 1\n"

// envelope is a document on the bus.
type envelope struct {
	Key       string `json:"key"`
	Signature []byte `json:"signature"`
	Document  []byte `json:"document"`
}

// Sign checks the document and puts it into an envelope, signed.
//
// A document that no sensor would accept yields an ECONFIG error.
func Sign(d *Document, key nkeys.KeyPair) ([]byte, error) {
	d.Version = version
	if err := d.Check(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	e := envelope{Document: text}
	if e.Key, err = key.PublicKey(); err != nil {
		return nil, err
	}
	if e.Signature, err = key.Sign(append([]byte(prefix), text...)); err != nil {
		return nil, err
	}
	out, err := json.Marshal(e)
	if err == nil && len(out) > bus.MaxConfiguration {
		err = tooLarge(len(out))
	}
	return out, err
}

func tooLarge(n int) error {
	return fmt.Errorf("a document of %d bytes, more than the %d allowed", n, bus.MaxConfiguration)
}

// Open takes the document out of its envelope. trusts is asked for the key before anything of the document is read; nil
// stands for a document that was checked before. The key is returned with it.
//
// When the signature is good and the document is not, it is returned with the error as far as it was read.
func Open(text []byte, trusts func(key string) error) (d *Document, key string, err error) {
	if len(text) > bus.MaxConfiguration {
		return nil, "", tooLarge(len(text))
	}
	var e envelope
	if err := decode(text, &e); err != nil {
		return nil, "", errors.New("malformed: not a document in its envelope")
	}
	if e.Key == "" || len(e.Signature) == 0 {
		return nil, "", errors.New("unsigned")
	}
	if !nkeys.IsValidPublicServerKey(e.Key) {
		return nil, "", errors.New("signed by what is not a key for configurations")
	}
	if trusts != nil {
		if err := trusts(e.Key); err != nil {
			return nil, "", err
		}
	}
	public, err := nkeys.FromPublicKey(e.Key)
	if err == nil {
		err = public.Verify(append([]byte(prefix), e.Document...), e.Signature)
	}
	if err != nil {
		return nil, "", errors.New("the signature is not that of the document")
	}
	d = &Document{}
	if err := decode(e.Document, d); err != nil {
		return nil, "", errors.New("malformed: the document is not one of this version")
	}
	return d, e.Key, d.Check()
}
