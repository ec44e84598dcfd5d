package query

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/trinodb/trino-go-client/trino"

	"terroir"
	"terroir/lake"
	"terroir/views"
)

// TrinoOptions say where a Trino is and what it calls the tables.
type TrinoOptions struct {
	// URL is the coordinator's address: http://USER@HOST:PORT or https://…; Password needs https.
	URL, Password string
	// Catalog is Trino's name for the catalog with the lake's tables; "" means terroir.
	Catalog string
}

// Trino runs statements in a Trino that reads the lake's tables. What a statement may read is up to the rights of its
// user there. Each query sees the snapshots that were current when it began.
type Trino struct {
	lake    *lake.Lake
	db      *sql.DB
	where   string
	catalog string
	// pinned is the snapshot of each table that all queries see; nil: the current ones.
	pinned map[string]int64
}

// trinoPatience is how long a request that does not reach the server is sent again.
const trinoPatience = 5 * time.Second

// OpenTrino connects to a Trino. It does not ask it anything yet: one that cannot be reached is an error of the first
// query.
func OpenTrino(l *lake.Lake, opt TrinoOptions) (*Trino, error) {
	if opt.Catalog == "" {
		opt.Catalog = "terroir"
	}
	u, err := url.Parse(opt.URL)
	if err != nil || u.Host == "" {
		return nil, terroir.Errorf(terroir.ECONFIG, "%q is not the URL of a Trino", opt.URL)
	}
	where := u.Host
	switch {
	case opt.Password != "":
		u.User = url.UserPassword(u.User.Username(), opt.Password)
	case u.User == nil:
		u.User = url.User("terroir")
	}
	patience := trinoPatience
	connector, err := trino.NewConnector(&trino.Config{ServerURI: u.String(), Source: "terroir", Catalog: opt.Catalog,
		Schema: lake.Namespace, TimeZone: "UTC", RequestRetryTimeout: &patience})
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: where, Message: "cannot use this Trino", Err: errors.New(firstLine(err.Error()))}
	}
	return &Trino{lake: l, db: sql.OpenDB(connector), where: where, catalog: opt.Catalog}, nil
}

// Close closes the connections. Queries under way fail.
func (t *Trino) Close() error { return t.db.Close() }

// Render implements Engine. Rollups are files on this machine, which Trino does not see.
func (t *Trino) Render(v *views.View, params map[string]string) (sql string, values map[string]string, err error) {
	return v.Render(params)
}

// Query runs the statement, which must be one that only reads.
func (t *Trino) Query(ctx context.Context, statement string) (*views.Result, error) {
	statement = strings.TrimRight(statement, "; \t\r\n")
	pinned, snapshot, err := t.pin(ctx, statement)
	if err != nil {
		return nil, err
	}
	rows, err := t.db.QueryContext(ctx, pinned)
	if err != nil {
		return nil, t.queryError(ctx, err)
	}
	defer rows.Close()
	r, err := scan(rows)
	if err != nil {
		return nil, t.queryError(ctx, err)
	}
	r.Snapshot, r.Complete = snapshot, true
	return r, nil
}

// scan are the rows that database/sql returns.
func scan(rows *sql.Rows) (*views.Result, error) {
	found, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	names, types, into := make([]string, len(found)), make([]string, len(found)), make([]any, len(found))
	for i, t := range found {
		names[i], types[i] = t.Name(), t.DatabaseTypeName()
	}
	return collect(columns(names, types), func(row []any) (bool, error) {
		if !rows.Next() {
			return false, rows.Err()
		}
		for i := range row {
			into[i] = &row[i]
		}
		return true, rows.Scan(into...)
	})
}

var (
	// ignored is what may stand before a statement: space, comments, and parentheses.
	ignored = regexp.MustCompile(`^(?:\s+|--[^\n]*(?:\n|$)|/\*(?s:.*?)\*/)+`)
	word    = regexp.MustCompile(`^[A-Za-z]+`)
)

