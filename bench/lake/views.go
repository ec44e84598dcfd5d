package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"terroir/lake"
	"terroir/query"
	"terroir/views"
)

// viewRounds is how often each statement runs, in turn with the same one elsewhere; the median counts.
const viewRounds = 3

// atMost is how long a statement may take; one that takes longer counts as this long.
const atMost = 90 * time.Second

// place is where a view runs.
type place struct {
	name string
	run  func(ctx context.Context, v *views.View, params map[string]string, statement string) error
	// foreign: another database, which is slow.
	foreign bool
}

// measureViews runs the statement of every view on a lake of so many events, on one bare sorted Parquet file a table in DuckDB, and,
// where asked for, in PostgreSQL; and the view as the page asks for it, over rollups and with its step.
func measureViews(ctx context.Context, args []string) error {
	withPostgres := len(args) > 1 && args[1] == "postgres"
	if withPostgres {
		args = slices.Delete(slices.Clone(args), 1, 2)
	}
	dir, err := os.MkdirTemp("", "terroir-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL's user is to reach its folder.
		return err
	}
	l, drop, err := keptLake(ctx, args)
	if err != nil {
		return err
	}
	defer drop()
	if err := sizes(ctx, l); err != nil {
		return err
	}
	d, err := query.Open(l, query.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	bare, err := bareFiles(ctx, l, dir)
	if err != nil {
		return err
	}
	defer bare.Close()
	places := []place{
		{name: "bare file", run: func(ctx context.Context, _ *views.View, _ map[string]string, s string) error {
			return drainRows(ctx, bare, s)
		}},
		{name: "terroir", run: func(ctx context.Context, _ *views.View, _ map[string]string, s string) error {
			_, err := d.Query(ctx, s)
			return err
		}},
		{name: "its view", run: func(ctx context.Context, v *views.View, params map[string]string, _ string) error {
			_, err := query.Run(ctx, d, v, params)
			return err
		}},
	}
	if withPostgres {
		pg, stop, err := postgres(ctx, dir)
		if err != nil {
			return err
		}
		defer stop()
		places = append(places, place{"PostgreSQL", func(ctx context.Context, _ *views.View, _ map[string]string, s string) error {
			return drainRows(ctx, pg, s)
		}, true})
	}
	r, err := d.Query(ctx, "SELECT src_ip FROM events GROUP BY src_ip ORDER BY count(*) DESC, src_ip LIMIT 1 OFFSET 100")
	if err != nil {
		return err
	}
	return compare(ctx, places, r.Rows[0][0].(string))
}

// compare prints the median time of every view at every place. source is one of the addresses.
func compare(ctx context.Context, places []place, source string) error {
	reg, err := views.Shipped()
	if err != nil {
		return err
	}
	// A view that is about one source finds nothing without it.
	params := map[string]map[string]string{"itinerary": {"x": source}}
	fmt.Printf("%-24s", "median of "+strconv.Itoa(viewRounds)+", ms")
	for _, p := range places {
		fmt.Printf(" %12s", p.name)
	}
	fmt.Println("   terroir / bare   PostgreSQL / terroir   PostgreSQL / its view")
	page := make([]time.Duration, len(places))
	for _, v := range reg.All() {
		statement, _, err := v.Render(params[v.Name])
		if err != nil {
			return err
		}
		times, err := medians(ctx, places, v, params[v.Name], statement)
		if err != nil {
			return fmt.Errorf("%s: %w", v.Name, err)
		}
		if v.On("overview") {
			for i := range page {
				page[i] += times[i]
			}
		}
		line(v.Name, times)
	}
	line("the page's views", page)
	return nil
}

func line(name string, times []time.Duration) {
	fmt.Printf("%-24s", name)
	for _, t := range times {
		fmt.Printf(" %12.1f", float64(t.Microseconds())/1000)
	}
	fmt.Printf("   %14.2f", times[1].Seconds()/times[0].Seconds())
	if len(times) > 3 {
		fmt.Printf("   %20.1f   %21.1f", times[3].Seconds()/times[1].Seconds(), times[3].Seconds()/times[2].Seconds())
	}
	fmt.Println()
}

func medians(ctx context.Context, places []place, v *views.View, params map[string]string, statement string) ([]time.Duration, error) {
	all := make([][]time.Duration, len(places))
	for range viewRounds {
		for i, p := range places {
			if p.foreign && len(all[i]) > 0 { // Its times are long: once is enough.
				continue
			}
			begun := time.Now()
			limited, cancel := context.WithTimeout(ctx, atMost)
			err := p.run(limited, v, params, statement)
			cancel()
			took := time.Since(begun)
			if err != nil && took < atMost {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			all[i] = append(all[i], took)
		}
	}
	middle := make([]time.Duration, len(places))
	for i := range all {
		slices.Sort(all[i])
		middle[i] = all[i][len(all[i])/2]
	}
	return middle, nil
}

// drainRows runs the statement and reads its rows.
func drainRows(ctx context.Context, db *sql.DB, statement string) error {
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	into := make([]any, len(columns))
	for i := range into {
		into[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
	}
	return rows.Err()
}

// bareFiles writes every table into one Parquet file, sorted as the table is, and opens a DuckDB with the same settings over them.
func bareFiles(ctx context.Context, l *lake.Lake, dir string) (*sql.DB, error) {
	db, err := openDuck("")
	if err != nil {
		return nil, err
	}
	for _, s := range []string{"SET memory_limit='1024MiB'", "SET temp_directory='" + filepath.Join(dir, "spill") + "'", "SET TimeZone='UTC'",
		"SET parquet_metadata_cache=true", query.Prelude()} {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	for _, table := range lake.Tables() {
		f, err := l.Files(ctx, table)
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		if len(f.Paths) == 0 {
			return nil, errors.Join(fmt.Errorf("table %s is empty", table), db.Close())
		}
		order := ""
		if table == "events" {
			order = " ORDER BY region, dst_port, src_ip"
		}
		file := filepath.Join(dir, table+".parquet")
		for _, s := range []string{
			fmt.Sprintf("COPY (SELECT * FROM read_parquet(['%s'])%s) TO '%s' (FORMAT parquet, COMPRESSION zstd)", strings.Join(f.Paths, "','"), order, file),
			fmt.Sprintf("CREATE VIEW %s AS SELECT * FROM read_parquet('%s')", table, file),
		} {
			if _, err := db.ExecContext(ctx, s); err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", table, err), db.Close())
			}
		}
	}
	return db, nil
}

// sizes prints how large the lake is per event.
func sizes(ctx context.Context, l *lake.Lake) error {
	f, err := l.Files(ctx, "events")
	if err != nil {
		return err
	}
	var bytes int64
	for _, p := range f.Paths {
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		bytes += info.Size()
	}
	plain, zipped, err := asJSON(ctx, f.Paths)
	if err != nil {
		return err
	}
	perEvent := float64(bytes) / float64(f.Rows)
	fmt.Printf("%d events in %d files: %.1f bytes each; as JSON lines %.1f (1/%.1f), gzipped %.1f (1/%.1f)\n\n", f.Rows, len(f.Paths), perEvent,
		plain, plain/perEvent, zipped, zipped/perEvent)
	return nil
}
