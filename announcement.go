package terroir

import (
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

// Announcement is what a sensor says of itself when it starts and when its configuration changes. From it come the
// dimensions sensors, revisions and served_ports.
type Announcement struct {
	Position
	Time   time.Time
	Region string
	// Version of the sensor's program.
	Version string
	// Addresses that the sensor observes; empty when it does not know them.
	Addresses []netip.Addr
	// Configuration that it serves from Time on.
	Configuration Configuration
	// Serial is that of the hub's document that says so; 0 for what the sensor's own file says.
	Serial uint64
}

// Refusal says why a sensor does not serve a document that it got.
type Refusal struct {
	// Serial is the document's; 0 where it cannot be known, as nobody who is believed signed it.
	Serial uint64
	// Reason is at most MaxReason bytes; "" stands for no refusal.
	Reason string
}

// MaxReason bounds the text of a refusal, in bytes.
const MaxReason = 200

// ShortReason is the text in one line, without what is no text, cut to MaxReason bytes.
func ShortReason(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) <= MaxReason {
		return text
	}
	end := MaxReason - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
