package terroir

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Kind says what sort of observation an event is. The zero Kind is invalid.
type Kind uint8

// The four kinds of event.
const (
	// KindConnection: the client connected and sent no byte before the sensor ended the session.
	KindConnection Kind = iota + 1
	// KindPayload: the client sent at least one byte (UDP: a datagram).
	KindPayload
	// KindError: the client ended the connection (FIN or RST) without having sent a byte, or a TLS handshake failed
	// before a payload.
	KindError
	// KindUnserved: an attempt on a port that nobody serves.
	KindUnserved
)

var kindNames = [...]string{"", "connection", "payload", "error", "unserved"}

// String returns the kind's name as it stands in tables, or "" for the zero Kind.
func (k Kind) String() string { return nameOf(kindNames[:], int(k)) }

// ParseKind is the inverse of Kind.String. Unknown names yield an EINVALID error.
func ParseKind(s string) (Kind, error) {
	i, err := indexOf(kindNames[:], s, "kind")
	return Kind(i), err
}

// Transport is the protocol below the payload. The zero Transport is invalid.
type Transport uint8

// The transports that a sensor observes.
const (
	TCP Transport = iota + 1
	UDP
	ICMP
)

var transportNames = [...]string{"", "tcp", "udp", "icmp"}

// String returns the transport's name as it stands in tables, or "" for the zero Transport.
func (t Transport) String() string { return nameOf(transportNames[:], int(t)) }

// ParseTransport is the inverse of Transport.String. Unknown names yield an EINVALID error.
func ParseTransport(s string) (Transport, error) {
	i, err := indexOf(transportNames[:], s, "transport")
	return Transport(i), err
}

// Close says who ended a session, and why. The zero Close means that there was no session to end.
type Close uint8

// The reasons for which a session ends.
const (
	CloseClientFIN Close = iota + 1
	CloseClientRST
	CloseIdleLimit
	CloseSizeLimit
	CloseTLSError
	CloseShutdown
)

var closeNames = [...]string{"", "client_fin", "client_rst", "idle_limit", "size_limit", "tls_error", "shutdown"}

// String returns the reason's name as it stands in tables, or "" for the zero Close.
func (c Close) String() string { return nameOf(closeNames[:], int(c)) }

// ParseClose is the inverse of Close.String. Unknown names yield an EINVALID error.
func ParseClose(s string) (Close, error) {
	i, err := indexOf(closeNames[:], s, "close reason")
	return Close(i), err
}

// MaxAttempts is how many attempts one record may stand for. It leaves room for the sum of two thousand million records in 64 bits,
// so that nobody who forges one can make the sums of all others wrong.
const MaxAttempts = 1 << 32

// Event is one observation: a session on a served port, a datagram, or attempts on a port that nobody serves.
type Event struct {
	// Position names the event: the sensor, its spool epoch and the number within it.
	Position
	// Time of the first packet, UTC, to the microsecond.
	Time time.Time
	// Duration from the first packet to the close; of unserved attempts, to the last one of the row.
	Duration time.Duration
	// Region in which the sensor stands, such as "eu-west-3".
	Region string
	// Revision of the configuration that was in force.
	Revision int32

	Kind      Kind
	Transport Transport
	// Source is the client, Destination the sensor's own address. The port is the ICMP type for ICMP.
	Source, Destination netip.AddrPort
	// Attempts is the number of attempts that this event stands for: 1 for a session, at least 1 and at most MaxAttempts otherwise.
	Attempts int64

	// Payload names what the client sent first; the zero PayloadID means that it sent nothing.
	Payload PayloadID
	// SourceBytes is the number of bytes that the client sent in all.
	SourceBytes int64
	// Truncated says that the client sent more than was kept.
	Truncated bool
	Close     Close

	// AppProto is the protocol that the client spoke, from its bytes; "" when unknown.
	AppProto string
	// TLS is what a ClientHello said, on any port; zero without one.
	TLS TLSHello
	// TCPSignature is the raw signature of the SYN in p0f's notation; Tool is what gave itself away by the packet.
	TCPSignature, Tool string

	// Country (ISO 3166-1 alpha-2), ASN and ASName of the source as known at Time; "" and 0 when unknown. GeoDate is
	// the build date of the databases that said so.
	Country string
	ASN     uint32
	ASName  string
	GeoDate string
	// Scanner is the scanning organisation as which the source identifies itself, or ""; that is what it says, not that it is
	// benign. ScannerDate is the date of the list of addresses that said so, "" where the source itself did.
	Scanner, ScannerDate string

	// Explored marks an event of a listener that was opened to explore.
	Explored bool
	// Transcript names the dialogue after the first payload; zero without one.
	Transcript PayloadID
}

// TLSHello is what a TLS ClientHello tells about its sender.
type TLSHello struct {
	// Version is the highest version offered, such as "1.3".
	Version string
	// SNI is the server name asked for; ALPN the protocols offered, separated by commas.
	SNI, ALPN string
	// JA3 and JA4 are the fingerprints of those names.
	JA3, JA4 string
}

// IPVersion is 4 or 6, after the source address.
func (e *Event) IPVersion() int {
	if e.Source.Addr().Unmap().Is4() {
		return 4
	}
	return 6
}

// Position is the place of a record in what a sensor has numbered: the key for exactly-once.
type Position struct {
	Sensor string
	// Epoch names one life of the sensor's spool; a spool that is made anew gets a new one.
	Epoch uint64
	// Sequence counts from 1 within the epoch.
	Sequence uint64
}

// String is the event_id of the tables: sensor, epoch (hexadecimal) and sequence (decimal).
func (p Position) String() string { return string(p.Append(make([]byte, 0, len(p.Sensor)+28))) }

// Append appends what String returns.
func (p Position) Append(b []byte) []byte {
	b = append(b, p.Sensor...)
	b = append(b, '-')
	b = strconv.AppendUint(b, p.Epoch, 16)
	b = append(b, '-')
	return strconv.AppendUint(b, p.Sequence, 10)
}

// Loss counts attempts that were dropped on their way, by stage and reason.
type Loss struct {
	Position
	Time time.Time
	// Stage is where they were dropped: "tap", "listen", "spool", "hub", "import".
	Stage string
	// Reason is a short word such as "full" or "kernel".
	Reason string
	// Attempts is how many they were, at most MaxAttempts.
	Attempts int64
}

// Heartbeat says that a sensor was watching during the interval that ends at Time.
type Heartbeat struct {
	Position
	Time     time.Time
	Interval time.Duration
	Region   string
	Revision int32
	// Tap says whether attempts on unserved ports were being observed.
	Tap bool
	// Serial is that of the document in force, 0 for the sensor's own file. Refusal is the last one since a document was accepted.
	Serial  uint64
	Refusal Refusal
}

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return ""
	}
	return names[i]
}

func indexOf(names []string, s, what string) (int, error) {
	for i, n := range names {
		if i > 0 && n == s {
			return i, nil
		}
	}
	return 0, &Error{Code: EINVALID, Message: fmt.Sprintf("unknown %s %q", what, s)}
}
