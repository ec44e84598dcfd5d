package lake

import (
	"encoding/json"
	"fmt"
	"net/netip"
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
		{"tags", typeString, false, "CVE, ATT&CK and the like where certain, separated by blanks",
			putOptionalString(func(f *f) string { return strings.Join(f.Tags, " ") })},
		{"user_agent", typeString, false, "what an HTTP client calls itself", putOptionalString(func(f *f) string { return f.UserAgent })},
		{"scanner", typeString, false, "who the payload says sent it", putOptionalString(func(f *f) string { return f.Scanner })},
		{"steps", typeString, false, "how it was decoded, as JSON", putOptionalString(stepsText)},
	}}
}

// stepsText is the steps as JSON, or "".
func stepsText(f *terroir.PayloadFacts) string {
	if len(f.Steps) == 0 {
		return ""
	}
	text, err := json.Marshal(f.Steps)
	if err != nil {
		panic(fmt.Sprintf("lake: steps: %v", err)) // Strings and numbers alone.
	}
	return string(text)
}

func templatesTable() *tableOf[terroir.Template] {
	type t = terroir.Template
	return &tableOf[t]{name: "templates", columns: []column[t]{
		{"template_id", typeString, true, "SHA-256 of the other columns", putString(func(t *t) string { return t.ID.String() })},
		{"app_proto", typeString, false, "protocol spoken", putOptionalString(func(t *t) string { return t.AppProto })},
		{"text", typeBinary, true, "the masked payload", putBytes(func(t *t) []byte { return t.Text })},
		{"cargo", typeBinary, false, "the innermost command that it carries, masked", putOptionalBytes(func(t *t) []byte { return t.Cargo })},
	}}
}

func familiesTable() *tableOf[terroir.Grouped] {
	type g = terroir.Grouped
	return &tableOf[g]{name: "families", columns: []column[g]{
		{"template_id", typeString, true, "the template", putString(func(g *g) string { return g.Template.String() })},
		{"substring_id", typeString, true, "group of those that differ in slots, or contain each other", putString(func(g *g) string { return g.Substring.String() })},
		{"family_id", typeString, true, "group by shared content", putString(func(g *g) string { return g.Family.String() })},
		{"vehicle", typeString, true, "name of the family's wrapper", putString(func(g *g) string { return g.Vehicle })},
		{"cargo", typeString, false, "name of what the family carries", putOptionalString(func(g *g) string { return g.Cargo })},
		{"why", typeString, true, "what joined the template to its family", putString(func(g *g) string { return g.Why })},
		{"nearest", typeString, false, "the template of the family that it is most like", putOptionalString(func(g *g) string { return g.Nearest.String() })},
		{"similarity", typeDouble, true, "how like, 0 to 1", putFloat64(func(g *g) float64 { return g.Similarity })},
		{"generation", typeLong, true, "of two rows for a template the one with the higher holds", putInt64(func(g *g) int64 { return g.Generation })},
	}}
}

func indicatorsTable() *tableOf[terroir.Indicator] {
	type i = terroir.Indicator
	return &tableOf[i]{name: "indicators", columns: []column[i]{
		{"payload_id", typeString, true, "the payload", putString(func(i *i) string { return i.Payload.String() })},
		{"type", typeString, true, "ipv4, ipv6, url, domain, email, md5, sha1, sha256, file, wallet, ssh_key, image", putString(func(i *i) string { return i.Type })},
		{"value", typeString, true, "not defanged", putString(func(i *i) string { return i.Value })},
		{"role", typeString, false, "callback, stage2, dropper, c2, where certain", putOptionalString(func(i *i) string { return i.Role })},
		{"step", typeInt, true, "step of decoding in whose result it stands, 0 for the payload itself", putInt32(func(i *i) int32 { return int32(i.Step) })},
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

// Addresses are those in a column of addresses: none, one, or several with blanks between. What is no address is left out.
func Addresses(column string) (list []netip.Addr) {
	for word := range strings.FieldsSeq(column) {
		if a, err := netip.ParseAddr(word); err == nil {
			list = append(list, a)
		}
	}
	return list
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
