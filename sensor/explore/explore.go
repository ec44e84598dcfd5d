// Package explore is the rung between tap and listener: it opens a few unserved ports for a while, to learn what is sent
// there, and closes them again. It is bounded: so many ports at once, so long each, so many port-minutes a day (UTC).
//
// Which ports is a matter of interest. A source's attempts in an interval weigh 1/√n each, where n is the number of ports
// that it tried: many sources on one port are of interest, one source on all ports is not. Interest halves every hour, and
// that of a port that was opened k times is divided by 1+k, where every day halves k. Of equal ports the lower one is opened.
package explore

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	"terroir"
)

// Options of an explorer.
type Options struct {
	// Ports is how many are open at once, Hold how long each is, Minutes how many port-minutes a day there are in all.
	Ports   int
	Hold    time.Duration
	Minutes int
	// Look is the interval in which ports are chosen and closed; default a quarter of Hold, and 15 seconds at most.
	Look time.Duration
	// Open opens a port and returns what closes it again.
	Open func(terroir.ServedPort) (stop func() error, err error)
	// Never are ports that are not opened.
	Never []uint16
}

const (
	// leastInterest is what a port needs: about two sources that try little else, within an hour.
	leastInterest = 1.5
	halfLife      = time.Hour
	// maxPorts bounds the ports that are remembered; those of the least interest are forgotten.
	maxPorts = 4096
	// afterFailure is how long a port that could not be opened is left alone.
	afterFailure = time.Hour
)

// key names a port.
type key struct {
	transport terroir.Transport
	port      uint16
}

// interest is what is known of a port.
type interest struct {
	score float64
	// opened is how often it was, where every day halves what was before.
	opened float64
	failed time.Time
}

// Explorer chooses ports. Seen may be called while it runs.
type Explorer struct {
	opt Options

	mu    sync.Mutex
	ports map[key]*interest
	aged  time.Time

	// The rest belongs to Run.
	open  []exploration
	day   time.Time
	spent time.Duration
}

// exploration is a port that is open.
type exploration struct {
	key   key
	until time.Time
	stop  func() error
}

// New makes an explorer.
func New(opt Options) *Explorer {
	if opt.Look == 0 {
		opt.Look = min(15*time.Second, opt.Hold/4)
	}
	return &Explorer{opt: opt, ports: map[key]*interest{}, aged: time.Now()}
}

// Seen takes the attempts of an interval.
func (x *Explorer) Seen(rows []terroir.Record) {
	tried := map[netip.Addr]float64{}
	for _, r := range rows {
		if explorable(r.Event) {
			tried[r.Event.Source.Addr()]++
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range rows {
		if e := r.Event; explorable(e) {
			x.at(key{e.Transport, e.Destination.Port()}).score += 1 / math.Sqrt(tried[e.Source.Addr()])
		}
	}
	x.forget()
}

// explorable is an attempt on a port that could be opened. Port 0 cannot, and stands for any other when it is bound.
func explorable(e *terroir.Event) bool {
	return e != nil && e.Kind == terroir.KindUnserved && e.Transport != terroir.ICMP && e.Destination.Port() != 0
}

func (x *Explorer) at(k key) *interest {
	i := x.ports[k]
	if i == nil {
		i = &interest{}
		x.ports[k] = i
	}
	return i
}

// forget keeps the ports of the most interest, when there are too many.
func (x *Explorer) forget() {
	if len(x.ports) <= maxPorts {
		return
	}
	var scores []float64
	for _, i := range x.ports {
		scores = append(scores, i.score)
	}
	slices.Sort(scores)
	least := scores[len(scores)-maxPorts/2]
	for k, i := range x.ports {
		if i.score < least && i.opened < 0.1 {
			delete(x.ports, k)
		}
	}
}

// Run explores until ctx ends; then every port is closed.
func (x *Explorer) Run(ctx context.Context) error {
	tick := time.NewTicker(x.opt.Look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return x.closeUntil(time.Time{})
		case <-tick.C:
		}
		now := time.Now()
		x.begin(now)
		if err := x.closeUntil(now); err != nil {
			return err
		}
		for x.affords() {
			k, ok := x.choose(now)
			if !ok {
				break
			}
			x.explore(now, k)
		}
	}
}

// begin starts a new day, and ages what is known.
func (x *Explorer) begin(now time.Time) {
	if day := now.UTC().Truncate(24 * time.Hour); !day.Equal(x.day) {
		x.day, x.spent = day, 0
		x.mu.Lock()
		for _, i := range x.ports {
			i.opened /= 2
		}
		x.mu.Unlock()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	left := math.Exp2(-now.Sub(x.aged).Hours() / halfLife.Hours())
	for k, i := range x.ports {
		if i.score *= left; i.score < 0.01 && i.opened < 0.1 && i.failed.IsZero() {
			delete(x.ports, k)
		}
	}
	x.aged = now
}

// affords says whether one more port may be opened.
func (x *Explorer) affords() bool {
	return len(x.open) < x.opt.Ports && x.spent+x.opt.Hold <= time.Duration(x.opt.Minutes)*time.Minute
}

// choose is the port of the most interest that is not open.
func (x *Explorer) choose(now time.Time) (key, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var best key
	var most float64
	for k, i := range x.ports {
		worth := i.score / (1 + i.opened)
		if worth < leastInterest || now.Sub(i.failed) < afterFailure || x.isOpen(k) || slices.Contains(x.opt.Never, k.port) {
			continue
		}
		if worth > most || worth == most && cmp.Or(cmp.Compare(k.port, best.port), cmp.Compare(k.transport, best.transport)) < 0 {
			best, most = k, worth
		}
	}
	return best, most > 0
}

func (x *Explorer) isOpen(k key) bool {
	return slices.ContainsFunc(x.open, func(e exploration) bool { return e.key == k })
}

// explore opens the port. One that cannot be opened, because somebody else has it, is left alone for a while.
func (x *Explorer) explore(now time.Time, k key) {
	p := terroir.ServedPort{Transport: k.transport, Port: k.port, Service: "explored", Persona: "none"}
	stop, err := x.opt.Open(p)
	x.mu.Lock()
	i := x.at(k)
	if err != nil {
		i.failed = now
	} else {
		i.opened++
	}
	x.mu.Unlock()
	if err != nil {
		slog.Info("a port cannot be explored", "port", p.String(), "error", err)
		return
	}
	x.spent += x.opt.Hold
	x.open = append(x.open, exploration{k, now.Add(x.opt.Hold), stop})
	slog.Info("exploring", "port", p.String(), "for", x.opt.Hold)
}

// closeUntil closes the ports whose time is over, or all of them for the zero time.
func (x *Explorer) closeUntil(now time.Time) error {
	var errs []error
	x.open = slices.DeleteFunc(x.open, func(e exploration) bool {
		over := now.IsZero() || !now.Before(e.until)
		if over {
			errs = append(errs, e.stop())
		}
		return over
	})
	return errors.Join(errs...)
}
