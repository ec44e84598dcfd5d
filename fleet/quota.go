package fleet

import (
	"cmp"
	"slices"
	"time"

	"terroir/bus"
	"terroir/bus/server"
)

// Quota bounds what the holder of one key may send, over all its connections. Who sends more is held up until, on the
// average, it is not more: its key is not accepted so long. What was sent within the quota stays, and a sensor keeps the
// rest in its spool. What may lie on the bus at rest is bounded by bus.MaxWaiting, whoever looks.
type Quota struct {
	// Bytes and Messages per second, after so many at once.
	Bytes, BytesAtOnce, Messages, MessagesAtOnce float64
	// Connections of one key at a time; a sensor has one, and two while it changes over.
	Connections int
}

// defaultQuota is twice the bytes that a sensor allows itself, and ten times the messages: it also asks and confirms.
func defaultQuota() Quota {
	return Quota{Bytes: 2 * bus.PaceBytes, BytesAtOnce: 2 * bus.PaceBytesAtOnce, Messages: 10 * bus.PaceMessages, MessagesAtOnce: 10 * bus.PaceMessagesAtOnce,
		Connections: 4}
}

// shortestHold is how long who sent too much is held up at least.
const shortestHold = time.Second

// guard keeps count of what each key sends.
type guard struct {
	quota Quota
	keys  map[string]*account
	at    time.Time
}

// account is what one key may still send.
type account struct {
	bytes, messages float64
	// seen is what each of its connections had sent when it was looked at last.
	seen map[uint64]server.Client
}

func newGuard(q Quota) *guard { return &guard{quota: q, keys: map[string]*account{}} }

// look takes in what the connections have sent by now. It returns the keys that sent too much with how long they are to be
// held up, and the connections that are too many.
func (g *guard) look(now time.Time, clients []server.Client) (hold map[string]time.Duration, surplus []uint64) {
	slices.SortFunc(clients, func(a, b server.Client) int { return cmp.Compare(a.ID, b.ID) })
	by := map[string][]server.Client{}
	for _, c := range clients {
		by[c.Key] = append(by[c.Key], c)
	}
	g.refill(now, by)
	hold = map[string]time.Duration{}
	for key, list := range by {
		a := g.keys[key]
		if a == nil {
			a = &account{bytes: g.quota.BytesAtOnce, messages: g.quota.MessagesAtOnce}
			g.keys[key] = a
		}
		surplus = append(surplus, g.surplus(list)...)
		a.charge(list)
	}
	for key, a := range g.keys {
		if debt := g.debt(a); debt > 0 {
			hold[key] = max(time.Duration(debt*float64(time.Second)), shortestHold)
		}
	}
	return hold, surplus
}

// refill gives every account what it is due, and forgets those that are full and whose connections are gone.
func (g *guard) refill(now time.Time, by map[string][]server.Client) {
	passed := max(now.Sub(g.at).Seconds(), 0)
	g.at = now
	for key, a := range g.keys {
		a.bytes = min(a.bytes+passed*g.quota.Bytes, g.quota.BytesAtOnce)
		a.messages = min(a.messages+passed*g.quota.Messages, g.quota.MessagesAtOnce)
		if len(by[key]) == 0 && a.bytes == g.quota.BytesAtOnce && a.messages == g.quota.MessagesAtOnce {
			delete(g.keys, key)
		}
	}
}

// charge takes off what the connections sent since they were looked at last.
func (a *account) charge(list []server.Client) {
	seen := map[uint64]server.Client{}
	for _, c := range list {
		before := a.seen[c.ID]
		a.bytes -= float64(c.Bytes - before.Bytes)
		a.messages -= float64(c.Messages - before.Messages)
		seen[c.ID] = c
	}
	a.seen = seen
}

// debt is how many seconds it takes until the account is even.
func (g *guard) debt(a *account) float64 {
	return max(-a.bytes/g.quota.Bytes, -a.messages/g.quota.Messages)
}

// surplus are the latest of too many connections that are open.
func (g *guard) surplus(list []server.Client) (ids []uint64) {
	open := 0
	for _, c := range list {
		if c.Closed {
			continue
		}
		if open++; open > g.quota.Connections {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
