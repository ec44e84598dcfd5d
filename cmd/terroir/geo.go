package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func geoCommand() *cobra.Command {
	c := &cobra.Command{Use: "geo", Short: "The databases of countries and networks"}
	var dir string
	info := &cobra.Command{
		Use: "info", Short: "Print which databases are asked, in order, and when they were built", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			g, err := openGeo(dir, nil, nil)
			if err != nil {
				return err
			}
			defer g.Close()
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
			for _, i := range g.Info() {
				fmt.Fprintf(w, "%s\t%s\t%s\n", i.Kind, i.Type, i.Built)
			}
			return w.Flush()
		},
	}
	dirFlag(info, &dir)
	c.AddCommand(info)
	return c
}
