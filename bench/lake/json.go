package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"strings"
)

// asJSON returns how many bytes an event of the files takes as a line of JSON without nulls, and how many when the lines,
// in order of time, are gzipped.
func asJSON(ctx context.Context, paths []string) (plain, zipped float64, err error) {
	db, err := openDuck("")
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT * FROM (SELECT * FROM read_parquet(['"+strings.Join(paths, "','")+
		"']) USING SAMPLE reservoir(200000 ROWS) REPEATABLE (1)) ORDER BY ts")
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return 0, 0, err
	}
	var all, packed counter
	z := gzip.NewWriter(&packed)
	out := json.NewEncoder(io.MultiWriter(&all, z))
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	n := 0
	for ; rows.Next(); n++ {
		if err := rows.Scan(into...); err != nil {
			return 0, 0, err
		}
		object := map[string]any{}
		for i, name := range names {
			if values[i] != nil {
				object[name] = values[i]
			}
		}
		if err := out.Encode(object); err != nil {
			return 0, 0, err
		}
	}
	if err := rows.Err(); err != nil {
		return 0, 0, err
	}
	if err := z.Close(); err != nil {
		return 0, 0, err
	}
	return float64(all) / float64(n), float64(packed) / float64(n), nil
}

// counter counts bytes.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
