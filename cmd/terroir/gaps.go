package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"terroir"
	"terroir/config"
	"terroir/rollout"
	"terroir/web"
)

// changes roll out what was chosen on the page; it outlives the requests that begin it.
type changes struct {
	folder *rollout.Folder
	store  *store

	// under are the rollouts under way; ctx ends with the hub.
	ctx   context.Context
	under sync.WaitGroup
}

// overlay makes an overlay of a choice.
func (c *changes) overlay(ctx context.Context, choice web.Choice) (text string, o *config.Overlay, err error) {
	p, err := c.store.recommended(ctx, choice.Region, map[string]string{"region": choice.Region, "ports": "200"})
	if terroir.ErrorCode(err) == terroir.ENOTFOUND {
		p, err = &proposal{Region: choice.Region}, nil
	}
	if err != nil {
		return "", nil, err
	}
	if err := p.only(choice.Ports); err != nil {
		return "", nil, err
	}
	p.Reason = fmt.Sprintf("%d ports chosen on the page: %s", len(p.Add), strings.Join(choice.Ports, ", "))
	p.Reason = p.Reason[:min(len(p.Reason), maxEvidence)]
	p.Evidence = slices.DeleteFunc(p.Evidence, func(line string) bool { return !concerns(line, choice.Ports) })
	if choice.Days > 0 {
		p.Expires = strconv.Itoa(choice.Days) + "d"
	}
	b, err := p.YAML()
	if err != nil {
		return "", nil, err
	}
	parsed, err := config.ParseOverlay("overlay.yaml", b)
	return string(b), &parsed, err
}

// concerns reports whether a line of evidence is about one of the ports, or about all.
func concerns(line string, ports []string) bool {
	if strings.HasPrefix(line, "backtest") {
		return true
	}
	return slices.ContainsFunc(ports, func(p string) bool { return strings.Contains(line, " "+p+":") })
}

// Propose implements web.Rollouts.
func (c *changes) Propose(ctx context.Context, choice web.Choice) (web.Proposal, error) {
	text, o, err := c.overlay(ctx, choice)
	if err != nil {
		return web.Proposal{YAML: text}, err
	}
	p := web.Proposal{YAML: text}
	list, err := c.folder.Diff(o, time.Now())
	if terroir.ErrorCode(err) == terroir.ENOTFOUND {
		p.Why = err.Error() // No sensor of the region was heard of: the overlay is good for later.
		return p, nil
	}
	if err != nil {
		return p, err
	}
	var diff strings.Builder
	if err := rollout.WriteDiff(&diff, list[:min(len(list), 1)]); err != nil {
		return p, err
	}
	p.Diff, p.Sensors = diff.String(), len(list)
	return p, nil
}

// begunWithin is how long a rollout has to fail at once.
const begunWithin = 2 * time.Second

// Apply implements web.Rollouts.
func (c *changes) Apply(ctx context.Context, choice web.Choice, canary int, wait time.Duration, by string) error {
	_, o, err := c.overlay(ctx, choice)
	if err != nil {
		return err
	}
	slog.Info("rollout begun on the page", "by", by, "region", choice.Region, "ports", strings.Join(choice.Ports, " "), "canary", canary)
	ended := make(chan error, 1)
	c.under.Go(func() {
		err := c.folder.Apply(c.ctx, o, rollout.Options{Canary: canary, Wait: wait, Say: func(line string) { slog.Info("rollout", "region", choice.Region, "says", line) }})
		if err != nil && !errors.Is(err, context.Canceled) {
			slog.Warn("rollout ended", "region", choice.Region, "error", err)
		}
		ended <- err
	})
	select {
	case err := <-ended:
		return err
	case <-time.After(begunWithin):
		return nil
	}
}

// History implements web.Rollouts.
func (c *changes) History(context.Context) ([]web.Rollout, error) {
	all, err := c.folder.History()
	if err != nil {
		return nil, err
	}
	var list []web.Rollout
	for _, r := range slices.Backward(all) {
		about := changesOf(r.Overlay) + " " + r.Overlay.Reason
		if r.Reason != "" {
			about += " [" + r.Reason + "]"
		}
		list = append(list, web.Rollout{ID: r.ID, Region: r.Region, State: string(r.State), About: about, Begun: r.Begun, Open: r.Open()})
	}
	return list, nil
}
