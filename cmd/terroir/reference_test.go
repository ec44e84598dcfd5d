package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go test -run TestCommandReference -update

var update = flag.Bool("update", false, "write docs/commands.md anew")

// TestCommandReference compares docs/commands.md with the commands as they are.
func TestCommandReference(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Commands\n\nMade by `go generate ./cmd/terroir`; do not edit.\n\nData goes to standard output, everything else to standard error.\n" +
		"Exit codes: 0 ok, 1 error, 2 usage, 3 configuration invalid, 4 not found, 5 not authorised, 6 hub or storage unreachable,\n" +
		"7 partial, 8 a check failed. An error is one line: what, where, what to do.\n")
	reference(&b, newRoot())
	file := filepath.Join("..", "..", "docs", "commands.md")
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.Bytes()) {
		t.Error("docs/commands.md is out of date; run go generate ./cmd/terroir")
	}
}

func reference(b *bytes.Buffer, c *cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
			continue
		}
		if sub.Runnable() && !sub.HasSubCommands() {
			text := sub.Long
			if text == "" {
				text = sub.Short + "."
			}
			fmt.Fprintf(b, "\n## %s\n\n%s\n\n    %s\n", sub.CommandPath(), text, sub.UseLine())
			flags(b, sub)
			if sub.Example != "" {
				fmt.Fprintf(b, "\nFor example:\n\n%s\n", strings.ReplaceAll("    "+strings.TrimSpace(sub.Example), "\n  ", "\n    "))
			}
		}
		reference(b, sub)
	}
}

func flags(b *bytes.Buffer, c *cobra.Command) {
	var rows []string
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		rows = append(rows, fmt.Sprintf("| `%s` | `%s` | %s |", name, f.DefValue, strings.ReplaceAll(f.Usage, "|", "\\|")))
	})
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n| flag | default | meaning |\n|---|---|---|\n%s\n", strings.Join(rows, "\n"))
	}
}
