package csvfile

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"terroir"
	"terroir/ingest"
)

// parser turns the fields of a row into a record.
type parser struct {
	m      *Mapping
	source ingest.Source
	// column holds the place of each mapped column in the row; need is how many fields a row must have.
	column map[string]int
	need   int
	names  map[string]bool // sensor and region names that were found valid
}

func newParser(header []string, m *Mapping, src ingest.Source) (*parser, error) {
	if m == nil {
		m = Identity(headerNames(header))
		if err := m.check(); err != nil {
			return nil, &terroir.Error{Code: terroir.EINVALID, Where: src.Name, Message: "the header does not use terroir's column names: " + err.Error(),
				Hint: "give --mapping FILE"}
		}
	}
	p := &parser{m: m, source: src, column: map[string]int{}, names: map[string]bool{}}
	index := headerIndex(header)
	for _, field := range Fields() {
		name, mapped := m.Columns[field]
		if !mapped {
			continue
		}
		i, ok := index[name]
		if !ok {
			return nil, &terroir.Error{Code: terroir.EINVALID, Where: src.Name, Message: fmt.Sprintf("the header has no column %q", name),
				Hint: "it has " + strings.Join(headerNames(header), ", ")}
		}
		p.column[field] = i
		p.need = max(p.need, i+1)
	}
	return p, nil
}

func headerNames(header []string) []string {
	names := make([]string, len(header))
	for i, h := range header {
		names[i] = strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))
	}
	return names
}

// field is the text of one of terroir's columns in the row, "" when there is none.
func (p *parser) field(row []string, name string) string {
	s := p.m.Constants[name]
	if i, ok := p.column[name]; ok {
		s = row[i]
	}
	if t, ok := p.m.Values[name][s]; ok {
		return t
	}
	return s
}

