package main

import (
	"context"
	"fmt"
	"time"

	"terroir/lake"
	"terroir/query"
	"terroir/views"
)

// pageRounds is how often the page's views are asked for; the first time nothing is known of them.
const pageRounds = 4

// measurePage asks for the views of the overview, one after another, as a page does, on a lake of so many simulated events.
func measurePage(ctx context.Context, args []string) error {
	return onViews(ctx, args, func(l *lake.Lake, reg *views.Registry) error {
		d, err := query.Open(l, query.Options{})
		if err != nil {
			return err
		}
		defer d.Close()
		for round := range pageRounds {
			if err := timePage(ctx, d, reg.Page("overview"), round+1); err != nil {
				return err
			}
		}
		return nil
	})
}

func timePage(ctx context.Context, d *query.Duck, page []*views.View, round int) error {
	begun, before := time.Now(), used()
	for _, v := range page {
		if _, err := query.Run(ctx, d, v, nil); err != nil {
			return fmt.Errorf("%s: %w", v.Name, err)
		}
	}
	fmt.Printf("round %d: %d views in %d ms, %d ms of processors\n", round, len(page), time.Since(begun).Milliseconds(), (used() - before).Milliseconds())
	return nil
}
