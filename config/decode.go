package config

import (
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"terroir"
)

// positions finds the place of a value in the file: name:line:column by its path, such as "listen.ports[1].port".
type positions struct {
	name string
	at   map[string]string
	// text is what stands at the paths of single values.
	text map[string]string
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
	if name == "" {
		name = "built-in configuration"
	}
	pos, origins := positions{name, map[string]string{}, map[string]string{}}, map[string]string{}
	if len(strings.TrimSpace(string(text))) > 0 {
		file, err := parser.ParseBytes(text, 0)
		if err != nil {
			return pos, nil, syntaxError(name, err, v)
		}
		for _, doc := range file.Docs {
			pos.walk(doc.Body, "")
		}
		if err := yaml.UnmarshalWithOptions(text, v, yaml.Strict()); err != nil {
			return pos, nil, pos.locate(syntaxError(name, err, v), v)
		}
		for _, k := range leaves(reflect.ValueOf(v).Elem(), "") {
			if at, ok := pos.at[k.path]; ok {
				origins[k.path] = at
			}
		}
	}
	return pos, origins, environment(prefix, v, &pos, origins)
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

// syntaxError makes one line of what the YAML library says.
func syntaxError(name string, err error, v any) *terroir.Error {
	out := &terroir.Error{Code: terroir.ECONFIG, Where: name, Message: err.Error()}
	var y yaml.Error
	if errors.As(err, &y) {
		out.Message = y.GetMessage()
		if t := y.GetToken(); t != nil && t.Position != nil {
			out.Where = fmt.Sprintf("%s:%d:%d", name, t.Position.Line, t.Position.Column)
			if key, ok := strings.CutPrefix(out.Message, "unknown field "); ok {
				key = strings.Trim(key, `"`)
				out.Message = fmt.Sprintf("unknown key %q", key)
				if near := nearest(key, v); near != "" {
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
		} else if err := yaml.UnmarshalWithOptions([]byte(text), l.value.Addr().Interface(), yaml.Strict()); err != nil {
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
