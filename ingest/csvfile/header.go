package csvfile

import (
	"fmt"
	"strings"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/mapping"
)

// parser turns the fields of a row into a record.
type parser struct {
	*mapping.Converter
	// columns are the places in a row that have a field; the first that has a value counts. need is how many fields a row must
	// have.
	columns []column
	need    int
}

type column struct {
	field mapping.Field
	place int
}

func newParser(header []string, opt Options, src ingest.Source) (*parser, error) {
	names := headerNames(header)
	m := opt.Mapping
	if m == nil {
		m = mapping.Identity(names)
		if err := m.Check(); err != nil {
			return nil, &terroir.Error{Code: terroir.EINVALID, Where: src.Name, Message: "the header does not use terroir's column names: " + err.Error(),
				Hint: "give --mapping FILE"}
		}
	}
	p := &parser{Converter: mapping.NewConverter(m, src, opt.Options)}
	index := headerIndex(names)
	for f, name := range mapping.Fields() {
		wanted := m.Columns[name]
		found := len(wanted) == 0
		for _, w := range wanted {
			if i, ok := index[w]; ok {
				found = true
				p.columns = append(p.columns, column{mapping.Field(f), i})
				p.need = max(p.need, i+1)
			}
		}
		if !found {
			return nil, &terroir.Error{Code: terroir.EINVALID, Where: src.Name, Message: fmt.Sprintf("the header has no column %q", wanted.String()),
				Hint: "it has " + strings.Join(names, ", ")}
		}
	}
	return p, nil
}

// record makes a record of the row, whose memory is used again for the next one.
func (p *parser) record(fields []string) (terroir.Record, error) {
	if len(fields) < p.need {
		return terroir.Record{}, mapping.Bad("columns", "%d columns, want at least %d", len(fields), p.need)
	}
	var row mapping.Row
	for _, c := range p.columns {
		if row[c.field] == "" {
			row[c.field] = fields[c.place]
		}
	}
	return p.Record(&row)
}

func headerNames(header []string) []string {
	names := make([]string, len(header))
	for i, h := range header {
		names[i] = strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))
	}
	return names
}

// headerIndex is the place of each name; of a name that stands there twice, the first.
func headerIndex(names []string) map[string]int {
	index := map[string]int{}
	for i, h := range names {
		if _, twice := index[h]; !twice {
			index[h] = i
		}
	}
	return index
}
