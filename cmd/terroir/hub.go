package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"terroir/auth"
	"terroir/bus"
	"terroir/bus/server"
	"terroir/config"
	"terroir/fleet"
	"terroir/hub"
	"terroir/payload"
	"terroir/query"
	"terroir/rollout"
)

func hubCommand() *cobra.Command {
	c := &cobra.Command{Use: "hub", Short: "The hub: takes events in, serves answers"}
	var file, dir, listen string
	runC := &cobra.Command{
		Use: "run", Short: "Run the hub", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := config.LoadHub(file)
			if err != nil {
				return err
			}
			if dir != "" {
				cfg.Dir = dir
			}
			if listen != "" {
				cfg.Listen = listen
			}
			if err := cfg.Check(); err != nil {
				return err
			}
			return runHub(c.Context(), cfg, func(page, bus string) {
				fmt.Fprintf(c.ErrOrStderr(), "page and API: %s\nbus for sensors: %s\n", page, bus)
			})
		},
	}
	runC.Flags().StringVarP(&file, "config", "c", "", "configuration file (default: built-in values)")
	runC.Flags().StringVar(&dir, "dir", "", "folder of the data")
	runC.Flags().StringVar(&listen, "listen", "", "address of page and API")
	c.AddCommand(runC, hubUserCommand())
	return c
}

// hubUserCommand makes the line of a user.
func hubUserCommand() *cobra.Command {
	var role string
	c := &cobra.Command{
		Use: "user NAME", Short: "Make the line of a user for page.users; the password comes from standard input", Args: cobra.ExactArgs(1),
		Long: "Make the line of a user for the file that page.users names. The password is the first line of standard input; on a terminal it\n" +
			"is asked for and not shown. A reader sees everything, an operator may change what sensors serve.",
		Example: "  terroir hub user ada --role operator >> users",
		RunE: func(c *cobra.Command, args []string) error {
			password, err := readPassword(c.InOrStdin(), c.ErrOrStderr())
			if err != nil {
				return err
			}
			line, err := auth.Line(args[0], role, password)
			if err == nil {
				_, err = fmt.Fprintln(c.OutOrStdout(), line)
			}
			return err
		}}
	c.Flags().StringVar(&role, "role", "reader", "reader or operator")
	return c
}

// readPassword asks for a password on a terminal, and else reads a line.
func readPassword(in io.Reader, ask io.Writer) (string, error) {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(ask, "Password: ")
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(ask)
		return string(b), err
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// openHub is a hub with everything that it needs.
type openHub struct {
	store  *store
	hub    *hub.Hub
	site   *site
	listen net.Listener
	care   config.Care
	busURL string
	// serveFleet answers sensors that join; nil where the bus lets in everybody.
	serveFleet func(context.Context) error
	// signer is the fleet's key for configurations; nil where there is no fleet.
	signer func() (nkeys.KeyPair, error)
	// region is where a sensor of the fleet stands; nil where there is none.
	region func(sensor string) (region string, member bool, err error)
	// rollouts tell sensors what to serve.
	rollouts *rollout.Service
	close    []func() error
}

// runHub runs a hub until ctx ends. ready is called once page and bus answer.
func runHub(ctx context.Context, cfg config.Hub, ready func(page, bus string)) error {
	h, err := startHub(ctx, cfg)
	if err != nil {
		return err
	}
	defer h.shut()
	ready(h.site.door.scheme()+"://"+h.listen.Addr().String()+"/", h.busURL)
	return h.run(ctx)
}

// run serves and takes in until ctx ends.
func (h *openHub) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.hub.Run(ctx) })
	g.Go(func() error { return h.site.serve(ctx, h.listen) })
	if rw, err := h.store.rewriter(); err == nil && !h.store.lake.Remote() { // Another engine has means of its own.
		g.Go(func() error { return care(ctx, h.store.lake, rw, h.care) })
	}
	g.Go(func() error { return h.rollouts.Run(ctx) })
	if h.serveFleet != nil {
		g.Go(func() error { return h.serveFleet(ctx) })
	}
	g.Go(func() error { h.tellOfOldFacts(ctx); return nil })
	return g.Wait()
}

// tellOfOldFacts says once when payloads were analyzed by an older terroir: views of payloads then lack what it did not find.
func (h *openHub) tellOfOldFacts(ctx context.Context) {
	r, err := h.store.engine.Query(ctx, fmt.Sprintf("SELECT count(*) FROM payload_facts WHERE analyzer_version < %d", payload.AnalyzerVersion))
	if err != nil || len(r.Rows) == 0 {
		return // The hub has other ways to find out that the lake cannot be read.
	}
	if n, ok := r.Rows[0][0].(int64); ok && n > 0 {
		slog.Warn("payloads were analyzed by an older terroir", "payloads", n, "do", "terroir lake rebuild")
	}
}

