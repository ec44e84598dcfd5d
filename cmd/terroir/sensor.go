package main

import (
	"github.com/spf13/cobra"

	"terroir/sensor"
)

func sensorCommand() *cobra.Command {
	c := &cobra.Command{Use: "sensor", Short: "A sensor: serves ports and watches the others"}
	var file string
	var anyPort bool
	runC := &cobra.Command{
		Use: "run -c FILE", Short: "Run a sensor", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return sensor.Program{File: file, Version: version, AnyPort: anyPort}.Run(c.Context())
		},
	}
	runC.Flags().StringVarP(&file, "config", "c", "", "configuration file (default: built-in values)")
	runC.Flags().BoolVar(&anyPort, "any-port", false, "listen on another port where one is taken or forbidden")
	c.AddCommand(runC)
	return c
}
