package measure

import (
	"fmt"
	"math"
)

// Rarity of a payload on a port, in nats: -ln of the share of the port's sources that sent its template, and -ln of the share
// of them that spoke its protocol.
type Rarity float64

// RarityOf takes distinct sources of the port: those that sent the template, those that spoke the protocol, and all that sent
// anything. It fails where they do not contain each other, or nobody sent the template.
//
// The definition is this project's own. It is Shannon's surprise (1948) of the two, taken for independent; it is not a test.
func RarityOf(template, protocol, all int64) (Rarity, error) {
	if template < 1 || protocol < template || all < protocol {
		return 0, fmt.Errorf("a template of %d sources, a protocol of %d, a port of %d", template, protocol, all)
	}
	n := float64(all)
	return Rarity(math.Log(n/float64(template)) + math.Log(n/float64(protocol))), nil
}

// String says it in words: each step is about ten times as rare as the one before.
func (r Rarity) String() string {
	nats := float64(r)
	switch {
	case nats < math.Log(10):
		return "common"
	case nats < math.Log(100):
		return "uncommon"
	case nats < math.Log(1000):
		return "rare"
	}
	return "very rare"
}
