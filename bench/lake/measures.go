package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"terroir/lake"
	"terroir/query"
	"terroir/views"
)

// measureSteps runs every view that has a step once, first time, on a lake of so many simulated events, and prints how long the
// statement and the step took. Where a folder is named, the lake is kept there and used again.
func measureSteps(ctx context.Context, args []string) error {
	return onViews(ctx, args, func(l *lake.Lake, reg *views.Registry) error {
		fmt.Printf("%-24s %10s %10s %10s %12s\n", "first time, ms", "statement", "step", "all", "rows between")
		for _, v := range reg.All() {
			if v.Step != "" {
				if err := timeStep(ctx, l, v); err != nil {
					return fmt.Errorf("%s: %w", v.Name, err)
				}
			}
		}
		return nil
	})
}

// onViews calls f with the lake of the arguments and the views that come with terroir.
func onViews(ctx context.Context, args []string, f func(*lake.Lake, *views.Registry) error) error {
	l, drop, err := keptLake(ctx, args)
	if err != nil {
		return err
	}
	defer drop()
	reg, err := views.Shipped()
	if err != nil {
		return err
	}
	return f(l, reg)
}

// keptLake takes a number of events, and perhaps a folder: it opens the lake that is there, or fills one.
func keptLake(ctx context.Context, args []string) (l *lake.Lake, drop func(), err error) {
	if len(args) < 1 || len(args) > 2 {
		return nil, nil, errors.New("a number of events is needed, and a folder to keep the lake in may follow")
	}
	events, err := strconv.Atoi(args[0])
	if err != nil {
		return nil, nil, err
	}
	dir, folder := "", args[1:]
	if len(folder) == 1 {
		dir = folder[0]
		if _, err := os.Stat(dir + "/lake"); err == nil {
			l, err := lake.Open(ctx, dir+"/lake")
			return l, func() { l.Close() }, err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, nil, err
		}
	} else if dir, err = os.MkdirTemp("", "terroir-bench-*"); err != nil {
		return nil, nil, err
	}
	drop = func() {
		l.Close()
		if len(folder) == 0 {
			os.RemoveAll(dir)
		}
	}
	l, err = fill(ctx, dir, events)
	return l, drop, err
}

// timeStep opens an engine of its own, so that nothing is known from the view before.
func timeStep(ctx context.Context, l *lake.Lake, v *views.View) error {
	d, err := query.Open(l, query.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	statement, _, err := d.Render(v, nil)
	if err != nil {
		return err
	}
	begun := time.Now()
	if _, err := query.Run(ctx, d, v, nil); err != nil {
		return err
	}
	all := time.Since(begun)
	begun = time.Now()
	between, err := d.Query(ctx, statement)
	if err != nil {
		return err
	}
	sql := min(time.Since(begun), all)
	fmt.Printf("%-24s %10d %10d %10d %12d\n", v.Name, sql.Milliseconds(), (all - sql).Milliseconds(), all.Milliseconds(), len(between.Rows))
	return nil
}
