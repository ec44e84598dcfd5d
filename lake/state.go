package lake

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"terroir"
)

// State names what the tables hold at the moment, all of them at once: it changes with every commit to any of them, and
// costs one question to the catalog.
func (l *Lake) State(ctx context.Context) (string, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT table_name, metadata_location FROM iceberg_tables WHERE table_namespace = "+quoted(Namespace)+" ORDER BY table_name")
	if err != nil {
		return "", l.unusable(fmt.Errorf("catalog: %w", err))
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var name, location string
		if err := rows.Scan(&name, &location); err != nil {
			return "", l.unusable(fmt.Errorf("catalog: %w", err))
		}
		fmt.Fprintf(&b, "%s=%s\n", name, location)
	}
	if err := rows.Err(); err != nil {
		return "", l.unusable(fmt.Errorf("catalog: %w", err))
	}
	return b.String(), nil
}

// AsOf returns the snapshot of every table that belongs to a snapshot of events: the last one that is not younger, since events
// commit last. Where that is expired it is the oldest that is left, which has all that those events need, and may have more.
//
// A snapshot that there is not, or not any more, yields an ENOTFOUND error.
func (l *Lake) AsOf(ctx context.Context, events int64) (map[string]int64, error) {
	at := map[string]int64{}
	var made int64
	tables := Tables()
	for i := len(tables) - 1; i >= 0; i-- {
		t, err := l.cat.LoadTable(ctx, identifier(tables[i]))
		if err != nil {
			return nil, l.unusable(fmt.Errorf("table %s: %w", tables[i], err))
		}
		if tables[i] == "events" {
			s := t.SnapshotByID(events)
			if s == nil {
				return nil, &terroir.Error{Code: terroir.ENOTFOUND, Where: "snapshot " + strconv.FormatInt(events, 10),
					Message: "there is no such snapshot of events", Hint: "terroir lake snapshots lists them; old ones expire (care.snapshots)"}
			}
			at["events"], made = events, s.TimestampMs
			continue
		}
		for k, s := range t.Metadata().Snapshots() {
			if k == 0 || s.TimestampMs <= made {
				at[tables[i]] = s.SnapshotID
			}
		}
	}
	return at, nil
}
