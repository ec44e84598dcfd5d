// Command terroir is the whole observatory in one binary: hub, sensors, import, views and reports.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/sensor/monitor"
)

func main() {
	monitor.Main()
	os.Exit(run(os.Args[1:]))
}

// run executes one command line and returns its exit code. Errors are one line on standard error.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return 130
	}
	fmt.Fprintln(os.Stderr, "terroir: "+printable(err.Error()))
	return terroir.ErrorCode(err).ExitCode()
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "terroir",
		Short: "A regional honeypot observatory: what is seen here that is not seen elsewhere?",
		Long: "terroir answers, with evidence that can be checked: what does this region see that others do not, what does our\n" +
			"configuration miss there, and what should its sensors listen on instead?\n\nBegin with: terroir demo",
		SilenceUsage: true, SilenceErrors: true, SuggestionsMinimumDistance: 2,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &terroir.Error{Code: terroir.EUSAGE, Message: err.Error(), Hint: "see " + c.CommandPath() + " --help"}
	})
	root.AddCommand(demoCommand(), hubCommand(), sensorCommand(), fleetCommand(), configCommand(), importCommand(), viewCommand(), sqlCommand(),
		decodeCommand(), reportCommand(), simulateCommand(), lakeCommand(), geoCommand(), doctorCommand(), versionCommand())
	root.Args = unknownCommand
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	usageErrors(root)
	return root
}

// unknownCommand refuses every argument that is not a command, and proposes those that look like it.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("unknown command %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// usageErrors makes wrong arguments and unknown subcommands usage errors, everywhere below c.
func usageErrors(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.NoArgs
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return &terroir.Error{Code: terroir.EUSAGE, Message: err.Error(), Hint: "see " + c.CommandPath() + " --help"}
		}
		return nil
	}
	if c.HasSubCommands() && c.RunE == nil {
		c.RunE = func(c *cobra.Command, _ []string) error {
			return &terroir.Error{Code: terroir.EUSAGE, Message: c.CommandPath() + " needs a subcommand", Hint: "see " + c.CommandPath() + " --help"}
		}
	}
	for _, sub := range c.Commands() {
		usageErrors(sub)
	}
}

// printable keeps what strangers' bytes might have brought into a message away from the terminal.
func printable(s string) string {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			r = ' '
		}
		out = append(out, r)
	}
	return string(out)
}
