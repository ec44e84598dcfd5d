package terroir

import (
	"net/netip"
	"time"
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
}
