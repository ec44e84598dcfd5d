package views

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"terroir"
)

// token finds what must be left alone (text in quotes, comments) before what is looked for (:name).
var token = regexp.MustCompile(`'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|:[a-z][a-z0-9_]*`)

// nameSuffix makes :by_name of :by, the name of an enum's value as a text.
const nameSuffix = "_name"

func placeholders(sql string) []string {
	var names []string
	for _, t := range token.FindAllString(sql, -1) {
		if t[0] == ':' {
			names = append(names, t[1:])
		}
	}
	return names
}

// Render puts the values into the statement and returns it complete, in Trino's dialect, with the values in force.
// Parameters that are not given take their defaults. A parameter that the view does not have, or a value that does
// not fit, yields an EINVALID error.
func (v *View) Render(given map[string]string) (sql string, values map[string]string, err error) {
	if values, err = v.values(given); err != nil {
		return "", nil, err
	}
	columns, relation := v.overEvents()
	sql, err = v.statement(values, columns, relation)
	return sql, values, err
}

// overEvents is what scope is made of where no rollup stands for the events.
func (v *View) overEvents() (columns, relation string) {
	if v.Rollup == "" {
		return "events.*", "events"
	}
	return "events.*, ts AS last_ts, 1 AS events", "events"
}

// statement is the view's, with the values in it, over columns of a relation.
func (v *View) statement(values map[string]string, columns, relation string) (sql string, err error) {
	statement := v.SQL
	if with, rest, ok := cutWith(statement); ok {
		statement = with + v.relations(values, columns, relation) + ",\n" + rest
	} else {
		statement = "WITH " + v.relations(values, columns, relation) + "\n" + statement
	}
	literals := map[string]string{}
	for _, p := range v.Params {
		if literals[p.Name], err = p.literal(values[p.Name]); err != nil {
			return "", terroir.Errorf(terroir.EINVALID, "parameter %s=%q: %v", p.Name, values[p.Name], err)
		}
		if p.Type == "enum" {
			literals[p.Name+nameSuffix] = "'" + values[p.Name] + "'"
		}
	}
	return token.ReplaceAllStringFunc(statement, func(t string) string {
		if t[0] == ':' {
			return literals[t[1:]]
		}
		return t
	}), nil
}

// Shown is the statement for people, with the values in it; where a step follows, a comment says so. Errors are those of
// Render.
func (v *View) Shown(given map[string]string) (string, error) {
	statement, _, err := v.Render(given)
	if err == nil && v.Step != "" {
		statement += "\n-- The step " + v.Step + " makes the view's result of these rows (package measure/steps)."
	}
	return statement, err
}

func cutWith(sql string) (with, rest string, ok bool) {
	if len(sql) > 5 && strings.EqualFold(sql[:4], "with") && unicode.IsSpace(rune(sql[4])) {
		return sql[:5], strings.TrimLeftFunc(sql[5:], unicode.IsSpace), true
	}
	return "", "", false
}

func (v *View) values(given map[string]string) (map[string]string, error) {
	values := map[string]string{}
	for _, p := range v.Params {
		values[p.Name] = p.Default
	}
	for name, value := range given {
		if _, ok := values[name]; !ok {
			return nil, &terroir.Error{Code: terroir.EINVALID, Message: fmt.Sprintf("view %s has no parameter %q", v.Name, name),
				Hint: "it takes " + strings.Join(v.paramNames(), ", ")}
		}
		values[name] = value
	}
	return values, nil
}

func (v *View) paramNames() []string {
	names := make([]string, len(v.Params))
	for i, p := range v.Params {
		names[i] = p.Name
	}
	return names
}

// maxValueLength bounds a parameter's text.
const maxValueLength = 4096

// literal returns the SQL that stands for the value.
func (p *Param) literal(value string) (string, error) {
	if len(value) > maxValueLength {
		return "", fmt.Errorf("longer than %d bytes", maxValueLength)
	}
	switch p.Type {
	case "int":
		return p.intLiteral(value)
	case "string":
		return stringLiteral(value)
	case "list":
		return listLiteral(value)
	case "enum":
		for _, e := range p.Values {
			if e.Name == value {
				return e.SQL, nil
			}
		}
		return "", fmt.Errorf("want one of %s", strings.Join(p.enumNames(), ", "))
	case "time":
		return timeLiteral(value)
	}
	return "", fmt.Errorf("type %q is not one of int, string, list, enum, time", p.Type)
}

func (p *Param) enumNames() []string {
	names := make([]string, len(p.Values))
	for i, e := range p.Values {
		names[i] = e.Name
	}
	return names
}

func (p *Param) intLiteral(value string) (string, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil:
		return "", fmt.Errorf("want a whole number")
	case p.Min != nil && n < *p.Min:
		return "", fmt.Errorf("want at least %d", *p.Min)
	case p.Max != nil && n > *p.Max:
		return "", fmt.Errorf("want at most %d", *p.Max)
	}
	return strconv.FormatInt(n, 10), nil
}

func stringLiteral(value string) (string, error) {
	if strings.IndexFunc(value, unicode.IsControl) >= 0 {
		return "", fmt.Errorf("control characters are not allowed")
	}
	return "'" + strings.ReplaceAll(value, "'", "''") + "'", nil
}

// listLiteral is for IN (…). The empty list stands for NULL, which is in nothing: conditions on it are left out.
func listLiteral(value string) (string, error) {
	if value == "" {
		return "NULL", nil
	}
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		lit, err := stringLiteral(strings.TrimSpace(item))
		if err != nil {
			return "", err
		}
		items = append(items, lit)
	}
	return strings.Join(items, ", "), nil
}

func timeLiteral(value string) (string, error) {
	if value == "" {
		return "NULL", nil
	}
	t, err := ParseTime(value)
	if err != nil {
		return "", err
	}
	return "from_iso8601_timestamp('" + t.Format("2006-01-02T15:04:05.999999Z") + "')", nil
}

// ParseTime reads a time parameter: a date (midnight UTC), a date with time (UTC) or RFC 3339. Anything else is an
// EINVALID error.
func ParseTime(value string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, terroir.Errorf(terroir.EINVALID, "time %q: want a date or RFC 3339, such as 2022-06-14 or 2022-06-14T12:00:00Z", value)
}
