// Package encode writes results as text and files: JSON, JSON lines, CSV, Parquet, Markdown and tables for terminals.
// What strangers sent may stand in any cell: each form makes it harmless in its own way.
package encode

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"terroir/defang"
	"terroir/views"
)

// JSON writes the result as one object, in the stable form that scripts rely on: view, params, snapshot, columns,
// rows, complete. Times are RFC 3339.
func JSON(w io.Writer, r *views.Result) error {
	b, err := Marshal(r)
	if err == nil {
		_, err = w.Write(append(b, '\n'))
	}
	return err
}

// NDJSON writes an object a row, with the columns as keys.
func NDJSON(w io.Writer, r *views.Result) error {
	b := bufio.NewWriter(w)
	keys := make([][]byte, len(r.Columns))
	for i, c := range r.Columns {
		k, err := Marshal(c.Name)
		if err != nil {
			return err
		}
		keys[i] = k
	}
	for _, row := range r.Rows {
		for i, x := range row {
			sep := byte(',')
			if i == 0 {
				sep = '{'
			}
			v, err := Marshal(x)
			if err != nil {
				return err
			}
			b.WriteByte(sep)
			b.Write(keys[i])
			b.WriteByte(':')
			b.Write(v)
		}
		b.WriteString("}\n")
	}
	return b.Flush()
}

// CSV writes a header and a row a line (RFC 4180). A text that a spreadsheet would take for a formula gets a ' in
// front.
func CSV(w io.Writer, r *views.Result) error {
	c := csv.NewWriter(w)
	record := make([]string, len(r.Columns))
	for i, col := range r.Columns {
		record[i] = inert(col.Name)
	}
	if err := c.Write(record); err != nil {
		return err
	}
	for _, row := range r.Rows {
		for i, x := range row {
			if s, ok := x.(string); ok {
				record[i] = inert(s)
			} else {
				record[i] = Text(x)
			}
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// inert keeps a spreadsheet from running a text (OWASP, "CSV Injection"), and a terminal from obeying it: what steers one, or turns
// the direction of text, is written as Go writes it, such as \x1b or \u202e.
func inert(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	s = b.String()
	if first, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@\t\n|%＝＋－＠", first) {
		return "'" + s
	}
	return s
}

// Text is a value as machines read it: numbers without separators, times in RFC 3339, nothing for null.
func Text(x any) string {
	switch x := x.(type) {
	case nil:
		return ""
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	}
	b, err := json.Marshal(x)
	if err != nil {
		return ""
	}
	return string(b)
}

// Human is a value as people read it: separators between thousands, few digits, times to the minute, and no character
// that steers a terminal or turns the direction of text.
func Human(x any, column string) string {
	switch x := x.(type) {
	case nil:
		return "–"
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case int64:
		if nameOfNumber(column) {
			return strconv.FormatInt(x, 10)
		}
		return Thousands(x)
	case float64:
		return strconv.FormatFloat(x, 'g', 4, 64)
	case time.Time:
		return x.UTC().Format("2006-01-02 15:04")
	}
	return Plain(Text(x))
}

// shownOfID is how much of an id people are shown; commands and pages take it for the whole.
const shownOfID = 12

// Shown is the value of a column in a row as people read it: as Human has it, indicators defanged, ids by their beginning.
func Shown(columns []views.Column, row []any, i int) string {
	c := &columns[i]
	s, ok := row[i].(string)
	share, isShare := row[i].(float64)
	switch {
	case isShare && c.Unit == "share":
		return Percent(share)
	case !ok:
		return Human(row[i], c.Name)
	case c.Is == "indicator":
		return Plain(defang.Defang(typeOf(columns, row), s))
	case c.Is == "indicators":
		return Plain(defang.Words(s))
	case c.Is == "said":
		return Plain(defang.Text(s))
	case IsID(s):
		return s[:shownOfID] + "…"
	}
	return Human(s, c.Name)
}

// Percent writes a share of 1.
func Percent(share float64) string { return strconv.FormatFloat(100*share, 'g', 3, 64) + " %" }

// typeOf is the type of the indicator in the row.
func typeOf(columns []views.Column, row []any) string {
	for i, c := range columns {
		if t, ok := row[i].(string); ok && c.Name == "type" {
			return t
		}
	}
	return ""
}

// IsID reports whether the text is an id: a SHA-256 in hexadecimal.
func IsID(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// nameOfNumber reports whether the column's numbers are names, not amounts.
func nameOfNumber(column string) bool {
	return column == "port" || column == "asn" || strings.HasSuffix(column, "_port")
}

// Thousands writes a whole number with separators: 1,234,567.
func Thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Plain replaces every character that is not printable, or that changes the direction of text, by "·".
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s, "·"))
}
