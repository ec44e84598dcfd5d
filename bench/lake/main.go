// Command lake measures what happens to events behind the sensors: from the bus to the tables, and in the views.
// The scripts beside this folder run it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	measurements := map[string]func(context.Context, []string) error{"drain": drain, "views": measureViews, "measures": measureSteps, "growth": growth, "page": measurePage}
	if len(os.Args) < 2 || measurements[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: lake drain EVENTS | views EVENTS [postgres] [FOLDER] | measures EVENTS [FOLDER] | growth FEW MANY [FOLDER] | page EVENTS [FOLDER]")
		os.Exit(2)
	}
	if err := measurements[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "lake:", err)
		os.Exit(1)
	}
}
