// Package mapping turns the rows of other programs' files into records. A mapping in YAML says which of a file's columns
// mean what:
//
//	columns:   {ts: datetime, sensor: host, src_ip: src, transport: [proto, protocol], dst_port: dpt}
//	formats:   {ts: "2006-01-02 15:04:05", src_ip: uint32}
//	values:    {kind: {closed: unserved}}
//	constants: {kind: unserved}
//	regions:   {groucho-tokyo: ap-northeast-1}
//
// Left stand terroir's columns, right the file's: a name in the header of a table, a key or a path (a.b, a[0].b) in a JSON
// object. Of a list, the first that has a value counts.
package mapping

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"terroir"
	"terroir/strictyaml"
)

// Mapping says how the columns of a file become events.
type Mapping struct {
	// Columns maps terroir's columns (see Fields) to the file's.
	Columns map[string]Names `yaml:"columns"`
	// Formats says how a column is written: for ts a layout of Go's time package, "rfc3339" (default), "unix" (seconds)
	// or "unix_ms" (also "unixms"); for src_ip and dst_ip "text" (default) or "uint32" (an IPv4 address as a number);
	// for payload "base64" (default), "hex" or "text".
	Formats map[string]string `yaml:"formats"`
	// Values translates values of a column before they are read.
	Values map[string]map[string]string `yaml:"values"`
	// Constants are values of columns that the file does not have.
	Constants map[string]string `yaml:"constants"`
	// Regions maps sensors to regions.
	Regions map[string]string `yaml:"regions"`
}

// Names are the file's names for one column; the first that has a value counts.
type Names []string

// String returns the names separated by "|".
func (n Names) String() string { return strings.Join(n, "|") }

// UnmarshalYAML reads one name, or a list of names.
func (n *Names) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if err := unmarshal(&one); err == nil {
		*n = Names{one}
		return nil
	}
	var list []string
	if err := unmarshal(&list); err != nil {
		return errors.New("a column is a name or a list of names")
	}
	*n = list
	return nil
}

// Load reads a mapping file. What is wrong with it comes as an ECONFIG error with the file's name.
func Load(file string) (*Mapping, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "cannot read the mapping", Err: err}
	}
	return Parse(file, text)
}

// Parse is Load for text; name stands in messages.
func Parse(name string, text []byte) (*Mapping, error) {
	m := &Mapping{}
	if err := strictyaml.Decode(text, m); err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: name, Message: "not a mapping: " + oneLine(yaml.FormatError(err, false, false)),
			Hint: "the keys are columns, formats, values, constants and regions"}
	}
	if err := m.Check(); err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: name, Message: err.Error(), Hint: "known columns are " + strings.Join(Fields(), ", ")}
	}
	return m, nil
}

// Identity is the mapping of a file that uses terroir's own names.
func Identity(names []string) *Mapping {
	m := &Mapping{Columns: map[string]Names{}}
	for _, n := range names {
		if slices.Contains(fieldNames[:], n) {
			m.Columns[n] = Names{n}
		}
	}
	return m
}

// Check says what is wrong with the mapping.
func (m *Mapping) Check() error {
	for _, keys := range [][]string{keys(m.Columns), keys(m.Constants), keys(m.Formats), keys(m.Values)} {
		for _, k := range keys {
			if !slices.Contains(fieldNames[:], k) {
				return fmt.Errorf("unknown column %q", k)
			}
		}
	}
	for _, k := range keys(m.Columns) {
		if slices.Contains(m.Columns[k], "") || len(m.Columns[k]) == 0 {
			return fmt.Errorf("column %q has no name", k)
		}
		if m.Constants[k] != "" {
			return fmt.Errorf("%q is both a column and a constant", k)
		}
	}
	for _, k := range []Field{TS, SrcIP, Transport} {
		if m.Columns[k.String()] == nil && m.Constants[k.String()] == "" {
			return fmt.Errorf("column %q is not mapped", k)
		}
	}
	for _, k := range keys(m.Formats) {
		if err := checkFormat(k, m.Formats[k]); err != nil {
			return err
		}
	}
	for _, sensor := range keys(m.Regions) {
		if err := terroir.ValidateName("region of "+sensor, m.Regions[sensor]); err != nil {
			return err
		}
	}
	return nil
}

// checkFormat finds a format that no value could be read with.
func checkFormat(column, format string) error {
	known := map[string][]string{"ts": {"rfc3339", "unix", "unix_ms", "unixms"}, "src_ip": {"text", "uint32"}, "dst_ip": {"text", "uint32"},
		"payload": {"base64", "hex", "text"}}[column]
	if format == "" || slices.Contains(known, format) {
		return nil
	}
	if column == TS.String() && time.Unix(0, 0).UTC().Format(format) != format {
		return nil
	}
	if known == nil {
		return fmt.Errorf("column %q has no formats", column)
	}
	return fmt.Errorf("format of %s: %q is not one of %s", column, format, strings.Join(known, ", "))
}

// keys are in order, so that of several mistakes the same is told each time.
func keys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
