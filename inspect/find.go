// Package inspect gathers what is known of one payload or one family, for a page, a terminal or a script.
package inspect

import (
	"context"
	"fmt"
	"strings"

	"terroir"
	"terroir/query"
)

// leastPrefix is how many digits of an id are asked for at least: fewer name too many.
const leastPrefix = 6

// match is the condition that the column begins with the id, of which the beginning may be given. Anything but 6 to 64
// hexadecimal digits yields an EINVALID error.
func match(column, what, id string) (condition, prefix string, err error) {
	id = strings.ToLower(strings.TrimSpace(id))
	if len(id) < leastPrefix || len(id) > 64 || strings.Trim(id, "0123456789abcdef") != "" {
		return "", "", &terroir.Error{Code: terroir.EINVALID, Message: fmt.Sprintf("%.80q is no id of a %s", id, what),
			Hint: fmt.Sprintf("give %d to 64 hexadecimal digits", leastPrefix)}
	}
	return column + " LIKE '" + id + "%'", id, nil // Digits alone: nothing that SQL would read otherwise.
}

// one runs a statement that is to return one row, and returns it. None is an ENOTFOUND error, several an EINVALID one.
func one(ctx context.Context, e query.Engine, what, id, statement string) ([]any, error) {
	r, err := e.Query(ctx, statement)
	switch {
	case err != nil:
		return nil, err
	case len(r.Rows) == 0:
		return nil, &terroir.Error{Code: terroir.ENOTFOUND, Message: fmt.Sprintf("no %s %s", what, id), Hint: "terroir view " + plural(what) + " lists them"}
	case len(r.Rows) > 1:
		return nil, &terroir.Error{Code: terroir.EINVALID, Message: fmt.Sprintf("several %s begin with %s", plural(what), id), Hint: "give more digits"}
	}
	return r.Rows[0], nil
}

func plural(what string) string {
	if what == "family" {
		return "families"
	}
	return what + "s"
}

// text is a column's value, "" for null.
func text(x any) string {
	if x == nil {
		return ""
	}
	return fmt.Sprint(x)
}
