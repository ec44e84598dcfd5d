package mapping

import "slices"

// Field is one of terroir's columns that a mapping may name.
type Field int

// The columns, named as in the table of events. EventID only tells a row that came before from others: events are
// numbered anew. PayloadID is compared with the payload's bytes where both stand there. ICMPType stands in for DstPort where the transport is ICMP.
const (
	TS Field = iota
	EventID
	Sensor
	Region
	Kind
	Transport
	SrcIP
	SrcPort
	DstIP
	DstPort
	ICMPType
	Attempts
	Payload
	PayloadID
	SrcBytes
	DurationUS
	Close
	Revision
	TLSVersion
	TLSSNI
	TLSALPN
	JA3
	JA4
	TCPSignature
	Tool
	Explored
	numFields
)

var fieldNames = [numFields]string{"ts", "event_id", "sensor", "region", "kind", "transport", "src_ip", "src_port", "dst_ip", "dst_port",
	"icmp_type", "attempts", "payload", "payload_id", "src_bytes", "duration_us", "close", "revision",
	"tls_version", "tls_sni", "tls_alpn", "ja3", "ja4", "tcp_signature", "tool", "explored"}

// String returns the column's name.
func (f Field) String() string { return fieldNames[f] }

// Fields are the names of the columns, in the order of their numbers.
func Fields() []string { return slices.Clone(fieldNames[:]) }

// Row is what a line of a file says of each column, as text; "" where it says nothing.
type Row [numFields]string
