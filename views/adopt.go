package views

import (
	"fmt"
	"math"
	"time"
)

// Adopt makes r a result of the view: its columns get the view's units and meanings and the values their types. An
// engine that returned other columns than the view declares yields an error.
func (v *View) Adopt(r *Result, values map[string]string) error {
	if err := v.adopt(r, v.Columns); err != nil {
		return err
	}
	r.View, r.Params = v.Name, values
	return nil
}

// AdoptRows gives what the statement of a view with a step returned the types of the view's Rows, for the step.
func (v *View) AdoptRows(r *Result) error { return v.adopt(r, v.Rows) }

func (v *View) adopt(r *Result, columns []Column) error {
	if len(r.Columns) != len(columns) {
		return fmt.Errorf("view %s: the statement returns %d columns, %d are declared", v.Name, len(r.Columns), len(columns))
	}
	for i, c := range columns {
		if r.Columns[i].Name != c.Name {
			return fmt.Errorf("view %s: column %d is %q, declared as %q", v.Name, i+1, r.Columns[i].Name, c.Name)
		}
	}
	for _, row := range r.Rows {
		for i, c := range columns {
			x, err := c.convert(row[i])
			if err != nil {
				return fmt.Errorf("view %s: column %s: %w", v.Name, c.Name, err)
			}
			row[i] = x
		}
	}
	r.Columns = columns
	return nil
}

func (c *Column) convert(x any) (any, error) {
	switch x := x.(type) {
	case nil:
		return nil, nil
	case int64:
		if c.Type == "float" {
			return float64(x), nil
		}
		if c.Type == "int" {
			return x, nil
		}
	case float64:
		if c.Type == "float" {
			return x, nil
		}
		if c.Type == "int" && x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return int64(x), nil
		}
	case string:
		if c.Type == "string" {
			return x, nil
		}
	case bool:
		if c.Type == "bool" {
			return x, nil
		}
	case time.Time:
		if c.Type == "time" {
			return x.UTC(), nil
		}
	}
	return nil, fmt.Errorf("a %T does not fit the declared type %s", x, c.Type)
}
