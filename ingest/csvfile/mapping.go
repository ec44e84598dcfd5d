// Package csvfile reads tables of attempts as records: one row an event. A mapping in YAML says which of its columns
// mean what:
//
//	columns:   {ts: datetime, sensor: host, src_ip: src, transport: proto, dst_port: dpt}
//	formats:   {ts: "2006-01-02 15:04:05", src_ip: uint32}
//	values:    {kind: {closed: unserved}}
//	constants: {kind: unserved}
//	regions:   {groucho-tokyo: ap-northeast-1}
//
// Left stand terroir's columns, right the file's. A row that cannot be read is counted, reported with its line number
// and kept in a reject file.
package csvfile

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"terroir"
	"terroir/strictyaml"
)

// Mapping says how a table's columns become events.
type Mapping struct {
	// Columns maps terroir's columns (see Fields) to names in the file's header.
	Columns map[string]string `yaml:"columns"`
	// Formats says how a column is written: for ts a layout of Go's time package, "rfc3339" (default), "unix" or
	// "unix_ms"; for src_ip and dst_ip "text" (default) or "uint32" (an IPv4 address as a number); for payload "base64"
	// (default), "hex" or "text".
	Formats map[string]string `yaml:"formats"`
	// Values translates values of a column before they are read.
	Values map[string]map[string]string `yaml:"values"`
	// Constants are values of columns that the file does not have.
	Constants map[string]string `yaml:"constants"`
	// Regions maps sensors to regions.
	Regions map[string]string `yaml:"regions"`
}

// Fields are the columns that a mapping may name.
func Fields() []string {
	return []string{"ts", "sensor", "region", "kind", "transport", "src_ip", "src_port", "dst_ip", "dst_port",
		"icmp_type", "attempts", "payload", "src_bytes", "duration_us", "close", "revision"}
}

// LoadMapping reads a mapping file. What is wrong with it comes as an ECONFIG error with the file's name.
func LoadMapping(file string) (*Mapping, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "cannot read the mapping", Err: err}
	}
	return ParseMapping(file, text)
}

// ParseMapping is LoadMapping for text; name stands in messages.
func ParseMapping(name string, text []byte) (*Mapping, error) {
	m := &Mapping{}
	if err := strictyaml.Decode(text, m); err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: name, Message: "not a mapping: " + oneLine(yaml.FormatError(err, false, false)),
			Hint: "the keys are columns, formats, values, constants and regions"}
	}
	if err := m.check(); err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: name, Message: err.Error(), Hint: "known columns are " + strings.Join(Fields(), ", ")}
	}
	return m, nil
}

// Identity is the mapping of a file whose header uses terroir's own names.
func Identity(header []string) *Mapping {
	m := &Mapping{Columns: map[string]string{}}
	for _, h := range header {
		if slices.Contains(Fields(), h) {
			m.Columns[h] = h
		}
	}
	return m
}

func (m *Mapping) check() error {
	for _, keys := range []map[string]string{m.Columns, m.Constants, m.Formats} {
		for k := range keys {
			if !slices.Contains(Fields(), k) {
				return fmt.Errorf("unknown column %q", k)
			}
		}
	}
	for k := range m.Constants {
		if m.Columns[k] != "" {
			return fmt.Errorf("%q is both a column and a constant", k)
		}
	}
	for _, k := range []string{"ts", "src_ip", "transport"} {
		if m.Columns[k] == "" && m.Constants[k] == "" {
			return fmt.Errorf("column %q is not mapped", k)
		}
	}
	for sensor, region := range m.Regions {
		if err := terroir.ValidateName("region of "+sensor, region); err != nil {
			return err
		}
	}
	return nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
