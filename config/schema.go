package config

import (
	"encoding/json"
	"reflect"
)

//go:generate go run ./schemagen

// Schema returns the JSON Schema (2020-12) of a configuration, Sensor or Hub, indented, with the defaults in it.
func Schema(title string, defaults any) ([]byte, error) {
	s := schemaOf(reflect.ValueOf(defaults))
	s["$schema"], s["title"] = "https://json-schema.org/draft/2020-12/schema", title
	b, err := json.MarshalIndent(s, "", "  ")
	return append(b, '\n'), err
}

func schemaOf(v reflect.Value) map[string]any {
	switch x := v.Interface().(type) {
	case Duration:
		return map[string]any{"type": "string", "default": x.String(), "pattern": `^[0-9.]+(ns|us|µs|ms|s|m|h)([0-9.]+(ns|us|µs|ms|s|m|h))*$`}
	case Size:
		return map[string]any{"type": []string{"string", "integer"}, "default": x.String(), "pattern": `^[0-9]+ *(B|KiB|MiB|GiB)?$`}
	}
	switch v.Kind() {
	case reflect.Struct:
		return objectSchema(v)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(reflect.Zero(v.Type().Elem()))}
	case reflect.Bool:
		return map[string]any{"type": "boolean", "default": v.Bool()}
	case reflect.Int:
		s := map[string]any{"type": "integer"}
		if v.Int() != 0 {
			s["default"] = v.Int()
		}
		return s
	}
	s := map[string]any{"type": "string"}
	if v.String() != "" {
		s["default"] = v.String()
	}
	return s
}

func objectSchema(v reflect.Value) map[string]any {
	properties := map[string]any{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := f.Tag.Get("yaml")
		if key == "" {
			continue
		}
		s := schemaOf(v.Field(i))
		s["description"] = f.Tag.Get("doc")
		properties[key] = s
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}
