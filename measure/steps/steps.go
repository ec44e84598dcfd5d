// Package steps makes the results of views of what SQL says badly: intervals, tests, greedy cover. A step takes the rows that
// a view's statement returned and the values of its parameters, and returns other rows. Steps are pure: the result depends
// on the rows, whatever their order, and the values alone; what is random takes the parameter seed.
package steps

import (
	"context"
	"maps"
	"slices"

	"terroir"
	"terroir/views"
)

// step makes a table of the input.
type step func(ctx context.Context, in *input) (*table, error)

var registered = map[string]step{
	"reach-corrected":     reachCorrected,
	"reach-null":          reachNull,
	"regionality":         regionality,
	"regionality-overall": regionalityOverall,
	"compare-regions":     compareRegions,
	"transfer":            transfer,
	"transfer-locality":   transferLocality,
	"feeds":               feeds,
	"lossiness":           lossiness,
	"gain-curve":          gainCurve,
	"recommend":           recommend,
	"backtest":            backtest,
	"gain":                gain,
}

// Names lists the steps, sorted.
func Names() []string { return slices.Sorted(maps.Keys(registered)) }

// Run replaces columns and rows of r, what a view's statement returned, by what the step makes of them. A step that there is
// not, rows that lack a column, and more places than can be compared yield an EINVALID error.
func Run(ctx context.Context, name string, r *views.Result, values map[string]string) error {
	f := registered[name]
	if f == nil {
		return &terroir.Error{Code: terroir.EINVALID, Message: "no step " + name, Hint: "the view's front matter names it"}
	}
	t, err := f(ctx, &input{rows: r.Rows, result: r, values: values})
	if err != nil {
		return err
	}
	r.Columns, r.Rows = t.columns, t.rows
	return nil
}
