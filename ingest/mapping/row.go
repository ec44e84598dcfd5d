package mapping

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

// Options of a conversion.
type Options struct {
	// Hello reads a TLS ClientHello; may be nil.
	Hello func([]byte) (terroir.TLSHello, bool)
}

// Converter turns rows into records. It remembers what it has seen and is used by one goroutine at a time.
type Converter struct {
	source    ingest.Source
	opt       Options
	constants Row
	values    [numFields]map[string]string
	formats   [numFields]string
	regions   map[string]string
	names     map[string]bool // sensor and region names that were found valid
	seen      seen
}

// NewConverter makes a converter for rows of the source.
func NewConverter(m *Mapping, src ingest.Source, opt Options) *Converter {
	c := &Converter{source: src, opt: opt, regions: m.Regions, names: map[string]bool{}, seen: seen{limit: seenIDs}}
	for f, name := range fieldNames {
		c.constants[f], c.values[f], c.formats[f] = m.Constants[name], m.Values[name], m.Formats[name]
	}
	return c
}

// Error is why a row is not an event.
type Error struct {
	// Reason is the short word that a report counts it under: a column, or what is wrong with the whole row.
	Reason string
	// Detail is for people.
	Detail string
}

func (e *Error) Error() string { return e.Detail }

// Bad makes an Error.
func Bad(reason, format string, args ...any) *Error {
	return &Error{reason, fmt.Sprintf(format, args...)}
}

// ErrDuplicate is the error of a row whose event_id came before: it was read, and nothing is to be kept of it.
var ErrDuplicate = &Error{"duplicate", "the event_id came before"}

// Record makes a record of the row; it keeps none of the row's memory. Its errors are of type *Error.
func (c *Converter) Record(row *Row) (terroir.Record, error) {
	for f := range row {
		if row[f] == "" {
			row[f] = c.constants[f]
		}
		if t, ok := c.values[f][row[f]]; ok {
			row[f] = t
		}
	}
	r := terroir.Record{Event: &terroir.Event{Attempts: 1}}
	for _, f := range [...]Field{TS, Transport, SrcIP} {
		if row[f] == "" {
			return r, Bad(f.String(), "no %s", f)
		}
	}
	for _, step := range []func(*Row, *terroir.Record) error{c.who, c.when, c.ends, c.said, c.sort, c.prints} {
		if err := step(row, &r); err != nil {
			return r, err
		}
	}
	// Last: a row that cannot be read must not hide a better one of the same name.
	if row[EventID] != "" && c.seen.before(row[EventID]) {
		return r, ErrDuplicate
	}
	return r, nil
}

func (c *Converter) who(row *Row, r *terroir.Record) error {
	sensor := row[Sensor]
	if sensor == "" {
		sensor = c.source.Sensor
	}
	region := row[Region]
	if region == "" {
		region = c.regions[sensor]
	}
	if region == "" {
		region = c.source.Region
	}
	if !c.names[sensor+" "+region] {
		if err := terroir.ValidateName("sensor", sensor); err != nil {
			return Bad("sensor", "%v", err)
		}
		if err := terroir.ValidateName("region", region); err != nil {
			return Bad("region", "%v", err)
		}
		if len(c.names) < 1<<16 {
			c.names[sensor+" "+region] = true
		}
	}
	r.Event.Sensor, r.Event.Region = strings.Clone(sensor), strings.Clone(region)
	return nil
}

func (c *Converter) when(row *Row, r *terroir.Record) error {
	t, err := parseTime(row[TS], c.formats[TS])
	if err != nil {
		return Bad("ts", "%v", err)
	}
	if t.Year() < 1970 || t.Year() > 2200 {
		return Bad("ts", "time %s is out of range", t.Format(time.RFC3339))
	}
	r.Event.Time = t.UTC().Truncate(time.Microsecond)
	us, err := row.number(DurationUS, 0, math.MaxInt64/1000)
	r.Event.Duration = time.Duration(us) * time.Microsecond
	return err
}

func parseTime(s, format string) (time.Time, error) {
	switch format {
	case "", "rfc3339":
		return time.Parse(time.RFC3339Nano, s)
	case "unix":
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(math.Abs(f) <= 1e11) {
			return time.Time{}, fmt.Errorf("%.40q is not a number of seconds", s)
		}
		return time.UnixMicro(int64(math.Round(f * 1e6))), nil
	case "unix_ms", "unixms":
		n, err := strconv.ParseInt(s, 10, 64)
		return time.UnixMilli(n), err
	}
	return time.ParseInLocation(format, s, time.UTC)
}

