package config

import (
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"terroir"
	"terroir/strictyaml"
)

// positions finds the place of a value in the file: name:line:column by its path, such as "listen.ports[1].port".
type positions struct {
	name string
	at   map[string]string
	// text is what stands at the paths of single values.
	text map[string]string
	// floats are the paths of numbers with a fraction, in the order of the file.
	floats []string
}

// of is the place of the path, or of the nearest thing around it that the file has.
func (p positions) of(path string) string {
	for path != "" {
		if at, ok := p.at[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return p.name
}

// decode reads text into v, which holds the defaults, and then the variables that begin with prefix.
func decode(name string, text []byte, prefix string, v any) (positions, map[string]string, error) {
	pos, origins, err := decodeText(name, text, v)
	if err != nil {
		return pos, nil, err
	}
	return pos, origins, environment(prefix, v, &pos, origins)
}

// decodeText reads text into v, which holds the defaults.
func decodeText(name string, text []byte, v any) (positions, map[string]string, error) {
	if name == "" {
		name = "built-in configuration"
	}
	pos, origins := positions{name: name, at: map[string]string{}, text: map[string]string{}}, map[string]string{}
	body, err := pos.parse(text, v)
	if err != nil {
		return pos, nil, err
	}
	if body {
		if err := strictyaml.Decode(text, v); err != nil {
			return pos, nil, pos.locate(syntaxError(name, err, v), v)
		}
		if err := pos.fractions(v); err != nil {
			return pos, nil, err
		}
		for _, k := range leaves(reflect.ValueOf(v).Elem(), "") {
			if at, ok := pos.at[k.path]; ok {
				origins[k.path] = at
			}
		}
	}
	return pos, origins, nil
}

// parse notes the places in text and reports whether there is anything but comments in it: of nothing the library
// would make a configuration without the defaults. It would read the first of several documents and pass over the rest.
func (p *positions) parse(text []byte, v any) (body bool, err error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return false, syntaxError(p.name, err, v)
	}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType || doc.Body.Type() == ast.NullType {
			continue
		}
		if body {
			at := doc.Body.GetToken().Position
			if doc.Start != nil {
				at = doc.Start.Position
			}
			return false, wrong(fmt.Sprintf("%s:%d:%d", p.name, at.Line, at.Column), "a second document", "write one document a file")
		}
		body = true
		p.walk(doc.Body, "")
	}
	return body, nil
}

// fractions refuses a fraction where a whole number is wanted, which the library would cut to one.
func (p *positions) fractions(v any) error {
	whole := map[string]bool{}
	wholeKeys(reflect.TypeOf(v).Elem(), whole)
	for _, f := range p.floats {
		key, _, _ := strings.Cut(f[strings.LastIndex(f, ".")+1:], "[")
		if whole[key] {
			return wrong(p.at[f], fmt.Sprintf("%s is not a whole number", p.text[f]), "")
		}
	}
	return nil
}

// wholeKeys collects the keys of numbers, and of lists of them.
func wholeKeys(t reflect.Type, into map[string]bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		inner, key := f.Type, f.Tag.Get("yaml")
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		switch {
		case key == "":
		case inner.Kind() == reflect.Int:
			into[key] = true
		case inner.Kind() == reflect.Struct:
			wholeKeys(inner, into)
		}
	}
}

// walk notes the place of every value below n.
func (p *positions) walk(n ast.Node, path string) {
	if n == nil {
		return
	}
	if t := n.GetToken(); t != nil && t.Position != nil && path != "" {
		p.at[path] = fmt.Sprintf("%s:%d:%d", p.name, t.Position.Line, t.Position.Column)
		p.text[path] = t.Value
	}
	switch n := n.(type) {
	case *ast.FloatNode:
		p.floats = append(p.floats, path)
	case *ast.MappingNode:
		for _, v := range n.Values {
			p.entry(v, path)
		}
	case *ast.MappingValueNode:
		p.entry(n, path)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			p.walk(v, fmt.Sprintf("%s[%d]", path, i))
		}
	}
}

func (p *positions) entry(n *ast.MappingValueNode, path string) {
	key := n.Key.String()
	if t := n.Key.GetToken(); t != nil {
		key = t.Value // without quotes
	}
	if path != "" {
		key = path + "." + key
	}
	p.walk(n.Value, key)
	if t := n.Key.GetToken(); t != nil && t.Position != nil {
		if _, simple := n.Value.(ast.ScalarNode); !simple {
			p.at[key] = fmt.Sprintf("%s:%d:%d", p.name, t.Position.Line, t.Position.Column)
		}
	}
}

