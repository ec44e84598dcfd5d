package hub

import (
	"slices"
	"testing"
	"time"

	"terroir/bus"
)

func TestEveryPartitionHasOneWorkerAndFewChangeHands(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	before := owners(t, names)
	after := owners(t, names[:3]) // d ended
	for p, w := range before {
		if w != "d" && after[p] != w {
			t.Errorf("partition %d went from %s to %s though %s lives", p, w, after[p], w)
		}
	}
	if alone := assigned("a", []string{"a"}); !slices.Equal(alone, bus.AllPartitions()) {
		t.Errorf("alone it has %v", alone)
	}
}

func owners(t *testing.T, names []string) map[bus.Partition]string {
	t.Helper()
	of := map[bus.Partition]string{}
	for _, w := range names {
		mine := assigned(w, names)
		if len(mine) == 0 || len(mine) == len(bus.AllPartitions()) {
			t.Errorf("%s has %d partitions", w, len(mine))
		}
		for _, p := range mine {
			if of[p] != "" {
				t.Errorf("partition %d is of %s and %s", p, of[p], w)
			}
			of[p] = w
		}
	}
	if len(of) != len(bus.AllPartitions()) {
		t.Errorf("only %d partitions are assigned", len(of))
	}
	return of
}

func TestAWorkerThatDoesNotHearItselfBelievesNothingOfOthers(t *testing.T) {
	l := &lease{name: "me", ttl: time.Second, seen: map[string]time.Time{}}
	at := time.Now()
	l.hear(bus.Worker{Name: "me"}, at)
	if l.sees(at) {
		t.Error("it relies on what it heard before it was told of all")
	}
	l.hear(bus.Worker{Name: "other"}, at)
	l.hear(bus.Worker{}, at)
	if !l.sees(at) || len(l.workers(at)) != 2 {
		t.Errorf("%v", l.seen)
	}
	at = at.Add(time.Minute) // The bus was away.
	if l.sees(at) {
		t.Error("it believes that the other died, though it did not hear itself either")
	}
	l.hear(bus.Worker{Name: "me"}, at)
	if got := l.workers(at); len(got) != 2 {
		t.Errorf("the other is taken for dead at once: %v", got)
	}
	at = at.Add(900 * time.Millisecond)
	l.hear(bus.Worker{Name: "me"}, at)
	if got := l.workers(at.Add(200 * time.Millisecond)); !slices.Equal(got, []string{"me"}) {
		t.Errorf("%v live, though the other says nothing", got)
	}
	l.hear(bus.Worker{Name: "other"}, at)
	l.hear(bus.Worker{Name: "other", Left: true}, at)
	if got := l.workers(at); len(got) != 1 {
		t.Errorf("one who left is still there: %v", got)
	}
}
