package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"terroir"
	"terroir/config"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Configuration files, and what the sensors of a region serve"}
	validate := &cobra.Command{
		Use: "validate FILE…", Short: "Check configuration files", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var errs []error
			for _, file := range args {
				if _, err := loadAny(file); err != nil {
					errs = append(errs, err)
					continue
				}
				fmt.Fprintln(c.OutOrStdout(), file+": valid")
			}
			return firstOf(errs)
		},
	}
	var origin bool
	show := &cobra.Command{
		Use: "show FILE", Short: "Print a configuration with everything that it does not say", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := loadAny(args[0])
			if err != nil {
				return err
			}
			if origin {
				return printOrigins(c.OutOrStdout(), cfg)
			}
			text, err := yaml.Marshal(cfg)
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
	show.Flags().BoolVar(&origin, "origin", false, "print where each value comes from")
	c.AddCommand(validate, show, configRecommend(), configDiff(), configApply(), configHistory(), configRollback(), configStatus())
	return c
}

// loadAny reads a file of a hub or an overlay, which are those that have a key of their own, or else of a sensor.
func loadAny(file string) (any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "cannot read the configuration", Hint: "name an existing file"}
	}
	var keys map[string]any
	if err := yaml.Unmarshal(text, &keys); err == nil {
		for _, k := range []string{"bus", "commit", "geo", "views"} {
			if _, ok := keys[k]; ok {
				return ptr(config.ParseHub(file, text))
			}
		}
		for _, k := range []string{"add", "drop", "reason", "sensors", "expires", "evidence"} {
			if _, ok := keys[k]; ok {
				return ptr(config.ParseOverlay(file, text))
			}
		}
	}
	if strings.HasPrefix(filepath.Base(file), "hub") {
		return ptr(config.ParseHub(file, text))
	}
	return ptr(config.ParseSensor(file, text))
}

func ptr[T any](v T, err error) (*T, error) { return &v, err }

func printOrigins(w io.Writer, cfg any) error {
	from := cfg.(interface{ Origins() map[string]string }).Origins()
	values := config.Values(cfg)
	paths := make([]string, 0, len(values))
	for p := range values {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, p := range paths {
		origin := from[p]
		if origin == "" {
			origin = "default"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", p, values[p], origin)
	}
	return tw.Flush()
}
