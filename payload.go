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

// Append appends what String returns.
func (id PayloadID) Append(b []byte) []byte {
	if id.IsZero() {
		return b
	}
	return hex.AppendEncode(b, id[:])
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

// PayloadFacts is what analysis found in a payload. It depends on nothing but the bytes, the transport and what names the
// sensor, and is rebuilt when the analyzer improves.
type PayloadFacts struct {
	Payload PayloadID
	// Template names the payload's template.
	Template PayloadID
	AppProto string
	// Label is the field's term for the request, or "".
	Label string
	// Tags are CVE and ATT&CK identifiers and the like, only where they are certain, sorted.
	Tags []string
	// UserAgent is what an HTTP client calls itself, or "".
	UserAgent string
	// Scanner is who the payload says sent it (spoofable), or "".
	Scanner string
	// Steps say how the payload was decoded, from the outside in.
	Steps []Step
	// AnalyzerVersion says which analyzer found this.
	AnalyzerVersion int32
}

// Analysis is all that is known of a payload from itself.
type Analysis struct {
	Facts      PayloadFacts
	Template   Template
	Indicators []Indicator
}

// Step is one step of decoding that a person can follow.
type Step struct {
	// Number counts the steps of a payload from 1; From is the step whose result was decoded, 0 for the payload itself.
	Number int `json:"step"`
	From   int `json:"from"`
	// Kind is what was undone or taken apart: base64, gzip, percent, log4j, shell, json, docker, redis, …
	Kind string `json:"kind"`
	// Offset and Length say where in the result of From it stood, in bytes.
	Offset int `json:"offset"`
	Length int `json:"length"`
	// Note says in words what it is, such as "LDAP lookup at 192.0.2.1:1389; fires in Log4j 2.14.1", or is "".
	Note string `json:"note,omitempty"`
	// Text is the result, safe to show, and cut where it is long.
	Text string `json:"text"`
}

// Template is a payload with what names the sensor replaced and volatile tokens masked, so that one probe to two sensors is
// one template.
type Template struct {
	// ID is the SHA-256 of the other fields.
	ID       PayloadID
	AppProto string
	// Text is the masked payload.
	Text []byte
	// Cargo is the innermost command that decoding found, masked in the same way; nil when there is none.
	Cargo []byte
}

// Indicator is an address, URL, domain, hash or the like that a payload names.
type Indicator struct {
	Payload PayloadID
	// Type is one of ipv4, ipv6, url, domain, email, md5, sha1, sha256, file, wallet, ssh_key and image (of a container).
	Type string
	// Value is the indicator, not defanged.
	Value string
	// Role is one of callback, stage2, dropper, c2, or "" where none is certain.
	Role string
	// Step is the step of decoding in whose result it stands, 0 for the payload itself.
	Step int
}

// Grouped is the place of a template among its like. What holds for it may change when other templates come; of two for one
// template the one with the higher Generation holds.
type Grouped struct {
	Template PayloadID
	// Substring names the group of templates that differ in slots only, or of which one stands whole in the other. It is the
	// smallest id of the group's templates.
	Substring PayloadID
	// Family names the group by shared content, again by the smallest id of its templates: so the former name of a family that
	// grew leads to it still, for it is the id of one of its templates.
	Family PayloadID
	// Vehicle and Cargo are the two parts of the family's name: the exploit's wrapper and what it carries ("" for none).
	Vehicle, Cargo string
	// Why says what joined this template to its family: "alone", "same skeleton", "contains", "similar" …
	Why string
	// Nearest is the template of the family that it is most like, Similarity how like (0 to 1).
	Nearest    PayloadID
	Similarity float64
	// Generation is how many templates were known.
	Generation int64
}
