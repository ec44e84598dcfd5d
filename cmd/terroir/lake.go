package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"terroir/lake"
)

func lakeCommand() *cobra.Command {
	c := &cobra.Command{Use: "lake", Short: "The tables"}
	var src source
	stats := &cobra.Command{
		Use: "stats", Short: "Print rows, files and snapshot of each table", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := openStore(c.Context(), src, "")
			if err != nil {
				return err
			}
			defer s.Close()
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "table\trows\tfiles\tsnapshot")
			for _, name := range lake.Tables() {
				f, err := s.lake.Files(c.Context(), name)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", name, f.Rows-f.Deleted, len(f.Paths), f.Snapshot)
			}
			return w.Flush()
		},
	}
	sourceFlags(stats, &src)
	c.AddCommand(stats, lakeGlueCommand())
	c.AddCommand(careCommands()...)
	return c
}
