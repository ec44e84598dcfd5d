package lake

import (
	"net/netip"

	"github.com/apache/iceberg-go"

	"terroir"
)

var (
	typeString = iceberg.PrimitiveTypes.String
	typeInt    = iceberg.PrimitiveTypes.Int32
	typeLong   = iceberg.PrimitiveTypes.Int64
	typeBool   = iceberg.PrimitiveTypes.Bool
	typeTime   = iceberg.PrimitiveTypes.TimestampTz
	typeBinary = iceberg.PrimitiveTypes.Binary
	typeDouble = iceberg.PrimitiveTypes.Float64
)

type event = terroir.Event

// eventsTable is the table events: one row an event. The region is not part of the partition: a commit would write a
// file for each, and four months of nine thin sensors become 936 files in 3.8 s instead of 117 in 1.2 s. It leads the
// sort order instead, so that row groups and pages are skipped by it.
func eventsTable() *tableOf[event] {
	return &tableOf[event]{
		name:      "events",
		partition: []string{"ts"},
		sort:      []string{"region", "dst_port", "src_ip"},
		arrange:   arrangeEvents,
		columns:   append(append(observedColumns(), saidColumns()...), enrichedColumns()...),
	}
}

// observedColumns say who observed what, when and where.
func observedColumns() []column[event] {
	return []column[event]{
		{"ts", typeTime, true, "first packet, UTC", putMicros(func(e *event) int64 { return e.Time.UnixMicro() })},
		{"duration_us", typeLong, true, "to the close; 0 for unserved", putInt64(func(e *event) int64 { return e.Duration.Microseconds() })},
		{"event_id", typeString, true, "sensor, epoch and sequence", putText(func(b []byte, e *event) []byte { return e.Position.Append(b) })},
		{"sensor", typeString, true, "who observed", putString(func(e *event) string { return e.Sensor })},
		{"region", typeString, true, "where the sensor stands", putString(func(e *event) string { return e.Region })},
		{"revision", typeInt, true, "configuration in force", putInt32(func(e *event) int32 { return e.Revision })},
		{"kind", typeString, true, "connection, payload, error, unserved", putString(func(e *event) string { return e.Kind.String() })},
		{"transport", typeString, true, "tcp, udp, icmp", putString(func(e *event) string { return e.Transport.String() })},
		{"ip_version", typeInt, true, "4 or 6", putInt32(func(e *event) int32 { return int32(e.IPVersion()) })},
		{"src_ip", typeString, true, "client, RFC 5952", putText(func(b []byte, e *event) []byte { return appendAddr(b, e.Source.Addr()) })},
		{"src_port", typeInt, false, "client's port", putOptionalInt32(func(e *event) int32 { return int32(e.Source.Port()) })},
		{"dst_ip", typeString, false, "sensor's own address: secret", putOptionalText(func(b []byte, e *event) []byte { return appendAddr(b, e.Destination.Addr()) })},
		{"dst_port", typeInt, true, "port tried; ICMP type", putInt32(func(e *event) int32 { return int32(e.Destination.Port()) })},
		{"attempts", typeLong, true, "attempts that the row stands for", putInt64(func(e *event) int64 { return e.Attempts })},
	}
}

// saidColumns say what the client sent.
func saidColumns() []column[event] {
	return []column[event]{
		{"payload_id", typeString, false, "SHA-256 of what the client sent first", putOptionalText(func(b []byte, e *event) []byte { return e.Payload.Append(b) })},
		{"src_bytes", typeLong, true, "bytes that the client sent in all", putInt64(func(e *event) int64 { return e.SourceBytes })},
		{"truncated", typeBool, true, "more came than was kept", putBool(func(e *event) bool { return e.Truncated })},
		{"close", typeString, false, "who ended the session, and why", putOptionalString(func(e *event) string { return e.Close.String() })},
		{"app_proto", typeString, false, "protocol spoken, from the bytes", putOptionalString(func(e *event) string { return e.AppProto })},
		{"tls_version", typeString, false, "highest version offered", putOptionalString(func(e *event) string { return e.TLS.Version })},
		{"tls_sni", typeString, false, "server name asked for", putOptionalString(func(e *event) string { return e.TLS.SNI })},
		{"tls_alpn", typeString, false, "protocols offered", putOptionalString(func(e *event) string { return e.TLS.ALPN })},
		{"ja3", typeString, false, "fingerprint of the ClientHello", putOptionalString(func(e *event) string { return e.TLS.JA3 })},
		{"ja4", typeString, false, "fingerprint of the ClientHello", putOptionalString(func(e *event) string { return e.TLS.JA4 })},
		{"tcp_signature", typeString, false, "SYN, as p0f writes it", putOptionalString(func(e *event) string { return e.TCPSignature })},
		{"tool", typeString, false, "tool that the packet gives away", putOptionalString(func(e *event) string { return e.Tool })},
	}
}

// enrichedColumns say what was known of the source at the time.
func enrichedColumns() []column[event] {
	return []column[event]{
		{"country", typeString, false, "ISO 3166-1 alpha-2 of the address", putOptionalString(func(e *event) string { return e.Country })},
		{"asn", typeLong, false, "network of the address", putOptionalInt64(func(e *event) int64 { return int64(e.ASN) })},
		{"as_name", typeString, false, "name of the network", putOptionalString(func(e *event) string { return e.ASName })},
		{"geo_date", typeString, false, "build date of the databases", putOptionalString(func(e *event) string { return e.GeoDate })},
		{"scanner", typeString, false, "organisation that the source says it is", putOptionalString(func(e *event) string { return e.Scanner })},
		{"explored", typeBool, true, "seen by a listener opened to explore", putBool(func(e *event) bool { return e.Explored })},
		{"transcript_id", typeString, false, "SHA-256 of the dialogue", putOptionalText(func(b []byte, e *event) []byte { return e.Transcript.Append(b) })},
		{"scanner_date", typeString, false, "date of the list of scanners", putOptionalString(func(e *event) string { return e.ScannerDate })},
	}
}

// appendAddr appends an address as RFC 5952 has it, and nothing for none.
func appendAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	return a.Unmap().AppendTo(b)
}
