package rollout

import (
	"fmt"
	"time"
)

// Limits say how much worse a canary may do than before.
type Limits struct {
	// Factor is how many times the rate of refused attempts, and the share of errors, may be of what it was.
	Factor float64
	// Few refused attempts, or errors, in all are never too many.
	Few int64
	// Slack is how much later than expected a heartbeat may come.
	Slack time.Duration
}

// DefaultLimits are those of Options that name none.
func DefaultLimits() Limits { return Limits{Factor: 3, Few: 20, Slack: 15 * time.Second} }

// leastShare is the share of errors that a canary may have, times Factor, also where it had none before.
const leastShare = 0.1

// sample is what was known of a canary at a time.
type sample struct {
	at time.Time
	Sensor
}

// verdict is why the canary, which was told serial, fails, or "".
func (l Limits) verdict(before, now sample, serial uint64) string {
	switch {
	case now.Refusal.Serial >= serial && now.Refusal.Reason != "":
		return "it refuses the configuration: " + now.Refusal.Reason
	case now.Serial != serial:
		return fmt.Sprintf("it serves serial %d again", now.Serial)
	}
	every := now.Every
	if every == 0 {
		every = time.Minute
	}
	if silent := now.at.Sub(later(now.Beat, before.at)); silent > 3*every+l.Slack {
		return fmt.Sprintf("no heartbeat for %s", silent.Round(time.Second))
	}
	b, first := before, before.at
	if !now.Since.Equal(before.Since) { // The hub began to count anew.
		b, first = sample{at: now.Since, Sensor: Sensor{}}, now.Since
	}
	refused, elapsed := now.Limits-b.Limits, now.at.Sub(first)
	if refused > l.Few && rate(refused, elapsed) > l.Factor*rate(before.Limits, before.at.Sub(before.Since)) {
		return fmt.Sprintf("its listeners refused %d attempts in %s (descriptors or limits)", refused, elapsed.Round(time.Second))
	}
	events, errs := now.Events-b.Events, now.Errors-b.Errors
	if errs > l.Few && share(errs, events) > l.Factor*max(share(before.Errors, before.Events), leastShare) {
		return fmt.Sprintf("%d of %d events are errors, before it was %d of %d", errs, events, before.Errors, before.Events)
	}
	return ""
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// rate is n per minute.
func rate(n int64, d time.Duration) float64 { return float64(n) / max(d.Minutes(), 1.0/60) }

// share is n of all.
func share(n, all int64) float64 { return float64(n) / float64(max(all, 1)) }
