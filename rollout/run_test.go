package rollout

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"terroir"
	"terroir/config"
	"terroir/hub"
	"terroir/rollout/signed"
)

// region is a hub and its sensors, which do what documents say unless they are told otherwise.
type region struct {
	*Folder
	t  *testing.T
	mu sync.Mutex
	// stubborn are why sensors refuse, mute those that say nothing any more.
	stubborn map[string]string
	mute     map[string]bool
	// seen are the serials that each sensor served, in order.
	seen map[string][]uint64
}

func newRegion(t *testing.T, names ...string) *region {
	t.Helper()
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &region{Folder: f, t: t, stubborn: map[string]string{}, mute: map[string]bool{}, seen: map[string][]uint64{}}
	now := time.Now()
	for _, n := range names {
		s := &Sensor{Sensor: hub.Sensor{Name: n, Region: "sa-east-1", Revision: 1, Beat: now, Announced: now, Since: now, Serves: base(1, 2)}, Base: base(1, 2)}
		if err := f.writeSensor(s); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// serve lets the hub run until the test ends or the returned function is called.
func (r *region) serve() (stop func()) {
	r.t.Helper()
	release, err := r.hold(true, "serving")
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := r.step(); err != nil {
				r.t.Error(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done; release() })
	r.t.Cleanup(stop)
	return stop
}

// step has each sensor take what it was told.
func (r *region) step() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	all, err := r.Sensors()
	if err != nil {
		return err
	}
	for i := range all {
		s := &all[i]
		if r.mute[s.Name] {
			continue
		}
		s.Beat = time.Now()
		w, err := r.wanted(s.Name)
		if err != nil {
			return err
		}
		if w != nil && w.Serial > s.Serial {
			if why := r.stubborn[s.Name]; why != "" && len(w.Periods[0].Ports) > 2 {
				s.Refusal = terroir.Refusal{Serial: w.Serial, Reason: why}
			} else {
				s.Serial, s.Refusal = w.Serial, terroir.Refusal{}
				s.Serves, _ = w.Periods[0].Configuration()
				r.seen[s.Name] = append(r.seen[s.Name], w.Serial)
			}
		}
		if err := r.writeSensor(s); err != nil {
			return err
		}
	}
	return nil
}

// serves are the ports of each sensor.
func (r *region) serves() string {
	r.t.Helper()
	all, err := r.Sensors()
	if err != nil {
		r.t.Fatal(err)
	}
	var list []string
	for _, s := range all {
		p := signed.PeriodOf(s.Serves, time.Time{})
		list = append(list, numbers(&p))
	}
	return strings.Join(list, ", ")
}

func (r *region) last() Rollout {
	r.t.Helper()
	all, err := r.History()
	if err != nil || len(all) == 0 {
		r.t.Fatalf("%v %v", all, err)
	}
	return all[len(all)-1]
}

var add3 = &config.Overlay{Region: "sa-east-1", Add: []config.Port{{Port: 3, Transport: "tcp"}}, Reason: "seen elsewhere"}

// brief are options without much patience.
func brief() Options {
	return Options{Canary: 1, Wait: 300 * time.Millisecond, Confirm: 20 * time.Second}
}

func TestTheCanaryIsFirst(t *testing.T) {
	r := newRegion(t, "a", "b", "c")
	r.serve()
	var said []string
	opt := brief()
	opt.Say = func(line string) {
		if said = append(said, line); strings.HasPrefix(line, "a serves") && r.serves() != "1 2 3, 1 2, 1 2" {
			t.Errorf("with the canary: %s", r.serves())
		}
	}
	if err := r.Apply(context.Background(), add3, opt); err != nil {
		t.Fatal(err)
	}
	if got := r.serves(); got != "1 2 3, 1 2 3, 1 2 3" || r.last().State != Done {
		t.Errorf("%s %v", got, r.last())
	}
	if len(said) != 6 {
		t.Errorf("it said %q", said)
	}
	if err := r.Rollback(context.Background(), 0, "", brief()); err != nil {
		t.Fatal(err)
	}
	if got := r.serves(); got != "1 2, 1 2, 1 2" || r.last().State != Returned {
		t.Errorf("%s %v", got, r.last())
	}
	if err := r.Rollback(context.Background(), 1, "", brief()); terroir.ErrorCode(err) != terroir.ENOTFOUND {
		t.Errorf("a second rollback: %v", err)
	}
}

func TestACanaryThatRefusesHasItRolledBack(t *testing.T) {
	r := newRegion(t, "a", "b")
	r.stubborn["a"] = "tcp/3: address in use"
	r.serve()
	err := r.Apply(context.Background(), add3, brief())
	if terroir.ErrorCode(err) != terroir.ECHECK || !strings.Contains(err.Error(), "address in use") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	l := r.last()
	if l.State != Returned || !strings.Contains(l.Reason, "address in use") || len(l.Sensors) != 1 || l.Sensors[0].Serial != 2 || l.Sensors[0].Confirmed.IsZero() {
		t.Errorf("%+v", l)
	}
	if got := r.serves(); got != "1 2, 1 2" {
		t.Error(got)
	}
	if w, err := r.wanted("b"); w != nil || err != nil {
		t.Errorf("the other was told %v %v", w, err)
	}
}

func TestASensorThatDoesNotConfirmIsNamed(t *testing.T) {
	r := newRegion(t, "a", "b", "c")
	r.stubborn["b"] = "taken"
	r.serve()
	err := r.Apply(context.Background(), add3, brief())
	if terroir.ErrorCode(err) != terroir.EPARTIAL || !strings.Contains(err.Error(), "b (it refuses") || strings.Contains(err.Error(), "c (") {
		t.Errorf("%v", err)
	}
	if got := r.serves(); got != "1 2 3, 1 2, 1 2 3" || r.last().State != Partial {
		t.Errorf("%s %v", got, r.last())
	}
}

func TestARolloutNeedsAHubAndARegionToItself(t *testing.T) {
	r := newRegion(t, "a", "b")
	if err := r.Apply(context.Background(), add3, brief()); terroir.ErrorCode(err) != terroir.EUNREACHABLE {
		t.Errorf("without a hub: %v", err)
	}
	r.serve()
	elsewhere := *add3
	elsewhere.Region = "eu-west-3"
	if err := r.Apply(context.Background(), &elsewhere, brief()); terroir.ErrorCode(err) != terroir.ENOTFOUND {
		t.Errorf("a region without sensors: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	opt, begun, done := brief(), make(chan struct{}), make(chan error, 1)
	opt.Wait = time.Hour
	once := sync.OnceFunc(func() { close(begun) })
	opt.Watched = func(time.Duration, time.Duration) { once() }
	go func() { done <- r.Apply(ctx, add3, opt) }()
	<-begun
	for name, f := range map[string]func() error{
		"a second":   func() error { return r.Apply(context.Background(), add3, brief()) },
		"a resume":   func() error { return r.Resume(context.Background(), "", brief()) },
		"a rollback": func() error { return r.Rollback(context.Background(), 1, "", brief()) },
	} {
		if err := f(); terroir.ErrorCode(err) != terroir.ECONFIG || !strings.Contains(err.Error(), "under way") {
			t.Errorf("%s at once: %v", name, err)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("ended by hand: %v", err)
	}
	if err := r.Apply(context.Background(), add3, brief()); terroir.ErrorCode(err) != terroir.ECONFIG || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("while one is unfinished: %v", err)
	}
	if err := r.Rollback(context.Background(), 1, "", brief()); err != nil {
		t.Fatal(err)
	}
	if got := r.serves(); got != "1 2, 1 2" {
		t.Error(got)
	}
	if err := r.Resume(context.Background(), "", brief()); terroir.ErrorCode(err) != terroir.ENOTFOUND {
		t.Errorf("nothing is unfinished: %v", err)
	}
}

// TestWhereverItIsKilledItIsGoneOnWith ends a rollout that succeeds, and one that fails, after each entry of its history, with
// and without what the entry says done, and with half an entry more. Resuming brings each to the same end.
func TestWhereverItIsKilledItIsGoneOnWith(t *testing.T) {
	for name, c := range map[string]struct {
		stubborn, end string
		state         Step
	}{
		"succeeds": {"", "1 2 3, 1 2 3, 1 2 3", Done},
		"fails":    {"taken", "1 2, 1 2, 1 2", Returned},
	} {
		whole := newRegion(t, "a", "b", "c")
		whole.stubborn["a"] = c.stubborn
		stop := whole.serve()
		_ = whole.Apply(context.Background(), add3, brief())
		stop()
		text, err := os.ReadFile(whole.path("history.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.SplitAfter(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
		for n := 1; n < len(lines); n++ {
			for _, did := range []bool{true, false} {
				r := newRegion(t, "a", "b", "c")
				r.stubborn["a"] = c.stubborn
				r.killed(slices.Concat(bytes.Join(lines[:n], nil), lines[n][:len(lines[n])/2]), did)
				r.serve()
				opt := brief()
				opt.Wait = time.Millisecond
				err := r.Resume(context.Background(), "", opt)
				if c.state == Done && err != nil || c.state == Returned && terroir.ErrorCode(err) != terroir.ECHECK {
					t.Errorf("%s, after %d entries: %v", name, n, err)
				}
				if got := r.serves(); got != c.end || r.last().State != c.state {
					t.Errorf("%s, after %d entries: %s, %s", name, n, got, r.last().State)
				}
				for s, serials := range r.seen {
					if !slices.IsSorted(serials) || len(slices.Compact(slices.Clone(serials))) != len(serials) {
						t.Errorf("%s, after %d entries: %s served %v", name, n, s, serials)
					}
				}
			}
		}
	}
}

// killed leaves what a command that was killed leaves. did says whether what the last entry says was done.
func (r *region) killed(history []byte, did bool) {
	r.t.Helper()
	if err := os.WriteFile(r.path("history.jsonl"), history, 0o600); err != nil {
		r.t.Fatal(err)
	}
	entries, err := r.entries()
	if err != nil {
		r.t.Fatal(err)
	}
	for i, e := range entries {
		if e.Step == Published && (did || i < len(entries)-1) {
			if err := r.want(&Wanted{e.Sensor, e.Serial, e.Periods}); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

func TestADamagedHistoryIsSaid(t *testing.T) {
	r := newRegion(t, "a")
	for _, text := range []string{"{}\n", "no json\n", `{"rollout":2,"step":"begun","overlay":{}}` + "\n", `{"rollout":1,"step":"done"}` + "\n"} {
		if err := os.WriteFile(r.path("history.jsonl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if list, err := r.History(); err == nil {
			t.Errorf("%q: %v", text, list)
		}
	}
}
