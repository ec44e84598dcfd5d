package main

import (
	"github.com/spf13/cobra"

	"terroir/config"
	"terroir/sensor"
)

func doctorCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "doctor", Short: "Say what a sensor would lack here, and the command that gives it", Args: cobra.NoArgs,
		Long: "Say what a sensor would lack here, and the command that gives it.\n\nok: it is there; less: the sensor runs without it; " +
			"bad: the sensor does not run, and the exit code is 8.",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := config.LoadSensor(file)
			if err != nil {
				return err
			}
			return sensor.WriteFindings(c.OutOrStdout(), sensor.Diagnose(&cfg))
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "the sensor's configuration file (default: built-in values)")
	return c
}
