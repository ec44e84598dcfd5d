package hub

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"terroir"
	"terroir/lake"
)

// Grouper groups templates. Its result depends on the templates that it was given, not on their order; Add returns the places
// that are new or changed.
type Grouper interface {
	Add([]terroir.Template) []terroir.Grouped
}

// Groups keeps the lake's table families up to date with its table templates. Several hubs may do so at the same time: from
// the same templates each makes the same rows.
type Groups struct {
	lake *lake.Lake
	make func() Grouper

	mu sync.Mutex
	// grouper knows the templates up to the snapshot; nil before the first.
	grouper  Grouper
	snapshot int64
	// pending are the rows that are not written yet: of a change the grouper tells once.
	pending []terroir.Grouped
	// held are the rows that the table has at the snapshot heldAt, by template.
	held   map[terroir.PayloadID]terroir.Grouped
	heldAt int64
}

// NewGroups groups with what the function makes. Nothing is read before the first Update.
func NewGroups(l *lake.Lake, make func() Grouper) *Groups {
	return &Groups{lake: l, make: make, heldAt: -1}
}

// Update groups the templates that were added since the last time, and writes what changed.
func (g *Groups) Update(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := g.load(ctx)
	if err == nil {
		err = g.write(ctx)
	}
	if err != nil {
		g.forget()
	}
	return err
}

// Read calls use with what knows all templates of the lake; nothing is written. The grouper is not to be kept.
func (g *Groups) Read(ctx context.Context, use func(Grouper) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.load(ctx); err != nil {
		g.forget()
		return err
	}
	return use(g.grouper)
}

// load tells the grouper of the templates that it does not know.
func (g *Groups) load(ctx context.Context) error {
	var added []terroir.Template
	snapshot, anew, err := g.lake.NewTemplates(ctx, g.snapshot, func(t terroir.Template) { added = append(added, t) })
	if err != nil {
		return err
	}
	if anew || g.grouper == nil {
		g.grouper, g.pending = g.make(), nil
	}
	if len(added) > 0 {
		g.pending = append(g.pending, g.grouper.Add(added)...)
	}
	g.snapshot = snapshot
	return nil
}

// write adds those of the pending rows that differ from what the table has. Of several for a template the last holds.
func (g *Groups) write(ctx context.Context) error {
	if len(g.pending) == 0 {
		return nil
	}
	held, at, err := g.lake.Families(ctx, g.heldAt)
	if err != nil {
		return err
	}
	if held != nil {
		g.held, g.heldAt = held, at
	}
	var changed []terroir.Grouped
	for _, r := range g.pending {
		if !samePlace(g.held[r.Template], r) {
			changed = append(changed, r)
			g.held[r.Template] = r
		}
	}
	g.pending = nil
	if len(changed) > 0 {
		g.heldAt, err = g.lake.AppendFamilies(ctx, changed)
	}
	return err
}

func (g *Groups) forget() { g.grouper, g.pending, g.held, g.heldAt, g.snapshot = nil, nil, nil, -1, 0 }

// samePlace reports whether the rows say the same, whenever that was found.
func samePlace(a, b terroir.Grouped) bool {
	a.Generation = b.Generation
	return a == b
}

// Rebuild groups all templates anew, and replaces the table: after an analysis of everything, generations begin anew.
func (g *Groups) Rebuild(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	grouper := g.make()
	var all []terroir.Template
	snapshot, _, err := g.lake.NewTemplates(ctx, 0, func(t terroir.Template) { all = append(all, t) })
	if err != nil {
		return err
	}
	if err := g.lake.ReplaceFamilies(ctx, grouper.Add(all)); err != nil {
		return err
	}
	g.grouper, g.snapshot = grouper, snapshot
	return nil
}

// groupEvery is the time between two looks at what came.
const groupEvery = 2 * time.Second

// follow updates the groups until ctx ends: at the beginning, and after each time in which a hub committed.
func (g *Groups) follow(ctx context.Context, committed func() time.Time) {
	tick := time.NewTicker(groupEvery)
	defer tick.Stop()
	begun, failing := false, false
	var last time.Time
	for {
		if now := committed(); !begun || !now.Equal(last) {
			err := g.Update(ctx)
			switch {
			case err == nil:
				begun, failing, last = true, false, now
			case !failing && ctx.Err() == nil:
				failing = true
				slog.Warn("hub: payloads are not grouped; it is tried again", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// last groups what the last commit brought. What is not grouped now is, when a hub starts again.
func (g *Groups) last() error {
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	return g.Update(ctx)
}
