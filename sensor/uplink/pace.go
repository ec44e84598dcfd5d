package uplink

import (
	"time"

	"terroir/bus"
)

// pace keeps a sensor within what a hub bears (bus.PaceBytes): who sends more would be taken for stolen.
type pace struct {
	// bytes and messages are what may still be sent at once; less than zero is sent later.
	bytes, messages float64
	at              time.Time
}

func newPace(now time.Time) pace {
	return pace{float64(bus.PaceBytesAtOnce), float64(bus.PaceMessagesAtOnce), now}
}

// take counts a message of so many bytes and returns how long to wait before it is sent.
func (p *pace) take(now time.Time, bytes int) time.Duration {
	passed := max(now.Sub(p.at).Seconds(), 0)
	p.at = now
	p.bytes = min(p.bytes+passed*float64(bus.PaceBytes), float64(bus.PaceBytesAtOnce)) - float64(bytes)
	p.messages = min(p.messages+passed*float64(bus.PaceMessages), float64(bus.PaceMessagesAtOnce)) - 1
	wait := max(-p.bytes/float64(bus.PaceBytes), -p.messages/float64(bus.PaceMessages), 0)
	return time.Duration(wait * float64(time.Second))
}
