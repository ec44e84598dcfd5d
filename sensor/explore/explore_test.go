package explore

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"terroir"
)

func attempt(from int, port uint16) terroir.Record {
	return terroir.Record{Event: &terroir.Event{Kind: terroir.KindUnserved, Transport: terroir.TCP, Attempts: 1,
		Source:      netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(from >> 8), byte(from)}), 4000),
		Destination: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)}}
}

// field remembers what is opened and closed, with the time since it began.
type field struct {
	begun time.Time
	log   []string
	open  int
	most  int
	taken uint16
}

func (f *field) since() time.Duration { return time.Since(f.begun).Round(time.Minute) }

func (f *field) Open(p terroir.ServedPort) (func() error, error) {
	if p.Port == f.taken {
		return nil, errors.New("taken")
	}
	f.open++
	f.most = max(f.most, f.open)
	f.log = append(f.log, fmt.Sprintf("%s %s+", f.since(), p))
	return func() error {
		f.open--
		f.log = append(f.log, fmt.Sprintf("%s %s-", f.since(), p))
		return nil
	}, nil
}

// run explores in a bubble with a clock of its own, until the time is over.
func run(t *testing.T, opt Options, taken uint16, lasts time.Duration, during func(*Explorer)) *field {
	t.Helper()
	f := &field{taken: taken}
	synctest.Test(t, func(t *testing.T) {
		f.begun = time.Now()
		opt.Open = f.Open
		x := New(opt)
		ctx, cancel := context.WithTimeout(context.Background(), lasts)
		defer cancel()
		go during(x)
		if err := x.Run(ctx); err != nil {
			t.Error(err)
		}
		if f.open != 0 {
			t.Errorf("%d ports are left open", f.open)
		}
	})
	return f
}

func TestThePortOfTheMostSourcesIsExplored(t *testing.T) {
	f := run(t, Options{Ports: 2, Hold: 10 * time.Minute, Minutes: 60}, 9000, 25*time.Minute, func(x *Explorer) {
		var rows []terroir.Record
		for i := range 10 {
			rows = append(rows, attempt(i, 5900), attempt(i, 9000)) // 9000 is taken by somebody else
		}
		rows = append(rows, attempt(100, 8000), attempt(101, 8000), attempt(102, 8000))
		rows = append(rows, attempt(100, 0), attempt(200, 7001)) // no port, and one source alone
		for port := range 2000 {
			rows = append(rows, attempt(300, uint16(10_000+port))) // a scan of everything
		}
		x.Seen(rows)
	})
	got := strings.Join(f.log, " ")
	if want := "0s tcp/5900+ 0s tcp/8000+ 10m0s tcp/5900- 10m0s tcp/8000- 10m0s tcp/5900+ 20m0s tcp/5900-"; !strings.HasPrefix(got, want) {
		t.Errorf("got %s", got)
	}
	if f.most > 2 || strings.Contains(got, "7001") || strings.Contains(got, "tcp/1") {
		t.Errorf("got %s", got)
	}
}

func TestTheBudgetOfADayIsKept(t *testing.T) {
	busy := func(x *Explorer) {
		for range 26 * 60 {
			var rows []terroir.Record
			for port := range 50 {
				for i := range 5 {
					rows = append(rows, attempt(port*8+i, uint16(8000+port)))
				}
			}
			x.Seen(rows)
			time.Sleep(time.Minute)
		}
	}
	f := run(t, Options{Ports: 3, Hold: 10 * time.Minute, Minutes: 100, Never: []uint16{8001}}, 0, 26*time.Hour, busy)
	opened := map[string]int{}
	for _, line := range f.log {
		if strings.HasSuffix(line, "+") {
			opened[strings.Fields(line)[1]]++
		}
	}
	var all int
	for port, n := range opened {
		if all += n; n > 1 || port == "tcp/8001+" {
			t.Errorf("%s was opened %d times", port, n)
		}
	}
	// The clock of the bubble begins at midnight: two days are touched, with 10 ports of 10 minutes each.
	if all != 20 || f.most != 3 {
		t.Errorf("%d were opened, at most %d at once: %v", all, f.most, f.log)
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	x := New(Options{Ports: 1, Hold: time.Minute, Minutes: 1})
	for i := range 5 {
		var rows []terroir.Record
		for port := 1; port < 65536; port++ {
			rows = append(rows, attempt(i*70_000+port, uint16(port)))
		}
		x.Seen(rows)
		if len(x.ports) > 65535 {
			t.Fatalf("%d ports", len(x.ports))
		}
	}
	var scores []float64
	for _, i := range x.ports {
		scores = append(scores, i.score)
	}
	if slices.Max(scores) < 1 {
		t.Errorf("the interest is lost: %v", slices.Max(scores))
	}
}