// goWords is how the library speaks of types.
var goWords = regexp.MustCompile(`^cannot unmarshal (\S+) into Go (?:struct field \S+|value) of type (\S+)(?: \( (?:overflow) \))?$`)

// syntaxError makes one line of what the YAML library says.
func syntaxError(name string, err error, v any) *terroir.Error {
	out := &terroir.Error{Code: terroir.ECONFIG, Where: name, Message: err.Error()}
	var y yaml.Error
	if errors.As(err, &y) {
		out.Message = goWords.ReplaceAllString(y.GetMessage(), "a ${1} does not fit: want ${2}")
		if t := y.GetToken(); t != nil && t.Position != nil {
			out.Where = fmt.Sprintf("%s:%d:%d", name, t.Position.Line, t.Position.Column)
			if key, ok := strings.CutPrefix(out.Message, "unknown field "); ok {
				key = strings.Trim(key, `"`)
				out.Message = fmt.Sprintf("unknown key %q", key)
				if near := nearest(key, v); near == key {
					out.Hint = "it is a key of another part"
				} else if near != "" {
					out.Hint = fmt.Sprintf("did you mean %q?", near)
				}
			}
		}
	}
	out.Message = strings.Join(strings.Fields(out.Message), " ")
	return out
}

// locate gives an error about a duration or a size, of which the library does not know the place, its place.
func (p positions) locate(err *terroir.Error, v any) error {
	if err.Where != p.name {
		return err
	}
	for _, l := range leaves(reflect.ValueOf(v).Elem(), "") {
		u, ok := reflect.New(l.value.Type()).Interface().(encoding.TextUnmarshaler)
		text, there := p.text[l.path]
		if ok && there && u.UnmarshalText([]byte(text)) != nil {
			err.Where = p.at[l.path]
			break
		}
	}
	return err
}

// leaf is a value that a variable can set.
type leaf struct {
	path  string
	value reflect.Value
}

// leaves lists every value of the structure that is not a structure itself.
func leaves(v reflect.Value, path string) []leaf {
	var list []leaf
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := f.Tag.Get("yaml")
		if key == "" {
			continue
		}
		if path != "" {
			key = path + "." + key
		}
		if f.Type.Kind() == reflect.Struct {
			list = append(list, leaves(v.Field(i), key)...)
			continue
		}
		list = append(list, leaf{key, v.Field(i)})
	}
	return list
}

// environment sets what variables say. Lists are written as in YAML: [a, b].
func environment(prefix string, v any, pos *positions, origins map[string]string) error {
	for _, l := range leaves(reflect.ValueOf(v).Elem(), "") {
		name := prefix + "_" + strings.ToUpper(strings.ReplaceAll(l.path, ".", "_"))
		text, ok := os.LookupEnv(name)
		if !ok {
			continue
		}
		if l.value.Kind() == reflect.String {
			l.value.SetString(text)
		} else if err := strictyaml.Decode([]byte(text), l.value.Addr().Interface()); err != nil {
			return syntaxError(name, err, v)
		}
		pos.at[l.path], origins[l.path] = name, name
	}
	return nil
}

// nearest is the known key that is most like the unknown one, if any is at all.
func nearest(key string, v any) string {
	best, bestDistance := "", len(key)/2+1
	for _, k := range keys(reflect.TypeOf(v).Elem()) {
		if d := distance(key, k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

func keys(t reflect.Type) []string {
	var list []string
	for i := range t.NumField() {
		f := t.Field(i)
		if key := f.Tag.Get("yaml"); key != "" {
			list = append(list, key)
		}
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && f.Tag.Get("yaml") != "" {
			list = append(list, keys(inner)...)
		}
	}
	return list
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost++
			}
			previous = row[j+1]
			row[j+1] = min(cost, previous+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// Values lists the values of a configuration (*Sensor or *Hub) by their keys, such as "limits.idle_after", as text.
func Values(cfg any) map[string]string {
	values := map[string]string{}
	for _, l := range leaves(reflect.ValueOf(cfg).Elem(), "") {
		values[l.path] = fmt.Sprint(l.value.Interface())
	}
	return values
}
