package query

import (
	"context"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"terroir/lake"
	"terroir/views"
)

// Remembering is an Engine that answers a statement again without running it, as long as nothing was committed: a page has ten
// panels, and many visitors. Its answers are never older than those of the engine behind it.
type Remembering struct {
	Engine
	lake   *lake.Lake
	flight singleflight.Group

	mu sync.Mutex
	// state is that of the lake when the results were asked for; cells is how many values they hold.
	state   string
	results map[string]*views.Result
	cells   int
}

const (
	// maxCells bounds what is remembered, in values, and maxResult what of it one result may take.
	maxCells  = 1 << 20
	maxResult = 1 << 16
	// askedLimit bounds a statement that several wait for, whoever of them goes.
	askedLimit = time.Minute
)

// Remember makes the engine remember.
func Remember(e Engine, l *lake.Lake) *Remembering {
	return &Remembering{Engine: e, lake: l, results: map[string]*views.Result{}}
}

// moving finds statements whose answer may change without a commit.
var moving = regexp.MustCompile(`(?i)\b(?:now|current_\w+|localtime\w*|random|rand|uuid|today|shuffle)\b|sample`)

// Query implements Engine. Those who ask the same at the same time are answered together.
func (m *Remembering) Query(ctx context.Context, statement string) (*views.Result, error) {
	if moving.MatchString(statement) {
		return m.Engine.Query(ctx, statement)
	}
	state, err := m.lake.State(ctx)
	if err != nil {
		return nil, err
	}
	if r := m.known(state, statement); r != nil {
		return r, nil
	}
	answer := m.flight.DoChan(state+"\n"+statement, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askedLimit)
		defer cancel()
		r, err := m.Engine.Query(ctx, statement)
		if err == nil {
			m.keep(state, statement, r)
		}
		return r, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-answer:
		if a.Err != nil {
			return nil, a.Err
		}
		return copied(a.Val.(*views.Result)), nil
	}
}

func (m *Remembering) known(state, statement string) *views.Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state != state {
		m.state, m.cells = state, 0
		clear(m.results)
	}
	if r := m.results[statement]; r != nil {
		return copied(r)
	}
	return nil
}

func (m *Remembering) keep(state, statement string, r *views.Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	cells := len(r.Rows) * len(r.Columns)
	if m.state != state || cells > maxResult {
		return
	}
	if m.cells+cells > maxCells {
		m.cells = 0
		clear(m.results)
	}
	m.cells += cells
	m.results[statement] = r
}

// copied is a result that may be changed: views give their own types to what an engine returned.
func copied(r *views.Result) *views.Result {
	c := *r
	c.Columns = slices.Clone(r.Columns)
	c.Rows = make([][]any, len(r.Rows))
	for i := range r.Rows {
		c.Rows[i] = slices.Clone(r.Rows[i])
	}
	return &c
}
