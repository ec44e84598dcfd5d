package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"terroir"
	"terroir/lake"
	"terroir/views"
)

// Render implements Engine.
func (d *Duck) Render(v *views.View, params map[string]string) (sql string, values map[string]string, err error) {
	return v.RenderDuck(params)
}

// Rollups implements lake.Roller.
func (d *Duck) Rollups() (names []string) {
	for _, r := range views.Rollups() {
		names = append(names, r.File())
	}
	return names
}

// Roll implements lake.Roller: DuckDB adds up within its memory limit and spills to disk.
func (d *Duck) Roll(ctx context.Context, roll lake.Roll) (events int64, err error) {
	all := views.Rollups()
	at := slices.IndexFunc(all, func(r views.Rollup) bool { return r.File() == roll.Rollup })
	if at < 0 {
		return 0, terroir.Errorf(terroir.EINVALID, "there is no rollup %q", roll.Rollup)
	}
	keys := strings.Join(all[at].Keys, ", ")
	var b strings.Builder
	fmt.Fprintf(&b, "COPY (SELECT %s, min(ts) AS ts, max(ts) AS last_ts, CAST(sum(attempts) AS bigint) AS attempts, count(*) AS events FROM ", keys)
	readFiles(&b, []string{roll.File}, roll.Fields, "")
	fmt.Fprintf(&b, " GROUP BY %s, floor(epoch(ts) / %d) ORDER BY %s) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d)",
		keys, int64(all[at].Unit.Seconds()), keys, quote(roll.Out), rowGroup)
	if _, err := d.db.ExecContext(ctx, b.String()); err != nil {
		return 0, queryError(ctx, err)
	}
	err = d.db.QueryRowContext(ctx, "SELECT CAST(coalesce(sum(events), 0) AS bigint) FROM read_parquet("+quote(roll.Out)+")").Scan(&events)
	if err != nil {
		return 0, queryError(ctx, err)
	}
	return events, nil
}

// rolled is the SELECT that a rollup's relation is: what rollups of data files there are, and the events of the other files.
func (d *Duck) rolled(r *views.Rollup, f *lake.Files) string {
	columns := strings.Join(r.Keys, ", ") + ", attempts, ts"
	erased := f.IsErased()
	rest := lake.Files{Table: f.Table, Fields: f.Fields, Erased: f.Erased}
	var made []string
	for _, path := range f.Paths {
		if file := d.lake.Rollup(r.File(), path); file != "" && !erased[path] {
			made = append(made, file)
		} else {
			rest.Paths = append(rest.Paths, path)
		}
	}
	var parts []string
	if len(made) > 0 {
		var b strings.Builder
		fmt.Fprintf(&b, "SELECT %s, last_ts, events FROM read_parquet(", columns)
		list(&b, made)
		b.WriteString(")")
		parts = append(parts, b.String())
	}
	if len(rest.Paths) > 0 || len(made) == 0 {
		parts = append(parts, fmt.Sprintf("SELECT %s, ts AS last_ts, 1 AS events FROM (%s)", columns, selectFrom(&rest)))
	}
	return strings.Join(parts, " UNION ALL ")
}
