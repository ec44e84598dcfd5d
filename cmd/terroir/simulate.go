package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/simulate"
)

func simulateCommand() *cobra.Command {
	opt := simulate.Options{}
	var out string
	var noPcaps bool
	c := &cobra.Command{
		Use: "simulate --out DIR", Short: "Write a labelled week of traffic: captures, events and the truth they carry", Args: cobra.NoArgs,
		Long: "Write a deterministic, labelled week of traffic at five sensors: one capture a sensor, the same events as JSON lines, the\n" +
			"truth that they carry, and MMDB files for its addresses (100.64.0.0/10 and 2001:db8::/32: nobody's).",
		RunE: func(c *cobra.Command, _ []string) error {
			if out == "" {
				return &terroir.Error{Code: terroir.EUSAGE, Message: "--out is needed", Hint: "name a folder"}
			}
			bar := newBar("simulate")
			err := simulate.Write(c.Context(), opt, out, simulate.Parts{Pcaps: !noPcaps, Events: true}, bar.set)
			bar.done()
			if err == nil {
				fmt.Fprintln(c.ErrOrStderr(), "written to", out)
			}
			return err
		},
	}
	c.Flags().Uint64Var(&opt.Seed, "seed", 2022, "seed: the same one gives the same bytes")
	c.Flags().IntVar(&opt.Days, "days", 7, "length in days")
	c.Flags().Float64Var(&opt.Scale, "scale", 1, "volume; 1 is about 25,000 events a week")
	c.Flags().StringVar(&out, "out", "", "folder to write to")
	c.Flags().BoolVar(&noPcaps, "no-pcaps", false, "leave out the captures")
	return c
}
