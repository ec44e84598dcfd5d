package lake

import (
	"strings"

	"terroir"
)

// sensorRow, revisionRow and servedPort are the dimensions that come from announcements.
type (
	sensorRow struct {
		terroir.Announcement
	}
	servedPort struct {
		terroir.Position
		micros int64
		region string
		config *terroir.Configuration
		served terroir.ServedPort
	}
)

func payloadsTable() *tableOf[terroir.Payload] {
	type p = terroir.Payload
	return &tableOf[p]{name: "payloads", columns: []column[p]{
		{"payload_id", typeString, true, "SHA-256 of the bytes", putString(func(p *p) string { return p.ID.String() })},
		{"bytes", typeBinary, true, "as the client sent them", putBytes(func(p *p) []byte { return p.Bytes })},
		{"size", typeLong, true, "number of bytes kept", putInt64(func(p *p) int64 { return int64(len(p.Bytes)) })},
		{"first_ts", typeTime, true, "first seen", putMicros(func(p *p) int64 { return p.FirstTime.UnixMicro() })},
		{"first_sensor", typeString, true, "first seen by", putString(func(p *p) string { return p.FirstSensor })},
	}}
}

func factsTable() *tableOf[terroir.PayloadFacts] {
	type f = terroir.PayloadFacts
	return &tableOf[f]{name: "payload_facts", columns: []column[f]{
		{"payload_id", typeString, true, "the payload", putString(func(f *f) string { return f.Payload.String() })},
		{"template_id", typeString, true, "SHA-256 of its template", putString(func(f *f) string { return f.Template.String() })},
		{"app_proto", typeString, false, "protocol spoken", putOptionalString(func(f *f) string { return f.AppProto })},
		{"label", typeString, false, "the field's term for it", putOptionalString(func(f *f) string { return f.Label })},
		{"analyzer_version", typeInt, true, "who found this", putInt32(func(f *f) int32 { return f.AnalyzerVersion })},
	}}
}

func lossesTable() *tableOf[terroir.Loss] {
	type l = terroir.Loss
	return &tableOf[l]{name: "losses", columns: []column[l]{
		{"ts", typeTime, true, "when it was noticed", putMicros(func(l *l) int64 { return l.Time.UnixMicro() })},
		{"sensor", typeString, true, "whose attempts were lost", putString(func(l *l) string { return l.Sensor })},
		{"stage", typeString, true, "where", putString(func(l *l) string { return l.Stage })},
		{"reason", typeString, true, "why", putString(func(l *l) string { return l.Reason })},
		{"attempts", typeLong, true, "how many", putInt64(func(l *l) int64 { return l.Attempts })},
	}}
}

func heartbeatsTable() *tableOf[terroir.Heartbeat] {
	type h = terroir.Heartbeat
	return &tableOf[h]{name: "heartbeats", columns: []column[h]{
		{"ts", typeTime, true, "end of the interval", putMicros(func(h *h) int64 { return h.Time.UnixMicro() })},
		{"interval_us", typeLong, true, "how long the sensor was watching", putInt64(func(h *h) int64 { return h.Interval.Microseconds() })},
		{"sensor", typeString, true, "who", putString(func(h *h) string { return h.Sensor })},
		{"region", typeString, true, "where", putString(func(h *h) string { return h.Region })},
		{"revision", typeInt, true, "configuration in force", putInt32(func(h *h) int32 { return h.Revision })},
		{"tap", typeBool, true, "were unserved ports observed", putBool(func(h *h) bool { return h.Tap })},
	}}
}

func sensorsTable() *tableOf[sensorRow] {
	return &tableOf[sensorRow]{name: "sensors", columns: []column[sensorRow]{
		{"ts", typeTime, true, "of the announcement", putMicros(func(s *sensorRow) int64 { return s.Time.UnixMicro() })},
		{"sensor", typeString, true, "name", putString(func(s *sensorRow) string { return s.Sensor })},
		{"region", typeString, true, "where it stands", putString(func(s *sensorRow) string { return s.Region })},
		{"version", typeString, false, "of its program", putOptionalString(func(s *sensorRow) string { return s.Version })},
		{"addresses", typeString, false, "observed, separated by blanks: secret", putOptionalString(addressList)},
		{"revision", typeInt, true, "configuration in force from ts on", putInt32(func(s *sensorRow) int32 { return s.Configuration.Revision })},
	}}
}

func addressList(s *sensorRow) string {
	parts := make([]string, len(s.Addresses))
	for i, a := range s.Addresses {
		parts[i] = a.Unmap().String()
	}
	return strings.Join(parts, " ")
}

func revisionsTable() *tableOf[sensorRow] {
	return &tableOf[sensorRow]{name: "revisions", columns: []column[sensorRow]{
		{"ts", typeTime, true, "in force from", putMicros(func(s *sensorRow) int64 { return s.Time.UnixMicro() })},
		{"sensor", typeString, true, "where it came into force", putString(func(s *sensorRow) string { return s.Sensor })},
		{"region", typeString, true, "region of the sensor", putString(func(s *sensorRow) string { return s.Region })},
		{"revision", typeInt, true, "number", putInt32(func(s *sensorRow) int32 { return s.Configuration.Revision })},
		{"theme", typeString, true, "name of the list of ports", putString(func(s *sensorRow) string { return s.Configuration.Theme })},
	}}
}

func servedPortsTable() *tableOf[servedPort] {
	return &tableOf[servedPort]{name: "served_ports", columns: []column[servedPort]{
		{"revision", typeInt, true, "configuration", putInt32(func(p *servedPort) int32 { return p.config.Revision })},
		{"transport", typeString, true, "tcp or udp", putString(func(p *servedPort) string { return p.served.Transport.String() })},
		{"port", typeInt, true, "served", putInt32(func(p *servedPort) int32 { return int32(p.served.Port) })},
		{"service", typeString, false, "expected there", putOptionalString(func(p *servedPort) string { return p.served.Service })},
		{"tls", typeBool, true, "handshakes are completed", putBool(func(p *servedPort) bool { return p.served.TLS })},
		{"region", typeString, true, "of the sensor that announced it", putString(func(p *servedPort) string { return p.region })},
		{"sensor", typeString, true, "that announced it", putString(func(p *servedPort) string { return p.Sensor })},
		{"ts", typeTime, true, "in force from", putMicros(func(p *servedPort) int64 { return p.micros })},
	}}
}

// servedPorts lists the ports of the announcements, one row each.
func servedPorts(as []sensorRow) []servedPort {
	var rows []servedPort
	for i := range as {
		a := &as[i]
		for _, p := range a.Configuration.Ports {
			rows = append(rows, servedPort{a.Position, a.Time.UnixMicro(), a.Region, &a.Configuration, p})
		}
	}
	return rows
}
