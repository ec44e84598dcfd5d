package signed

import (
	"fmt"
	"time"
)

// Keeper judges the documents that one sensor gets.
type Keeper struct {
	Sensor string
	// Trusts returns why the key is not believed, or nil.
	Trusts func(key string) error
	// Last is the last document that was accepted, or nil.
	Last *Document
}

// Verdict is what a sensor thinks of an envelope.
type Verdict struct {
	// Document is what was read; nil where nothing that is believed was.
	Document *Document
	// Key signed it.
	Key string
	// Known says that it is the one in force, again.
	Known bool
}

// Judge reads an envelope at a time. An error says why the document is refused, in words for the operator. What is neither
// refused nor known is newer than Last, and becomes Last when the caller serves it.
func (k *Keeper) Judge(text []byte, now time.Time) (Verdict, error) {
	d, key, err := Open(text, k.Trusts)
	v := Verdict{Document: d, Key: key}
	if err != nil {
		return v, err
	}
	if d.Sensor != k.Sensor {
		return Verdict{}, fmt.Errorf("it is for sensor %q", d.Sensor)
	}
	if k.Last != nil {
		if v.Known = d.Same(k.Last); v.Known {
			return v, nil
		}
		if d.Serial <= k.Last.Serial {
			return v, fmt.Errorf("serial %d is not newer than %d", d.Serial, k.Last.Serial)
		}
	}
	if !now.Before(d.Expires) {
		return v, fmt.Errorf("serial %d expired at %s", d.Serial, d.Expires.UTC().Format(time.RFC3339))
	}
	return v, nil
}
