package views_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"terroir/lake"
	"terroir/measure/steps"
	"terroir/query"
	"terroir/views"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

// world is a small set of tables in a DuckDB of its own, with the columns of the lake.
type world struct {
	t    *testing.T
	db   *sql.DB
	reg  *views.Registry
	conn *duckdb.Connector
}

// newWorld makes the tables, empty.
func newWorld(t *testing.T) *world {
	t.Helper()
	reg, err := views.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t, sql.OpenDB(connector), reg, connector}
	t.Cleanup(func() { w.db.Close(); connector.Close() })
	w.exec(query.Prelude())
	for table, columns := range lakeColumns(t) {
		w.exec("CREATE TABLE " + table + " (" + strings.Join(columns, ", ") + ")")
	}
	return w
}

// lakeColumns are those of an empty lake.
func lakeColumns(t *testing.T) map[string][]string {
	t.Helper()
	l, err := lake.Open(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	e, err := query.Open(l, query.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	columns := map[string][]string{}
	for _, table := range lake.Tables() {
		r, err := e.Query(context.Background(), "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '"+table+"' ORDER BY ordinal_position")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range r.Rows {
			columns[table] = append(columns[table], fmt.Sprint(row[0], " ", row[1]))
		}
	}
	return columns
}

func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Exec(statement, args...); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

// run runs the view and its step, and gives its rows the declared types.
func (w *world) run(name string, params map[string]string) *views.Result {
	w.t.Helper()
	v, r, values := w.returned(name, params)
	return w.stepped(v, r, values)
}

// returned is what the view's statement returned.
func (w *world) returned(name string, params map[string]string) (*views.View, *views.Result, map[string]string) {
	w.t.Helper()
	v, err := w.reg.Get(name)
	if err != nil {
		w.t.Fatal(err)
	}
	statement, values, err := v.Render(params)
	if err != nil {
		w.t.Fatal(err)
	}
	rows, err := w.db.Query(statement)
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", name, err, statement)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		w.t.Fatal(err)
	}
	r := &views.Result{}
	for _, n := range names {
		r.Columns = append(r.Columns, views.Column{Name: n})
	}
	for rows.Next() {
		row, into := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			w.t.Fatal(err)
		}
		for i := range row {
			row[i] = plain(row[i])
		}
		r.Rows = append(r.Rows, row)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return v, r, values
}

// stepped runs the view's step on the rows and makes them a result.
func (w *world) stepped(v *views.View, r *views.Result, values map[string]string) *views.Result {
	w.t.Helper()
	if v.Step != "" {
		if err := v.AdoptRows(r); err != nil {
			w.t.Fatal(err)
		}
		if err := steps.Run(context.Background(), v.Step, r, values); err != nil {
			w.t.Fatalf("%s: %v", v.Name, err)
		}
	}
	if err := v.Adopt(r, values); err != nil {
		w.t.Fatal(err)
	}
	return r
}

func plain(x any) any {
	switch x := x.(type) {
	case int32:
		return int64(x)
	case *big.Int:
		return x.Int64()
	case duckdb.Decimal:
		return x.Float64()
	}
	return x
}

// text is the result as a table.
func text(r *views.Result) string {
	var b strings.Builder
	for i, c := range r.Columns {
		if i > 0 {
			b.WriteString(" | ")
		}
		b.WriteString(c.Name)
	}
	for _, row := range r.Rows {
		b.WriteString("\n")
		for i, x := range row {
			if i > 0 {
				b.WriteString(" | ")
			}
			switch x := x.(type) {
			case nil:
				b.WriteString("-")
			case time.Time:
				b.WriteString(x.UTC().Format(time.RFC3339))
			case float64:
				fmt.Fprintf(&b, "%.4g", x)
			default:
				fmt.Fprint(&b, x)
			}
		}
	}
	return b.String() + "\n"
}

// goldens are the views and the parameters with which they are compared; every view with its defaults as well.
var goldens = map[string][]map[string]string{
	"summary":          {{"scanners": "excluded"}, {"scanners": "only"}, {"ip_version": "6"}},
	"kinds":            {{"scanners": "only"}, {"over": "sensor"}},
	"reach":            {{"by": "source"}, {"by": "country", "scanners": "excluded"}},
	"region-summary":   {{"scanners": "excluded"}},
	"scanners":         {{"scanners": "excluded"}, {"regions": "r-east"}},
	"user-agents":      {{"port": "2375"}, {"scanners": "excluded"}},
	"rare-payloads":    {{"port": "6379"}, {"port": "6379", "limit": "1"}, {"min_rarity": "3"}, {"scanners": "excluded", "port": "6379"}, {"of": "family"}, {"carrying": "something"}},
	"wrong-protocol":   {{"port": "6379", "scanners": "excluded"}},
	"ip-versions":      {{"kind": "any"}},
	"tls-fingerprints": {{"port": "6443"}},
	"families":         {{"port": "6379"}, {"limit": "1"}, {"scanners": "excluded"}},
	"payloads":         {{"family": "t-cron"}, {"template": "t-info"}, {"port": "2323"}},
	"payload-summary":  {{"family": "t-cron"}, {"payload": "p-censys", "scanners": "excluded"}, {"payload": "p-none"}},
	"payload-regions":  {{"family": "t-cron"}, {"payload": "p-tls"}},
	"payload-sources":  {{"family": "t-censys"}, {"payload": "p-tls", "limit": "2"}},
	"payload-variants": {{"family": "t-censys"}, {"payload": "p-info"}},
	"indicators":       {{"type": "url"}, {"role": "none"}, {"family": "t-cron"}, {"payload": "p-censys", "scanners": "excluded"}},
	"tools":            {{"by": "tcp_signature"}, {"scanners": "excluded"}},
	"only-here": {{"by": "protocol"}, {"by": "country"}, {"by": "network"}, {"by": "source", "kind": "any"}, {"by": "template", "min_sources": "2"},
		{"by": "port", "kind": "unserved"}},
}

// TestGolden compares what every view finds in a small world with what it found before; go test ./views -update writes it anew.
func TestGolden(t *testing.T) {
	w := newWorld(t)
	script, err := os.ReadFile(filepath.Join("testdata", "world.sql"))
	if err != nil {
		t.Fatal(err)
	}
	w.exec(string(script))
	for _, v := range w.reg.All() {
		t.Run(v.Name, func(t *testing.T) {
			w.t = t
			var b strings.Builder
			for _, params := range append([]map[string]string{nil}, goldens[v.Name]...) {
				fmt.Fprintf(&b, "%v\n%s\n", params, text(w.run(v.Name, params)))
			}
			file := filepath.Join("testdata", v.Name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}