func (p *parser) record(row []string) (terroir.Record, error) {
	var r terroir.Record
	if len(row) < p.need {
		return r, bad("columns", "%d columns, want at least %d", len(row), p.need)
	}
	e := &terroir.Event{Attempts: 1}
	r.Event = e
	for _, step := range []func([]string, *terroir.Record) error{p.who, p.when, p.ends, p.said, p.sort} {
		if err := step(row, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (p *parser) who(row []string, r *terroir.Record) error {
	sensor := p.field(row, "sensor")
	if sensor == "" {
		sensor = p.source.Sensor
	}
	region := p.field(row, "region")
	if region == "" {
		region = p.m.Regions[sensor]
	}
	if region == "" {
		region = p.source.Region
	}
	if !p.names[sensor+" "+region] {
		if err := terroir.ValidateName("sensor", sensor); err != nil {
			return bad("sensor", "%v", err)
		}
		if err := terroir.ValidateName("region", region); err != nil {
			return bad("region", "%v", err)
		}
		if len(p.names) < 1<<16 {
			p.names[sensor+" "+region] = true
		}
	}
	// Copied: the row's memory is used again for the next one.
	r.Event.Sensor, r.Event.Region = strings.Clone(sensor), strings.Clone(region)
	return nil
}

func (p *parser) when(row []string, r *terroir.Record) error {
	t, err := parseTime(p.field(row, "ts"), p.m.Formats["ts"])
	if err != nil {
		return bad("ts", "%v", err)
	}
	if t.Year() < 1970 || t.Year() > 2200 {
		return bad("ts", "time %s is out of range", t.Format(time.RFC3339))
	}
	r.Event.Time = t.UTC().Truncate(time.Microsecond)
	us, err := p.number(row, "duration_us", 0, math.MaxInt64/1000)
	r.Event.Duration = time.Duration(us) * time.Microsecond
	return err
}

func parseTime(s, format string) (time.Time, error) {
	switch format {
	case "", "rfc3339":
		return time.Parse(time.RFC3339Nano, s)
	case "unix":
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.Abs(f) > 1e11 {
			return time.Time{}, fmt.Errorf("%q is not a number of seconds", s)
		}
		return time.UnixMicro(int64(math.Round(f * 1e6))), nil
	case "unix_ms":
		n, err := strconv.ParseInt(s, 10, 64)
		return time.UnixMilli(n), err
	}
	return time.ParseInLocation(format, s, time.UTC)
}

func (p *parser) ends(row []string, r *terroir.Record) error {
	e := r.Event
	var err error
	if e.Transport, err = terroir.ParseTransport(strings.ToLower(p.field(row, "transport"))); err != nil {
		return bad("transport", "%v", err)
	}
	src, err := parseAddr(p.field(row, "src_ip"), p.m.Formats["src_ip"])
	if err != nil {
		return bad("src_ip", "%v", err)
	}
	var dst netip.Addr
	if s := p.field(row, "dst_ip"); s != "" {
		if dst, err = parseAddr(s, p.m.Formats["dst_ip"]); err != nil {
			return bad("dst_ip", "%v", err)
		}
	}
	sport, err := p.number(row, "src_port", 0, 65535)
	if err != nil {
		return err
	}
	port, err := p.port(row, e.Transport)
	if err != nil {
		return err
	}
	e.Source, e.Destination = netip.AddrPortFrom(src, uint16(sport)), netip.AddrPortFrom(dst, uint16(port))
	return nil
}

// port is the port tried, or the type of an ICMP message; without it an ICMP row has 0.
func (p *parser) port(row []string, t terroir.Transport) (int64, error) {
	if t == terroir.ICMP {
		if p.field(row, "icmp_type") != "" {
			return p.number(row, "icmp_type", 0, 255)
		}
		return p.number(row, "dst_port", 0, 255)
	}
	if p.field(row, "dst_port") == "" {
		return 0, bad("dst_port", "no port")
	}
	return p.number(row, "dst_port", 0, 65535)
}

func parseAddr(s, format string) (netip.Addr, error) {
	if format == "uint32" {
		n, err := strconv.ParseUint(strings.TrimSuffix(s, ".0"), 10, 32)
		if err != nil {
			return netip.Addr{}, fmt.Errorf("%q is not an IPv4 address as a number", s)
		}
		return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), nil
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err
}

// number reads a whole number, also one that a data frame wrote as "1433.0"; "" is 0.
func (p *parser) number(row []string, name string, low, high int64) (int64, error) {
	s := p.field(row, name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(s, ".0"), 10, 64)
	if err != nil || n < low || n > high {
		return 0, bad(name, "%s %.40q is not a whole number from %d to %d", name, s, low, high)
	}
	return n, nil
}

func (p *parser) said(row []string, r *terroir.Record) error {
	n, err := p.number(row, "src_bytes", 0, math.MaxInt64)
	if err != nil {
		return err
	}
	if s := p.field(row, "payload"); s != "" {
		if r.Payload, err = decodePayload(s, p.m.Formats["payload"]); err != nil {
			return bad("payload", "payload: %v", err)
		}
		r.Event.Payload = terroir.NewPayloadID(r.Payload)
	}
	r.Event.SourceBytes = max(n, int64(len(r.Payload)))
	r.Event.Truncated = r.Event.SourceBytes > int64(len(r.Payload)) && len(r.Payload) > 0
	return nil
}

func decodePayload(s, format string) ([]byte, error) {
	switch format {
	case "hex":
		return hex.DecodeString(s)
	case "text":
		return []byte(s), nil
	}
	return base64.StdEncoding.DecodeString(s)
}

// sort sets the kind and what depends on it. A row with a payload is a payload where nothing else is said.
func (p *parser) sort(row []string, r *terroir.Record) error {
	e := r.Event
	kind := p.field(row, "kind")
	if kind == "" && len(r.Payload) > 0 {
		kind = "payload"
	}
	var err error
	if e.Kind, err = terroir.ParseKind(kind); err != nil {
		return bad("kind", "%v", err)
	}
	if s := p.field(row, "close"); s != "" {
		if e.Close, err = terroir.ParseClose(s); err != nil {
			return bad("close", "%v", err)
		}
	}
	if p.field(row, "attempts") != "" {
		if e.Attempts, err = p.number(row, "attempts", 1, math.MaxInt64); err != nil {
			return err
		}
	}
	revision, err := p.number(row, "revision", 0, math.MaxInt32)
	e.Revision = int32(revision)
	return err
}
