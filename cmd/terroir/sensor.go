package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"terroir/config"
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
	c.AddCommand(runC, sensorJoin())
	return c
}

func sensorJoin() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "join TOKEN", Short: "Join a hub's fleet: the sensor has its name, its region and the hub's address from there", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := config.LoadSensor(file)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), sensor.JoinWithin)
			defer cancel()
			got, err := sensor.Join(ctx, cfg.Dir, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "joined as %s in %s; start it with terroir sensor run\n", got.Sensor, got.Region)
			return nil
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "configuration file (default: built-in values)")
	return c
}
