package hub

import (
	"runtime/debug"
	"time"
)

// A hub rests when no batch had busyRows for so long: heartbeats and a little noise do not keep it from that.
const (
	busyRows  = 1000
	restAfter = 30 * time.Second
)

// How much the heap may grow between collections, in percent: at work memory buys a tenth of the processor's time, at rest
// there is nothing to buy.
const (
	growthAtWork = 200
	growthAtRest = 50
)

// rest gives memory back when a hub has little to do. The settings are those of the whole process.
type rest struct {
	// busy is when there was last much to do; resting says that memory was given back since.
	busy    time.Time
	resting bool
}

// work notes that there is much to do.
func (r *rest) work(now time.Time) {
	if r.resting || r.busy.IsZero() {
		debug.SetGCPercent(growthAtWork)
	}
	r.busy, r.resting = now, false
}

// look begins the rest when it is time.
func (r *rest) look(now time.Time) {
	if r.resting || now.Sub(r.busy) <= restAfter {
		return
	}
	r.resting = true
	debug.SetGCPercent(growthAtRest)
	debug.FreeOSMemory()
}
