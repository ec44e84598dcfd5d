// Package query runs SQL over the lake's tables. The statements are in Trino's dialect; DuckDB runs them with a short
// prelude of macros, Trino as they are.
package query

import (
	"context"
	"fmt"

	"terroir/measure/steps"
	"terroir/views"
)

// Engine runs one statement that reads and returns its rows. It sees the tables as they were when it began.
type Engine interface {
	// Query returns the rows with columns named and typed by the engine. A statement that is wrong yields an EINVALID
	// error, a storage that cannot be read EUNREACHABLE.
	Query(ctx context.Context, sql string) (*views.Result, error)
	// Render writes the view's statement in the way that suits the engine best. Errors are those of View.Render.
	Render(v *views.View, params map[string]string) (sql string, values map[string]string, err error)
	// Close frees the engine's memory.
	Close() error
}

// Run renders the view with the parameters, runs it and the view's step, and returns the result with the view's own columns.
//
// Errors are those of Engine.Render, Engine.Query and steps.Run.
func Run(ctx context.Context, e Engine, v *views.View, params map[string]string) (*views.Result, error) {
	sql, values, err := e.Render(v, params)
	if err != nil {
		return nil, err
	}
	r, err := e.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	if err := finish(ctx, v, r, values); err != nil {
		return nil, err
	}
	return r, nil
}

// finish makes what the statement returned the view's result, by the view's step where it has one.
func finish(ctx context.Context, v *views.View, r *views.Result, values map[string]string) error {
	if v.Step != "" {
		if err := v.AdoptRows(r); err != nil {
			return err
		}
		if err := steps.Run(ctx, v.Step, r, values); err != nil {
			return fmt.Errorf("view %s: %w", v.Name, err)
		}
	}
	return v.Adopt(r, values)
}

// Prelude is what DuckDB is told before it runs statements written for Trino.
func Prelude() string { return prelude }
