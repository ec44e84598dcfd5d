package main

import (
	"strings"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/views"
)

func sqlCommand() *cobra.Command {
	var src source
	var output string
	c := &cobra.Command{
		Use: "sql STATEMENT", Short: "Run a statement of your own over the tables", Args: cobra.ExactArgs(1),
		Long: "Run one SELECT over the tables events, payloads, payload_facts, losses, heartbeats, sensors, revisions and\n" +
			"served_ports. The engine is DuckDB, which can read nothing else, unless the configuration names a Trino.",
		Example: `  terroir sql 'SELECT kind, count(*) FROM events GROUP BY kind'`,
		RunE: func(c *cobra.Command, args []string) error {
			if output == "svg" {
				return terroir.Errorf(terroir.EUSAGE, "--output svg is for views; a statement has no chart")
			}
			s, err := openStore(c.Context(), src, "")
			if err != nil {
				return err
			}
			defer s.Close()
			r, err := s.engine.Query(c.Context(), args[0])
			if err != nil {
				return err
			}
			return printResult(c.OutOrStdout(), output, &views.View{Title: "Result", Columns: r.Columns, Chart: views.Chart{Type: "table"}}, r)
		},
	}
	sourceFlags(c, &src)
	snapshotFlag(c, &src)
	c.Flags().StringVarP(&output, "output", "o", "table", strings.Join(outputs, "|"))
	return c
}
