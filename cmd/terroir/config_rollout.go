package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"terroir"
	"terroir/config"
	"terroir/rollout"
)

// rolloutDir is where a hub of the folder keeps what its sensors are to serve.
func rolloutDir(dir string) string { return filepath.Join(dir, "rollout") }

// rolloutFlags are those of every command about rollouts.
type rolloutFlags struct {
	dir, region, form string
	yes               bool
	factor            float64
	opt               rollout.Options
}

func (f *rolloutFlags) add(c *cobra.Command, region string) {
	c.Flags().StringVar(&f.dir, "dir", "terroir-data", "folder of the hub")
	c.Flags().StringVar(&f.region, "region", "", region)
}

func (f *rolloutFlags) open() (*rollout.Folder, error) { return rollout.Open(rolloutDir(f.dir)) }

// overlay reads the file; --region goes before what it says.
func (f *rolloutFlags) overlay(file string) (*config.Overlay, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: file, Message: "cannot read the overlay", Hint: "name an existing file"}
	}
	o, err := config.ParseOverlay(file, text)
	if err == nil && f.region != "" {
		err = terroir.ValidateName("region", f.region)
		o.Region, o.Sensors = f.region, nil
	}
	return &o, err
}

func configDiff() *cobra.Command {
	f := &rolloutFlags{}
	c := &cobra.Command{
		Use: "diff FILE", Short: "Print what an overlay would change on each sensor; run where the hub runs", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.overlay(args[0])
			if err != nil {
				return err
			}
			folder, err := f.open()
			if err != nil {
				return err
			}
			list, err := folder.Diff(o, time.Now())
			if err != nil {
				return err
			}
			return writeDiff(c.OutOrStdout(), f.form, list)
		},
	}
	f.add(c, "region, in place of whom the overlay names")
	c.Flags().StringVarP(&f.form, "output", "o", "diff", "diff or json")
	return c
}

func writeDiff(w io.Writer, form string, list []rollout.Difference) error {
	switch form {
	case "diff":
		return rollout.WriteDiff(w, list)
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(list)
	}
	return &terroir.Error{Code: terroir.EUSAGE, Where: "--output", Message: fmt.Sprintf("there is no form %q", form), Hint: "use diff or json"}
}

func configApply() *cobra.Command {
	f := &rolloutFlags{}
	var resume bool
	c := &cobra.Command{
		Use: "apply FILE", Short: "Roll an overlay out to the sensors of a region; run where the hub runs",
		Long: "Roll an overlay out: to a few sensors of the region first, the canaries, and when they did well for a while, to the others. A\n" +
			"canary that cannot serve it, or does worse than before, has it rolled back, and the exit code is 8; 7 names sensors that\n" +
			"have not confirmed. A command that was ended is gone on with by --resume.",
		Example: "  terroir config apply overlay.yaml --canary 1 --wait 30m\n  terroir config apply --resume --region sa-east-1",
		Args: func(c *cobra.Command, args []string) error {
			if resume {
				return cobra.NoArgs(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			folder, err := f.open()
			if err != nil {
				return err
			}
			if err := f.options(c); err != nil {
				return err
			}
			if resume {
				if !c.Flags().Changed("wait") {
					f.opt.Wait = -1
				}
				return f.told(c, folder.Resume(c.Context(), f.region, f.opt))
			}
			o, err := f.overlay(args[0])
			if err != nil {
				return err
			}
			list, err := folder.Diff(o, time.Now())
			if err != nil {
				return err
			}
			if err := rollout.WriteDiff(c.OutOrStdout(), list); err != nil {
				return err
			}
			if err := f.ask(c, len(list)); err != nil {
				return err
			}
			return f.told(c, folder.Apply(c.Context(), o, f.opt))
		},
	}
	f.add(c, "region, in place of whom the overlay names; with --resume, whose rollout goes on")
	f.addOptions(c)
	c.Flags().IntVar(&f.opt.Canary, "canary", 1, "how many sensors get it first; 0: all at once")
	c.Flags().DurationVar(&f.opt.Wait, "wait", 30*time.Minute, "how long the canaries are watched")
	c.Flags().Float64Var(&f.factor, "factor", rollout.DefaultLimits().Factor, "how many times as often as before a canary may refuse attempts or see errors")
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&resume, "resume", false, "go on with the rollout that was not finished")
	return c
}

func (f *rolloutFlags) addOptions(c *cobra.Command) {
	c.Flags().DurationVar(&f.opt.Confirm, "confirm", 2*time.Minute, "how long a sensor may take to serve what it was told")
}

// options completes what the flags say.
func (f *rolloutFlags) options(c *cobra.Command) error {
	if f.opt.Canary < 0 || f.opt.Wait < 0 || f.opt.Confirm <= 0 || f.factor < 0 {
		return &terroir.Error{Code: terroir.EUSAGE, Message: "--canary, --wait, --confirm and --factor must not be negative"}
	}
	f.opt.Limits = rollout.DefaultLimits()
	if f.factor > 0 {
		f.opt.Limits.Factor = f.factor
	}
	f.opt.Say = func(line string) { fmt.Fprintln(c.ErrOrStderr(), printable(line)) }
	bar := newBar("watching the canary")
	f.opt.Watched = func(done, all time.Duration) {
		bar.set(done.Milliseconds(), max(all.Milliseconds(), 1))
		if done >= all {
			bar.done()
		}
	}
	return nil
}

// ask has somebody at a terminal say yes.
func (f *rolloutFlags) ask(c *cobra.Command, sensors int) error {
	if f.yes {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return &terroir.Error{Code: terroir.EUSAGE, Message: "nobody is there to ask", Hint: "add --yes once you have read the diff"}
	}
	fmt.Fprintf(c.ErrOrStderr(), "apply this to %d sensors, %d of them first? [y/N] ", sensors, min(f.opt.Canary, sensors))
	answer, err := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	if err == nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y") {
		return nil
	}
	return &terroir.Error{Code: terroir.ECHECK, Message: "not applied"}
}

