package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/fleet"
)

// fleetDir is where a hub of the folder keeps what it knows of its sensors.
func fleetDir(dir string) string { return filepath.Join(dir, "fleet") }

func fleetCommand() *cobra.Command {
	c := &cobra.Command{Use: "fleet", Short: "The sensors that may send to a hub with bus.auth; run where the hub runs"}
	var dir string
	c.PersistentFlags().StringVar(&dir, "dir", "terroir-data", "folder of the hub")
	token := &cobra.Command{Use: "token", Short: "Tokens with which sensors join"}
	token.AddCommand(fleetTokenCreate(&dir), fleetTokens(&dir))
	c.AddCommand(token, fleetList(&dir), fleetRemove(&dir), fleetRotate(&dir))
	return c
}

func fleetTokenCreate(dir *string) *cobra.Command {
	g := fleet.Grant{}
	var hub string
	var lasts time.Duration
	c := &cobra.Command{
		Use: "create --name N --region R --hub tls://HOST:4222", Short: "Make a token, for one sensor or for a group, and print it", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if u, err := url.Parse(hub); g.Sensor == "" || g.Region == "" || err != nil || u.Scheme != "tls" || u.Hostname() == "" {
				return &terroir.Error{Code: terroir.EUSAGE, Message: "a token needs a name, a region and a hub", Hint: "--name N --region R --hub tls://HOST:4222"}
			}
			f, err := fleet.Open(fleetDir(*dir))
			if err != nil {
				return err
			}
			g.Expires = time.Now().Add(lasts).UTC().Truncate(time.Second)
			t, err := f.CreateToken(g, hub)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), t)
			fmt.Fprintf(c.ErrOrStderr(), "a secret, until %s or %d have joined with it: terroir sensor join TOKEN\n", g.Expires.Format(time.RFC3339), g.Left)
			return nil
		},
	}
	c.Flags().StringVar(&g.Sensor, "name", "", "name of the sensor; in a group each machine's gets an ending of its own")
	c.Flags().StringVar(&g.Region, "region", "", "region in which it stands")
	c.Flags().StringVar(&hub, "hub", "", "address of the hub's bus as sensors reach it")
	c.Flags().BoolVar(&g.Group, "group", false, "for machines that come and go: many may join with the token")
	c.Flags().IntVar(&g.Left, "uses", 1, "how many may join with it")
	c.Flags().DurationVar(&lasts, "expires", time.Hour, "how long it can be used")
	return c
}

func fleetTokens(dir *string) *cobra.Command {
	var form string
	c := &cobra.Command{
		Use: "ls", Short: "The tokens that can be used", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := fleet.Open(fleetDir(*dir))
			if err != nil {
				return err
			}
			list, err := f.Tokens()
			if err != nil {
				return err
			}
			return writeList(c.OutOrStdout(), form, list, "TOKEN\tSENSOR\tREGION\tGROUP\tLEFT\tEXPIRES", func(g fleet.Grant) string {
				return fmt.Sprintf("%s\t%s\t%s\t%t\t%d\t%s", g.ID, g.Sensor, g.Region, g.Group, g.Left, g.Expires.Format(time.RFC3339))
			})
		},
	}
	c.Flags().StringVarP(&form, "output", "o", "table", "table or json")
	return c
}

func fleetList(dir *string) *cobra.Command {
	var form string
	c := &cobra.Command{
		Use: "ls", Short: "The sensors that joined", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := fleet.Open(fleetDir(*dir))
			if err != nil {
				return err
			}
			list, err := f.Members()
			if err != nil {
				return err
			}
			floods, err := f.Floods()
			if err != nil {
				return err
			}
			return writeList(c.OutOrStdout(), form, withFloods(list, floods), "SENSOR\tREGION\tJOINED\tTOKEN\tRENEW BY\tFLOODS", func(m listed) string {
				return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d", m.Sensor, m.Region, m.Joined.Format(time.RFC3339), m.Token, ends(m.Expires), m.Floods)
			})
		},
	}
	c.Flags().StringVarP(&form, "output", "o", "table", "table or json")
	return c
}

// listed is a member with how often it was held up because it sent too much.
type listed struct {
	fleet.Member
	Floods int64 `json:"floods"`
}

func withFloods(members []fleet.Member, floods map[string]fleet.Flood) []listed {
	list := []listed{}
	for _, m := range members {
		list = append(list, listed{m, floods[m.Sensor].Times})
	}
	return list
}

// ends is a time as it stands in a list; one that never comes is a dash.
func ends(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}

func fleetRemove(dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "remove SENSOR", Short: "Take a sensor out: its key is never accepted again; its events stay", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := fleet.Open(fleetDir(*dir))
			if err != nil {
				return err
			}
			return f.Remove(args[0])
		},
	}
}

func fleetRotate(dir *string) *cobra.Command {
	var overlap time.Duration
	c := &cobra.Command{
		Use: "rotate", Short: "Make new keys for the hub; sensors change over by themselves while both hold", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := fleet.Open(fleetDir(*dir))
			if err != nil {
				return err
			}
			if err := f.Rotate(overlap); err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "the keys before hold until %s; a sensor that does not reach the hub until then has to join again\n",
				time.Now().Add(overlap).UTC().Format(time.RFC3339))
			return nil
		},
	}
	c.Flags().DurationVar(&overlap, "overlap", 14*24*time.Hour, "how long the keys before still hold; 0s ends all credentials at once")
	return c
}

// writeList writes rows below a head, or all of them as JSON.
func writeList[T any](w io.Writer, form string, list []T, head string, row func(T) string) error {
	switch form {
	case "json":
		if list == nil {
			list = []T{}
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(list)
	case "table":
		tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(tw, head)
		for _, x := range list {
			fmt.Fprintln(tw, row(x))
		}
		return tw.Flush()
	}
	return &terroir.Error{Code: terroir.EUSAGE, Where: "--output", Message: fmt.Sprintf("there is no form %q", form), Hint: "use table or json"}
}