// startHub locks the folder and opens lake, engine, databases, bus and page, in this order.
func startHub(ctx context.Context, cfg config.Hub) (h *openHub, err error) {
	h = &openHub{}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.shut())
			h = nil
		}
	}()
	unlock, err := hub.Lock(cfg.Dir)
	if err != nil {
		return h, err
	}
	h.close = append(h.close, unlock)
	if h.listen, err = listenSite(cfg.Listen); err != nil {
		return h, err
	}
	h.close = append(h.close, func() error { _ = h.listen.Close(); return nil }) // Closed already where it was served.
	l, err := openLake(ctx, &cfg)
	if err != nil {
		return h, err
	}
	h.close = append(h.close, l.Close)
	engine, err := openEngine(l, &cfg)
	if err != nil {
		return h, err
	}
	h.close = append(h.close, engine.Close)
	reg, err := loadViews(cfg.Views)
	if err != nil {
		return h, err
	}
	door, err := openDoor(&cfg.Page)
	if err != nil {
		return h, err
	}
	known, err := openEnrichment(cfg.Dir, cfg.Geo.Country, cfg.Geo.ASN)
	if err != nil {
		return h, err
	}
	h.close = append(h.close, known.Close)
	b, err := h.openBus(cfg)
	if err != nil {
		return h, err
	}
	h.store = newStore(l, engine, reg)
	h.hub = hub.New(l, b, hub.Options{Interval: time.Duration(cfg.Commit.Interval), Rows: cfg.Commit.Rows, Enricher: known, Analyzer: analyze, Groups: h.store.groups,
		Replicas: cfg.Bus.Replicas, Wait: time.Duration(cfg.Bus.Wait)})
	h.site, h.care = &site{&store{l, query.Remember(engine, l), reg, h.store.groups}, h.hub, door, nil}, cfg.Care
	folder, err := rollout.Open(rolloutDir(cfg.Dir))
	if err != nil {
		return h, err
	}
	h.site.changes = &changes{folder: folder, store: h.site.store, ctx: ctx}
	h.close = append(h.close, func() error { h.site.changes.under.Wait(); return nil })
	h.rollouts = &rollout.Service{Folder: folder, Bus: b, Heard: h.hub.Fleet, Signer: h.signer, Region: h.region}
	return h, nil
}

// openBus connects to the bus that the configuration names, or starts one within.
func (h *openHub) openBus(cfg config.Hub) (*bus.Bus, error) {
	if cfg.Bus.URL != "" {
		return h.connectElsewhere(cfg.Bus)
	}
	dir := cfg.Bus.Dir
	if dir == "" {
		dir = filepath.Join(cfg.Dir, "bus")
	}
	if cfg.Bus.Auth {
		return h.openTrusted(cfg, dir)
	}
	s, err := server.Start(cfg.Bus.Listen, dir, nil)
	if err != nil {
		return nil, err
	}
	return h.connect(s)
}

// connectElsewhere connects to the bus at bus.url with what it asks for.
func (h *openHub) connectElsewhere(cfg config.Bus) (*bus.Bus, error) {
	var remote bus.Remote
	var err error
	if remote.Credentials, err = secret(cfg.Credentials); err != nil {
		return nil, err
	}
	if remote.CA, err = secret(cfg.CA); err != nil {
		return nil, err
	}
	options, err := remote.Options()
	if err != nil {
		return nil, err
	}
	h.busURL = strings.Join(config.Servers(cfg.URL), ",")
	b, err := bus.Connect(h.busURL, "hub", options...)
	if err == nil {
		h.close = append(h.close, func() error { b.Close(); return nil })
	}
	return b, err
}

// secret is what the reference stands for; nothing, where there is none.
func secret(reference string) (bus.Given, error) {
	if reference == "" {
		return bus.Given{}, nil
	}
	text, err := config.Secret(reference)
	return bus.Given{Text: text, From: reference}, err
}

// openTrusted starts a bus that lets in only who joined the fleet.
func (h *openHub) openTrusted(cfg config.Hub, dir string) (*bus.Bus, error) {
	f, err := fleet.Open(fleetDir(cfg.Dir))
	if err != nil {
		return nil, err
	}
	trust, err := f.Authority()
	if err != nil {
		return nil, err
	}
	if trust.TLS, err = f.TLS(); err != nil {
		return nil, err
	}
	s, err := server.Start(cfg.Bus.Listen, dir, trust)
	if err != nil {
		return nil, err
	}
	b, err := h.connect(s, f.HubOptions()...)
	if err == nil {
		h.serveFleet = func(ctx context.Context) error { return f.Serve(ctx, b, s) }
		h.signer, h.region = f.ConfigurationSigner, f.Region
	}
	return b, err
}

// connect connects to the bus within.
func (h *openHub) connect(s *server.Server, options ...nats.Option) (*bus.Bus, error) {
	h.close = append(h.close, func() error { s.Shutdown(); return nil })
	h.busURL = s.URL()
	b, err := s.Connect("hub", options...)
	if err == nil {
		h.close = append(h.close, func() error { b.Close(); return nil })
	}
	return b, err
}

// shut closes what was opened, the last first.
func (h *openHub) shut() error {
	var errs []error
	for i := len(h.close) - 1; i >= 0; i-- {
		errs = append(errs, h.close[i]())
	}
	h.close = nil
	return errors.Join(errs...)
}
