package jsonlfile

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"terroir/ingest/mapping"
)

// objects reads one JSON object a line into rows. Values of keys that no path names are passed over; of a key that stands
// twice the last counts. The library ends at a depth of 10,000.
type objects struct {
	tree *node
	dec  *jsontext.Decoder
	buf  bytes.Buffer
	row  mapping.Row
	rank [len(mapping.Row{})]int
	text []byte
}

func newObjects(tree *node) *objects {
	return &objects{tree: tree, dec: jsontext.NewDecoder(&bytes.Buffer{})}
}

// read reads the line. Its errors are of type *mapping.Error.
func (o *objects) read(line []byte) (*mapping.Row, error) {
	clear(o.row[:])
	o.buf = *bytes.NewBuffer(line)
	// What is not text in a value that is not asked for does no harm; what is asked for is looked at in set.
	o.dec.Reset(&o.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if k := o.dec.PeekKind(); k != '{' && k != 0 {
		return nil, mapping.Bad("json", "not a JSON object")
	}
	if err := o.object(o.tree); err != nil {
		return nil, bad(err)
	}
	if _, err := o.dec.ReadToken(); err != io.EOF {
		return nil, mapping.Bad("json", "something follows the JSON object")
	}
	return &o.row, nil
}

// bad makes a row's error of one of the library's.
func bad(err error) error {
	if e, ok := errors.AsType[*mapping.Error](err); ok {
		return e
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return mapping.Bad("json", "the JSON object is cut short")
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return mapping.Bad("json", "byte %d: %.100v", e.ByteOffset+1, e.Err)
	}
	return mapping.Bad("json", "not a JSON object: %.100v", err)
}

func (o *objects) object(n *node) error {
	if _, err := o.dec.ReadToken(); err != nil {
		return err
	}
	for {
		switch o.dec.PeekKind() {
		case '}':
			_, err := o.dec.ReadToken()
			return err
		case 0:
			return o.broken()
		}
		name, err := o.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := o.value(n.keys[o.key(name)]); err != nil {
			return err
		}
	}
}

// broken is why nothing can be read next.
func (o *objects) broken() error {
	if _, err := o.dec.ReadToken(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

// key is a name without its quotes, valid until the next read.
func (o *objects) key(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	o.text, _ = jsontext.AppendUnquote(o.text[:0], quoted)
	return string(o.text)
}

func (o *objects) array(n *node) error {
	if _, err := o.dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; ; i++ {
		switch o.dec.PeekKind() {
		case ']':
			_, err := o.dec.ReadToken()
			return err
		case 0:
			return o.broken()
		}
		if err := o.value(n.items[i]); err != nil {
			return err
		}
	}
}

func (o *objects) value(n *node) error {
	if n == nil {
		return o.dec.SkipValue()
	}
	switch k := o.dec.PeekKind(); {
	case k == '{' && n.keys != nil:
		return o.object(n)
	case k == '[' && n.items != nil:
		return o.array(n)
	}
	v, err := o.dec.ReadValue()
	if err != nil || len(n.takes) == 0 {
		return err
	}
	return o.set(v, n.takes)
}

// set sets the columns to the value: a text as it is, a number as it is written, true, false, nothing for null.
func (o *objects) set(v jsontext.Value, takes []taken) error {
	var text string
	switch v.Kind() {
	case 'n':
		return nil
	case '{', '[':
		return mapping.Bad(takes[0].field.String(), "%s is an object or a list", takes[0].field)
	case '"':
		var err error
		if o.text, err = jsontext.AppendUnquote(o.text[:0], v); err != nil {
			return mapping.Bad(takes[0].field.String(), "%s is not a text in UTF-8", takes[0].field)
		}
		text = string(o.text)
	default:
		text = string(v)
	}
	if text == "" {
		return nil
	}
	for _, t := range takes {
		if o.row[t.field] == "" || t.rank <= o.rank[t.field] {
			o.row[t.field], o.rank[t.field] = text, t.rank
		}
	}
	return nil
}
