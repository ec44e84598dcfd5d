package main

import (
	"context"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"terroir"
	"terroir/query"
	"terroir/views"
)

// recommendFlags are those of config recommend.
type recommendFlags struct {
	source
	region, output string
	ports          int
	params         []string
}

func configRecommend() *cobra.Command {
	f := &recommendFlags{}
	c := &cobra.Command{
		Use: "recommend", Short: "Print an overlay with the ports that a region's sensors should listen on instead, and what speaks for them", Args: cobra.NoArgs,
		Long: "Print an overlay for a region: ports that nobody serves there and that meet most new regional sources, each with what it is\n" +
			"expected to gain, the backtest, and why frequent ports were left out; ports that an earlier rollout opened for nothing are\n" +
			"dropped. Nothing is changed: read it, and roll it out with terroir config apply.",
		Example: "  terroir config recommend --region ap-south-1 --ports 5 > overlay.yaml\n  terroir config diff overlay.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			if f.output != "yaml" && f.output != "json" {
				return terroir.Errorf(terroir.EUSAGE, "output %q is not one of yaml, json", f.output)
			}
			if err := terroir.ValidateName("--region", f.region); err != nil {
				return usage(err)
			}
			given, err := splitParams(f.params)
			if err != nil {
				return err
			}
			s, err := openStore(c.Context(), f.source, "")
			if err != nil {
				return err
			}
			defer s.Close()
			given["region"], given["ports"] = f.region, strconv.Itoa(f.ports)
			p, err := s.recommended(c.Context(), f.region, given)
			if err != nil {
				return err
			}
			text, err := p.YAML()
			if f.output == "json" {
				text, err = p.JSON()
			}
			if err == nil {
				_, err = c.OutOrStdout().Write(text)
			}
			return err
		}}
	c.Flags().StringVar(&f.region, "region", "", "region whose sensors it is for")
	c.Flags().IntVar(&f.ports, "ports", 5, "how many ports")
	c.Flags().StringVarP(&f.output, "output", "o", "yaml", "yaml or json")
	c.Flags().StringArrayVarP(&f.params, "param", "p", nil, "parameter of the view recommend as name=value, such as from=2022-06-14; may be repeated")
	_ = c.MarkFlagRequired("region") // It exists.
	sourceFlags(c, &f.source)
	snapshotFlag(c, &f.source)
	return c
}

// recommended is the overlay that the views recommend, backtest and gain speak for.
func (s *store) recommended(ctx context.Context, region string, given map[string]string) (*proposal, error) {
	var results [3]*views.Result
	for i, name := range []string{"recommend", "backtest", "gain"} {
		v, err := s.views.Get(name)
		if err != nil {
			return nil, err
		}
		params := given
		if i > 0 { // The others take what they know of the same.
			params = v.Taken(given)
		}
		if results[i], err = query.Run(ctx, s.engine, v, params); err != nil {
			return nil, err
		}
	}
	return propose(region, results[0], results[1], results[2])
}

// only keeps the named ports of the proposal; what was not recommended is added, with nothing that speaks for it.
func (p *proposal) only(ports []string) error {
	var kept []proposedPort
	for _, name := range ports {
		served, err := terroir.ParseServedPort(name)
		if err == nil && served.String() != name {
			err = terroir.Errorf(terroir.EINVALID, "%.40q is not a port: write %s", name, served)
		}
		if err != nil {
			return err
		}
		i := slices.IndexFunc(p.Add, func(x proposedPort) bool {
			return x.Transport == served.Transport.String() && x.Port == int64(served.Port)
		})
		if i < 0 {
			kept = append(kept, proposedPort{Port: int64(served.Port), Transport: served.Transport.String(), why: "not recommended: chosen by hand"})
			continue
		}
		kept = append(kept, p.Add[i])
	}
	p.Add = kept
	return nil
}
