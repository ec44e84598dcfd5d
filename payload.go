package terroir

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// PayloadID is the SHA-256 of a payload's bytes. The zero value means "no payload".
type PayloadID [sha256.Size]byte

// NewPayloadID names the bytes. No bytes have no name: the result is zero.
func NewPayloadID(b []byte) PayloadID {
	if len(b) == 0 {
		return PayloadID{}
	}
	return sha256.Sum256(b)
}

// IsZero reports whether the id names nothing.
func (id PayloadID) IsZero() bool { return id == PayloadID{} }

// String is the id in lower-case hexadecimal, or "" for the zero id.
func (id PayloadID) String() string {
	if id.IsZero() {
		return ""
	}
	return hex.EncodeToString(id[:])
}

// ParsePayloadID is the inverse of PayloadID.String. Anything but 64 hexadecimal digits yields an EINVALID error.
func ParsePayloadID(s string) (PayloadID, error) {
	var id PayloadID
	if b, err := hex.DecodeString(s); err != nil || len(b) != len(id) {
		return id, &Error{Code: EINVALID, Message: fmt.Sprintf("payload id %q: want 64 hexadecimal digits", s)}
	} else {
		copy(id[:], b)
	}
	return id, nil
}

// Payload is a distinct payload and where it was first seen.
type Payload struct {
	ID          PayloadID
	Bytes       []byte
	FirstTime   time.Time
	FirstSensor string
}

// PayloadFacts is what analysis found in a payload. It is rebuilt when the analyzer improves.
type PayloadFacts struct {
	Payload PayloadID
	// Template is the payload with what names the sensor and volatile tokens replaced, named by its SHA-256.
	Template PayloadID
	AppProto string
	// Label is the field's term for the request, or "".
	Label string
	// AnalyzerVersion says which analyzer found this.
	AnalyzerVersion int32
}
