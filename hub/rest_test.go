package hub

import (
	"runtime/debug"
	"testing"
	"time"
)

// TestAHubRestsWhereLittleComes looks at what the collector is told: how much the heap may grow.
func TestAHubRestsWhereLittleComes(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	growth := func() int {
		n := debug.SetGCPercent(100)
		debug.SetGCPercent(n)
		return n
	}
	now := time.Now()
	var r rest
	for _, step := range []struct {
		what string
		do   func()
		want int
	}{
		{"begun", func() { r.work(now) }, growthAtWork},
		{"a moment later", func() { r.look(now.Add(restAfter)) }, growthAtWork},
		{"half a minute later", func() { r.look(now.Add(restAfter + time.Second)) }, growthAtRest},
		{"still", func() { r.look(now.Add(time.Hour)) }, growthAtRest},
		{"a large batch", func() { r.work(now.Add(time.Hour)) }, growthAtWork},
		{"a moment after that", func() { r.look(now.Add(time.Hour + time.Second)) }, growthAtWork},
		{"half a minute after that", func() { r.look(now.Add(time.Hour + time.Minute)) }, growthAtRest},
	} {
		if step.do(); growth() != step.want {
			t.Errorf("%s: the heap may grow by %d percent, want %d", step.what, growth(), step.want)
		}
	}
}

func TestOnlyLargeBatchesAreWork(t *testing.T) {
	for _, c := range []struct {
		records uint64
		work    bool
	}{{10, false}, {busyRows, true}} {
		s := newStation(t)
		h, stop := s.hub()
		s.send("one", 7, 1, 1, 1)
		s.waitMark(7, 1) // The hub has begun, which is work.
		sent := time.Now()
		s.send("more", 7, 1, 2, 1+c.records)
		s.waitMark(7, 1+c.records)
		stop()
		if h.rest.busy.After(sent) != c.work {
			t.Errorf("%d records at once: work is %v, want %v", c.records, !c.work, c.work)
		}
	}
}