// pin puts the tables of the statement, as they are now, before it: WITH events AS (… FOR VERSION AS OF …). Trino would
// take the newest snapshot of each table while it reads the statement, and would not say which.
func (t *Trino) pin(ctx context.Context, statement string) (pinned string, events int64, err error) {
	statement = strings.TrimPrefix(statement, ignored.FindString(statement))
	first := strings.ToLower(word.FindString(statement))
	switch {
	case statement == "":
		return "", 0, terroir.Errorf(terroir.EINVALID, "the statement is empty")
	case statement[0] != '(' && first != "select" && first != "with" && first != "values" && first != "table":
		return "", 0, &terroir.Error{Code: terroir.EINVALID, Message: "the statement does more than read", Hint: "use SELECT"}
	}
	ctes, events, err := t.snapshots(ctx, statement)
	if err != nil || len(ctes) == 0 {
		return statement, events, err
	}
	with := "WITH "
	if first == "with" {
		rest := statement[len(first):]
		rest = strings.TrimPrefix(rest, ignored.FindString(rest))
		switch second := word.FindString(rest); strings.ToLower(second) {
		case "function", "session": // Not a list of tables: nothing can be put before it.
			return statement, events, nil
		case "recursive":
			with, rest = "WITH RECURSIVE ", rest[len(second):]
		}
		return with + strings.Join(ctes, ", ") + ", " + rest, events, nil
	}
	return with + strings.Join(ctes, ", ") + " " + statement, events, nil
}

// Pin makes all further queries see the tables as they were at a snapshot of events; call it before the first one. A snapshot
// that there is not, or not any more, yields an ENOTFOUND error.
func (t *Trino) Pin(ctx context.Context, snapshot int64) (err error) {
	t.pinned, err = t.lake.AsOf(ctx, snapshot)
	return err
}

// snapshots lists the tables that the statement may name. It reads events first: what its marks vouch for is in the
// other tables already.
func (t *Trino) snapshots(ctx context.Context, statement string) (ctes []string, events int64, err error) {
	tables, bare := lake.Tables(), withoutTexts(statement)
	for i := len(tables) - 1; i >= 0; i-- {
		name := tables[i]
		if name != "events" && !names(statement, name) {
			continue
		}
		id := t.pinned[name]
		if t.pinned == nil {
			if id, err = t.lake.Snapshot(ctx, name); err != nil {
				return nil, 0, err
			}
		}
		if name == "events" {
			events = id
			if !names(statement, name) {
				continue
			}
		}
		if ownName(bare, name) {
			continue
		}
		version := fmt.Sprintf("FOR VERSION AS OF %d", id)
		if id == 0 {
			version = "WHERE false" // It has no version yet.
		}
		ctes = append(ctes, fmt.Sprintf(`%s AS (SELECT * FROM "%s".%s.%s %s)`, name, strings.ReplaceAll(t.catalog, `"`, `""`),
			lake.Namespace, name, version))
	}
	return ctes, events, nil
}

// names reports whether the statement may name the table: it does not if the word is not in it.
func names(statement, table string) bool {
	return strings.Contains(strings.ToLower(statement), table)
}

// quotedText finds what is in quotes, and comments.
var quotedText = regexp.MustCompile(`'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*(?s:.*?)\*/`)

// withoutTexts is the statement without its texts and comments, but with quoted names.
func withoutTexts(statement string) string {
	return quotedText.ReplaceAllStringFunc(statement, func(t string) string {
		if t[0] == '"' {
			return t
		}
		return " "
	})
}

// ownName reports whether a statement without texts has a table of its own with the name (WITH events AS …).
func ownName(statement, table string) bool {
	return regexp.MustCompile(`(?i)\b` + table + `"?\s*(?:\([^()]*\)\s*)?AS\s*\(`).MatchString(statement)
}

func (t *Trino) queryError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var own *terroir.Error
	if errors.As(err, &own) {
		return err
	}
	var failed *trino.ErrQueryFailed
	if errors.As(err, &failed) && (failed.StatusCode == http.StatusUnauthorized || failed.StatusCode == http.StatusForbidden) {
		return &terroir.Error{Code: terroir.EUNAUTHORIZED, Where: t.where, Message: "Trino does not let in this user",
			Hint: "check the user in query.trino, and query.password"}
	}
	var said *trino.ErrTrino
	if !errors.As(err, &said) {
		return &terroir.Error{Code: terroir.EUNREACHABLE, Where: t.where, Message: "Trino cannot be asked", Err: errors.New(firstLine(err.Error())),
			Hint: "check query.trino, and that the server runs"}
	}
	cause := errors.New(firstLine(said.Message))
	if said.ErrorType == "USER_ERROR" {
		return &terroir.Error{Code: terroir.EINVALID, Where: t.where, Message: "the statement is not valid", Err: cause}
	}
	return &terroir.Error{Code: terroir.EUNREACHABLE, Where: t.where, Message: "query failed", Err: cause}
}
