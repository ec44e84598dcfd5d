package fleet

import (
	"testing"
	"time"

	"terroir/bus/server"
)

var small = Quota{Bytes: 100, BytesAtOnce: 1000, Messages: 10, MessagesAtOnce: 100, Connections: 2}

func TestWhoSendsMoreIsHeldUntilItIsEven(t *testing.T) {
	g, now := newGuard(small), time.Unix(1000, 0)
	look := func(after time.Duration, clients ...server.Client) time.Duration {
		now = now.Add(after)
		hold, _ := g.look(now, clients)
		return hold["a"]
	}
	for _, step := range []struct {
		what   string
		after  time.Duration
		client server.Client
		want   time.Duration
	}{
		{"at once", 0, server.Client{ID: 1, Bytes: 1000, Messages: 1}, 0},
		{"as it refills", time.Second, server.Client{ID: 1, Bytes: 1000, Messages: 1}, 0},
		{"too much", 0, server.Client{ID: 1, Bytes: 1600, Messages: 1}, 5 * time.Second},
		{"closed, and in debt", 4 * time.Second, server.Client{ID: 1, Bytes: 1600, Messages: 1, Closed: true}, time.Second},
		{"out of debt", 2 * time.Second, server.Client{ID: 1, Bytes: 1600, Messages: 1, Closed: true}, 0},
		{"by another connection", 0, server.Client{ID: 2, Bytes: 1200, Messages: 1}, 11 * time.Second},
		{"small ones", 20 * time.Second, server.Client{ID: 3, Bytes: 1, Messages: 160}, 6 * time.Second},
	} {
		step.client.Key = "a"
		if got := look(step.after, step.client); got.Round(time.Second) != step.want {
			t.Errorf("%s: held for %s, want %s", step.what, got, step.want)
		}
	}
}

func TestKeysAreOfNoConcernToEachOther(t *testing.T) {
	g := newGuard(small)
	hold, surplus := g.look(time.Unix(1000, 0), []server.Client{{ID: 4, Key: "b"}, {ID: 1, Key: "a", Bytes: 5000}, {ID: 2, Key: "b"}, {ID: 3, Key: "b"}, {ID: 5, Key: "b", Closed: true}})
	if len(hold) != 1 || hold["a"] < shortestHold {
		t.Errorf("held: %v", hold)
	}
	if len(surplus) != 1 || surplus[0] != 4 {
		t.Errorf("surplus: %v, want the latest of three", surplus)
	}
	g.look(time.Unix(5000, 0), nil)
	if len(g.keys) != 0 {
		t.Errorf("%d keys are remembered for nothing", len(g.keys))
	}
}