func (c *Converter) ends(row *Row, r *terroir.Record) error {
	e := r.Event
	var err error
	if e.Transport, err = terroir.ParseTransport(strings.ToLower(row[Transport])); err != nil {
		return Bad("transport", "%v", err)
	}
	src, err := parseAddr(row[SrcIP], c.formats[SrcIP])
	if err != nil {
		return Bad("src_ip", "%v", err)
	}
	dst := c.source.Address(src)
	if row[DstIP] != "" {
		if dst, err = parseAddr(row[DstIP], c.formats[DstIP]); err != nil {
			return Bad("dst_ip", "%v", err)
		}
	}
	sport, err := row.number(SrcPort, 0, 65535)
	if err != nil {
		return err
	}
	port, err := row.port(e.Transport)
	if err != nil {
		return err
	}
	e.Source, e.Destination = netip.AddrPortFrom(src, uint16(sport)), netip.AddrPortFrom(dst, uint16(port))
	return nil
}

// port is the port tried, or the type of an ICMP message; without it an ICMP row has 0.
func (row *Row) port(t terroir.Transport) (int64, error) {
	if t == terroir.ICMP {
		if row[ICMPType] != "" {
			return row.number(ICMPType, 0, 255)
		}
		return row.number(DstPort, 0, 255)
	}
	if row[DstPort] == "" {
		return 0, Bad("dst_port", "no port")
	}
	return row.number(DstPort, 0, 65535)
}

func parseAddr(s, format string) (netip.Addr, error) {
	if format == "uint32" {
		n, err := strconv.ParseUint(strings.TrimSuffix(s, ".0"), 10, 32)
		if err != nil {
			return netip.Addr{}, fmt.Errorf("%.40q is not an IPv4 address as a number", s)
		}
		return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), nil
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err
}

// number reads a whole number, also one that a data frame wrote as "1433.0"; "" is 0.
func (row *Row) number(f Field, low, high int64) (int64, error) {
	s := row[f]
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(s, ".0"), 10, 64)
	if err != nil || n < low || n > high {
		return 0, Bad(f.String(), "%s %.40q is not a whole number from %d to %d", f, s, low, high)
	}
	return n, nil
}

func (c *Converter) said(row *Row, r *terroir.Record) error {
	n, err := row.number(SrcBytes, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	if s := row[Payload]; s != "" {
		if r.Payload, err = decodePayload(s, c.formats[Payload]); err != nil {
			return Bad("payload", "payload: %v", err)
		}
		r.Event.Payload = terroir.NewPayloadID(r.Payload)
		if id := row[PayloadID]; id != "" && !strings.EqualFold(id, r.Event.Payload.String()) {
			return Bad("payload_id", "payload_id is not the SHA-256 of the payload: is its format right?")
		}
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
func (c *Converter) sort(row *Row, r *terroir.Record) error {
	e := r.Event
	kind := row[Kind]
	if kind == "" && len(r.Payload) > 0 {
		kind = "payload"
	}
	if kind == "" {
		return Bad("kind", "no kind, and no payload")
	}
	var err error
	if e.Kind, err = terroir.ParseKind(kind); err != nil {
		return Bad("kind", "%v", err)
	}
	if s := row[Close]; s != "" {
		if e.Close, err = terroir.ParseClose(s); err != nil {
			return Bad("close", "%v", err)
		}
	}
	if row[Attempts] != "" {
		if e.Attempts, err = row.number(Attempts, 1, terroir.MaxAttempts); err != nil {
			return err
		}
	}
	revision, err := row.number(Revision, 0, math.MaxInt32)
	e.Revision = int32(revision)
	return err
}

// maxText bounds the texts that are taken as they are, in bytes.
const maxText = 4 << 10

// prints sets what gives the client's program away, from the row or from a ClientHello that is the payload.
func (c *Converter) prints(row *Row, r *terroir.Record) error {
	e := r.Event
	for _, text := range [...]struct {
		f    Field
		into *string
	}{{TLSVersion, &e.TLS.Version}, {TLSSNI, &e.TLS.SNI}, {TLSALPN, &e.TLS.ALPN}, {JA3, &e.TLS.JA3}, {JA4, &e.TLS.JA4},
		{TCPSignature, &e.TCPSignature}, {Tool, &e.Tool}} {
		if len(row[text.f]) > maxText {
			return Bad(text.f.String(), "%s is longer than %d bytes", text.f, maxText)
		}
		*text.into = strings.Clone(strings.ToValidUTF8(row[text.f], "\ufffd"))
	}
	if c.opt.Hello != nil && e.Transport == terroir.TCP && e.TLS == (terroir.TLSHello{}) {
		if hello, ok := c.opt.Hello(r.Payload); ok {
			e.TLS = hello
		}
	}
	if s := row[Explored]; s != "" {
		var err error
		if e.Explored, err = strconv.ParseBool(s); err != nil {
			return Bad("explored", "explored %.40q is neither true nor false", s)
		}
	}
	return nil
}
