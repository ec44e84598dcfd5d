package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"terroir"
	"terroir/config"
	"terroir/simulate"
)

type demoFlags struct {
	dir, listen string
	once        bool
	seed        uint64
}

func demoCommand() *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use: "demo", Short: "A labelled week, a hub and five sensors on this machine", Args: cobra.NoArgs,
		Long: "Make a labelled week of traffic, read its captures into the lake, start a hub and five sensors on loopback, and show\n" +
			"the page. With --once: fill the lake, print the report and exit.",
		RunE: func(c *cobra.Command, _ []string) error {
			return runDemo(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), &f, c.Flags().Changed("listen"))
		},
	}
	c.Flags().StringVar(&f.dir, "dir", "terroir-demo", "folder of the data")
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8080", "address of page and API")
	c.Flags().BoolVar(&f.once, "once", false, "fill the lake, print the report and exit")
	c.Flags().Uint64Var(&f.seed, "seed", 2022, "seed of the simulated week")
	return c
}

func runDemo(ctx context.Context, out, log io.Writer, f *demoFlags, listenGiven bool) error {
	week, err := fillDemo(ctx, log, f)
	if err != nil {
		return err
	}
	if f.once {
		return demoReport(ctx, out, log, f)
	}
	cfg := config.DefaultHub()
	cfg.Dir, cfg.Listen, cfg.Bus.Listen = f.dir, f.listen, "127.0.0.1:0"
	cfg.Commit.Interval = config.Duration(2 * time.Second)
	cfg.Geo.Country, cfg.Geo.ASN = week.country, week.asn
	h, err := startHub(ctx, cfg)
	if !listenGiven && terroir.ErrorCode(err) == terroir.ECONFIG {
		cfg.Listen = "127.0.0.1:0"
		h, err = startHub(ctx, cfg)
	}
	if err != nil {
		return err
	}
	defer h.shut()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.run(ctx) })
	g.Go(func() error {
		sensors, err := startDemoSensors(ctx, f.dir, h.busURL, uint16(h.listen.Addr().(*net.TCPAddr).Port), log)
		if err != nil {
			return err
		}
		demoReady(out, h, sensors)
		return sensors.wait(ctx)
	})
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil // Ended by the user.
	}
	return err
}

// demoWeek is the simulated week as files.
type demoWeek struct {
	country, asn []string
}

// fillDemo writes the week and imports its captures; what is there already is not made again.
func fillDemo(ctx context.Context, log io.Writer, f *demoFlags) (*demoWeek, error) {
	dir := filepath.Join(f.dir, "week")
	w, err := simulate.New(simulate.Options{Seed: f.seed, Days: 7, Scale: 1})
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(log, "making a labelled week of traffic for five regions …")
	bar := newBar("simulate")
	err = simulate.Write(ctx, simulate.Options{Seed: f.seed, Days: 7, Scale: 1}, dir, simulate.Parts{Pcaps: true}, bar.set)
	bar.done()
	if err != nil {
		return nil, err
	}
	week := &demoWeek{country: []string{filepath.Join(dir, "country.mmdb")}, asn: []string{filepath.Join(dir, "asn.mmdb")}}
	fmt.Fprintln(log, "reading its captures into the lake …")
	for _, s := range w.Sensors() {
		if err := importWeek(ctx, f.dir, dir, s, week); err != nil {
			return nil, err
		}
	}
	return week, nil
}

func importWeek(ctx context.Context, dir, weekDir string, s simulate.Sensor, week *demoWeek) error {
	im, err := newImport(ctx, &importFlags{source: source{dir: dir}, format: "pcap", sensor: s.Name, region: s.Region, theme: "containers",
		addresses: []string{s.Addr4.String(), s.Addr6.String()}, geoCountry: week.country, geoASN: week.asn})
	if err != nil {
		return err
	}
	im.quiet = true
	err = im.file(ctx, filepath.Join(weekDir, s.Name+".pcap"))
	if err == nil {
		err = im.commit()
	}
	if err == nil {
		err = im.group(ctx)
	}
	return errors.Join(err, im.Close())
}

// demoReport prints the report, and keeps it with its pictures beside.
func demoReport(ctx context.Context, out, log io.Writer, f *demoFlags) error {
	s, err := openStore(ctx, source{dir: f.dir}, "")
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := makeReport(ctx, s, &reportFlags{source: source{dir: f.dir}, title: "A simulated week at five regions"})
	if err != nil {
		return err
	}
	file := filepath.Join(f.dir, "report.html")
	if err := reportFile(file, "html", r); err != nil {
		return err
	}
	fmt.Fprintln(log, "the same with pictures:", file)
	return writeReport(out, "md", r)
}

// demoReady says where everything is.
func demoReady(out io.Writer, h *openHub, sensors *demoSensors) {
	fmt.Fprintf(out, "\nThe page:  http://%s/\nThe API:   http://%s/api/v1/views\n\n", h.listen.Addr(), h.listen.Addr())
	for _, s := range sensors.list {
		fmt.Fprintf(out, "  %-16s listens on %s\n", s.region, joinAddrs(s.addrs))
		for _, m := range s.moved {
			fmt.Fprintf(out, "  %-16s   %s is not free there: %s instead\n", "", m.Port, m.Addr)
		}
	}
	fmt.Fprintf(out, "\nTry:       echo hello | nc -w 2 %s\n           and look at the page. Ctrl-C ends the demo.\n", sensors.example())
}

func joinAddrs(addrs []netip.Addr) string {
	var parts []string
	for _, a := range addrs {
		parts = append(parts, a.String())
	}
	return strings.Join(parts, " and ")
}

// demoDir makes the folder of a demo sensor.
func demoDir(dir, name string) (string, error) {
	d := filepath.Join(dir, "sensors", name)
	if err := os.MkdirAll(d, 0o755); err != nil {
		return "", &terroir.Error{Code: terroir.EUNREACHABLE, Where: d, Message: "cannot make the sensor's folder", Err: err}
	}
	return d, nil
}
