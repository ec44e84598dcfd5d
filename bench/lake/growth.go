package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"terroir/lake"
	"terroir/query"
	"terroir/views"
)

// growth runs every view, as pages ask for it, on a lake of few and on one of many simulated events, in turn, and prints how its
// time grows, and how much memory the process took. Lakes are kept where a folder is named.
func growth(ctx context.Context, args []string) error {
	if len(args) < 2 || len(args) > 3 {
		return errors.New("growth needs two numbers of events, and may be given a folder to keep the lakes in")
	}
	var few, many growing
	for i, g := range []*growing{&few, &many} {
		kept := []string{args[i]}
		if len(args) == 3 {
			kept = append(kept, filepath.Join(args[2], args[i]))
		}
		drop, err := g.open(ctx, kept)
		if err != nil {
			return err
		}
		defer drop()
	}
	fmt.Printf("%d and %d events: %.1f times as many; DuckDB may use %d MiB\n\n", few.rows, many.rows, float64(many.rows)/float64(few.rows), growthMemoryMiB)
	fmt.Printf("%-24s %12s %12s %8s\n", "least of "+strconv.Itoa(growthRounds)+", ms", "few", "many", "times")
	reg, err := views.Shipped()
	if err != nil {
		return err
	}
	var page, all [2]time.Duration
	for _, v := range reg.All() {
		var took [2]time.Duration
		for range growthRounds {
			for i, g := range []*growing{&few, &many} {
				t, err := g.time(ctx, v)
				if err != nil {
					return fmt.Errorf("%s: %w", v.Name, err)
				}
				if took[i] == 0 || t < took[i] {
					took[i] = t
				}
			}
		}
		for i := range took {
			all[i] += took[i]
			if v.On("overview") {
				page[i] += took[i]
			}
		}
		grown(v.Name, took)
	}
	grown("the page's views", page)
	grown("all views", all)
	fmt.Printf("\nmost memory of the process: %d MiB\n", peak()>>10)
	return nil
}

const (
	growthRounds    = 2
	growthMemoryMiB = 1024
)

// growing is one of the lakes, with an engine.
type growing struct {
	engine *query.Duck
	rows   int64
}

func (g *growing) open(ctx context.Context, kept []string) (done func(), err error) {
	l, drop, err := keptLake(ctx, kept)
	if err != nil {
		return nil, err
	}
	if g.engine, err = query.Open(l, query.Options{MemoryMiB: growthMemoryMiB}); err == nil {
		var f lake.Files
		f, err = l.Files(ctx, "events")
		g.rows = f.Rows
	}
	if err != nil {
		drop()
		return nil, err
	}
	return func() { g.engine.Close(); drop() }, nil
}

func (g *growing) time(ctx context.Context, v *views.View) (time.Duration, error) {
	begun := time.Now()
	_, err := query.Run(ctx, g.engine, v, nil)
	return time.Since(begun), err
}

func grown(name string, took [2]time.Duration) {
	fmt.Printf("%-24s %12d %12d %8.1f\n", name, took[0].Milliseconds(), took[1].Milliseconds(), took[1].Seconds()/took[0].Seconds())
}

// peak is the most memory that this process has had, in KiB.
func peak() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Maxrss
}