// told adds, where somebody ended the command, how it is gone on with.
func (f *rolloutFlags) told(c *cobra.Command, err error) error {
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(c.ErrOrStderr(), "not finished; terroir config apply --resume goes on with it, terroir config rollback takes it back")
	}
	return err
}

func configHistory() *cobra.Command {
	f := &rolloutFlags{}
	c := &cobra.Command{
		Use: "history", Short: "What was rolled out, who has it, and what came of it", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			folder, err := f.open()
			if err != nil {
				return err
			}
			all, err := folder.History()
			if err != nil {
				return err
			}
			list := []rollout.Rollout{}
			for _, r := range all {
				if f.region == "" || r.Region == f.region {
					list = append(list, r)
				}
			}
			return writeList(c.OutOrStdout(), f.form, list, "ID\tREGION\tBEGUN\tSTATE\tSENSORS\tUNTIL\tCHANGES\tREASON", historyRow)
		},
	}
	f.add(c, "only this region")
	c.Flags().StringVarP(&f.form, "output", "o", "table", "table or json")
	return c
}

func configStatus() *cobra.Command {
	f := &rolloutFlags{}
	c := &cobra.Command{
		Use: "status", Short: "What each sensor serves by whose word, and what it refused; run where the hub runs", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			folder, err := f.open()
			if err != nil {
				return err
			}
			all, err := folder.Sensors()
			if err != nil {
				return err
			}
			list := slices.DeleteFunc(all, func(s rollout.Sensor) bool { return f.region != "" && s.Region != f.region })
			return writeList(c.OutOrStdout(), f.form, list, "SENSOR\tREGION\tSERIAL\tREVISION\tPORTS\tHEARTBEAT\tREFUSED", func(s rollout.Sensor) string {
				return fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%s\t%s", s.Name, printable(s.Region), s.Serial, s.Revision, len(s.Serves.Ports),
					ends(s.Beat.UTC().Truncate(time.Second)), printable(s.Refusal.Reason))
			})
		},
	}
	f.add(c, "only this region")
	c.Flags().StringVarP(&f.form, "output", "o", "table", "table or json")
	return c
}

func historyRow(r rollout.Rollout) string {
	serving := 0
	for _, t := range r.Sensors {
		if !t.Confirmed.IsZero() && !t.Returned {
			serving++
		}
	}
	state := string(r.State)
	if r.Open() {
		state += " (open)"
	} else if !r.Until.IsZero() && !r.InForce(time.Now()) && r.State != rollout.Returned {
		state = "ended"
	}
	reason := r.Overlay.Reason
	if r.Reason != "" {
		reason += " [" + r.Reason + "]"
	}
	return strings.Join([]string{strconv.Itoa(r.ID), printable(r.Region), r.Begun.Format(time.RFC3339), state, fmt.Sprintf("%d/%d", serving, len(r.Sensors)),
		ends(r.Until), changesOf(r.Overlay), printable(reason)}, "\t")
}

// changesOf is the overlay in a word or two.
func changesOf(o *config.Overlay) string {
	var parts []string
	if o.Theme != "" {
		parts = append(parts, "theme "+o.Theme)
	}
	if n := len(o.Add); n > 0 {
		parts = append(parts, "+"+strconv.Itoa(n))
	}
	if n := len(o.Drop); n > 0 {
		parts = append(parts, "-"+strconv.Itoa(n))
	}
	return strings.Join(parts, " ")
}

func configRollback() *cobra.Command {
	f := &rolloutFlags{}
	c := &cobra.Command{
		Use: "rollback [ID]", Short: "Take an overlay away again, the last one if none is named; run where the hub runs", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id := 0
			if len(args) == 1 {
				var err error
				if id, err = strconv.Atoi(args[0]); err != nil || id < 1 {
					return &terroir.Error{Code: terroir.EUSAGE, Message: fmt.Sprintf("%q is not the number of a rollout", args[0]), Hint: "terroir config history"}
				}
			}
			folder, err := f.open()
			if err != nil {
				return err
			}
			if err := f.options(c); err != nil {
				return err
			}
			return f.told(c, folder.Rollback(c.Context(), id, f.region, f.opt))
		},
	}
	f.add(c, "the last one of this region")
	f.addOptions(c)
	return c
}
