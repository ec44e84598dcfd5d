package bus

import "github.com/nats-io/nats.go/jetstream"

// MaxWaiting is how many messages of one sensor may wait on the bus for the hub. The server refuses more, whoever sends
// them; a sensor keeps what was refused and tries again. With MaxMessage it bounds the bytes, too.
const MaxWaiting = 1024

// How much a sensor sends at most: so many bytes and messages per second, after so many at once. A hub bears a multiple of
// it before it takes a sensor for stolen (package fleet), so that those who keep to it are never meant.
const (
	PaceBytes       = 16 << 20
	PaceBytesAtOnce = 64 << 20

	PaceMessages       = 20
	PaceMessagesAtOnce = 200
)

// Bounded is the stream's configuration with the bounds of what one sensor may have in it.
func Bounded(c jetstream.StreamConfig) jetstream.StreamConfig {
	c.MaxMsgSize = MaxMessage
	c.Discard, c.DiscardNewPerSubject, c.MaxMsgsPerSubject = jetstream.DiscardNew, true, MaxWaiting
	return c
}
